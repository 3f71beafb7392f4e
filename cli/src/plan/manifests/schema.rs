//! What the API server does with an object before it looks at the values: fields that it does not know and values of another type are
//! refused, nulls go, defaults come.

use ferrolb_crds::api;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::node::{Content, Node};

/// The schema of a kind.
pub(super) struct Schema {
    root: Value,
    /// A resource of Kubernetes itself is decoded into a Go type: a null is its zero value, and what is required and which limits hold is
    /// said elsewhere.
    built_in: bool,
}

/// A value that is refused.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Wrong {
    pub(super) line: usize,
    pub(super) field: String,
    pub(super) cause: String,
}

impl Schema {
    /// The schema of a resource of Kubernetes.
    pub(super) fn built_in<K: JsonSchema>() -> Self {
        Self {
            root: inlined::<K>(),
            built_in: true,
        }
    }

    /// The schema of a resource of ours. Its status is left out, as the API server does when an object is written.
    pub(super) fn of_definition(kind: &str, version: &str) -> Self {
        let definition = api::definitions()
            .into_iter()
            .find(|one| one.spec.names.kind == kind);
        let versions = definition.map(|one| one.spec.versions).unwrap_or_default();
        let schema = versions.into_iter().find(|one| one.name == version);
        let schema = serde_json::to_value(schema).unwrap_or_default();
        let mut root = schema["schema"]["openAPIV3Schema"].clone();
        let any = json!({"x-kubernetes-preserve-unknown-fields": true});
        for (field, schema) in [
            ("apiVersion", any.clone()),
            ("kind", any.clone()),
            ("metadata", inlined::<ObjectMeta>()),
            ("status", any),
        ] {
            root["properties"][field] = schema;
        }
        Self {
            root,
            built_in: false,
        }
    }

    /// The object as it is decoded, and what is wrong with it.
    pub(super) fn read(&self, object: &Node) -> (Value, Vec<Wrong>) {
        let mut walk = Walk {
            built_in: self.built_in,
            wrong: Vec::new(),
        };
        let mut value = walk.value(&self.root, object, "");
        if let Some(fields) = value.as_object_mut().filter(|_| !self.built_in) {
            fields.remove("status");
        }
        (value, walk.wrong)
    }
}

fn inlined<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::default().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

struct Walk {
    built_in: bool,
    wrong: Vec<Wrong>,
}

impl Walk {
    fn refuse(&mut self, node: &Node, field: &str, cause: String) -> Value {
        self.wrong.push(Wrong {
            line: node.line,
            field: field.to_owned(),
            cause,
        });
        Value::Null
    }

    fn value(&mut self, schema: &Value, node: &Node, path: &str) -> Value {
        let expected = schema["type"].as_str().unwrap_or_default();
        match (&node.content, expected) {
            (Content::Mapping(_), "object") => self.object(schema, node, path),
            (Content::Sequence(items), "array") => self.array(schema, items, node, path),
            (Content::Scalar(Value::String(text)), "string") => self.text(schema, text, node, path),
            (Content::Scalar(Value::Number(_)), "integer") => self.integer(schema, node, path),
            (Content::Scalar(Value::Number(_)), "number") | (Content::Scalar(Value::Bool(_)), "boolean") => {
                node.to_json()
            }
            (Content::Scalar(Value::Number(_) | Value::String(_)), _)
                if schema["x-kubernetes-int-or-string"] == true =>
            {
                node.to_json()
            }
            (_, "") if schema["x-kubernetes-int-or-string"].is_null() => node.to_json(),
            _ => {
                let expected = match expected {
                    "" => "a number or a text".to_owned(),
                    one => format!("of type {one}"),
                };
                self.refuse(
                    node,
                    path,
                    format!("must be {expected}, not {}", node.described()),
                )
            }
        }
    }

    fn object(&mut self, schema: &Value, node: &Node, path: &str) -> Value {
        let Content::Mapping(fields) = &node.content else {
            return Value::Null;
        };
        let known = schema["properties"].as_object();
        let others = schema.get("additionalProperties");
        let free =
            (known.is_none() && others.is_none()) || schema["x-kubernetes-preserve-unknown-fields"] == true;
        let mut read = Map::new();
        for (name, field) in fields {
            let at = below(path, name);
            let schema = known.and_then(|known| known.get(name)).or(others);
            let value = match schema {
                // A null is an absent field. In a map of texts it is an empty one.
                Some(schema) if field.is_null() => {
                    let is_map = known.is_none() && (self.built_in || is_of_metadata(path));
                    (is_map && schema["type"] == "string").then(|| json!(""))
                }
                Some(schema) => Some(self.value(schema, field, &at)),
                None if free => Some(field.to_json()),
                // A newer Kubernetes may tell more.
                None if path == "status" || path.starts_with("status.") => None,
                None => Some(self.refuse(field, &at, "unknown field".to_owned())),
            };
            read.extend(value.map(|value| (name.clone(), value)));
        }
        if !self.built_in && !is_of_metadata(path) {
            self.complete(schema, &mut read, node, path);
        }
        Value::Object(read)
    }

    /// Defaults, and what must be there.
    fn complete(&mut self, schema: &Value, read: &mut Map<String, Value>, node: &Node, path: &str) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(default) = field.get("default") {
                read.entry(name).or_insert_with(|| default.clone());
            }
        }
        let required = schema["required"].as_array().into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if !read.contains_key(name) {
                self.refuse(node, &below(path, name), "Required value".to_owned());
            }
        }
    }

    fn array(&mut self, schema: &Value, items: &[Node], node: &Node, path: &str) -> Value {
        if !self.built_in {
            let count = items.len();
            match (schema["minItems"].as_u64(), schema["maxItems"].as_u64()) {
                (Some(least), _) if (count as u64) < least => {
                    self.refuse(node, path, format!("should have at least {least} items"));
                }
                (_, Some(most)) if count as u64 > most => {
                    let cause = format!("Too many: {count}: must have at most {most} items");
                    self.refuse(node, path, cause);
                }
                _ => {}
            }
        }
        let of = &schema["items"];
        let mut item = |(at, item): (usize, &Node)| {
            let path = format!("{path}[{at}]");
            if !item.is_null() || !self.built_in {
                return self.value(of, item, &path);
            }
            match of["type"].as_str() {
                Some("object") => json!({}),
                Some("string") => json!(""),
                _ => json!(0),
            }
        };
        items.iter().enumerate().map(&mut item).collect()
    }

    fn text(&mut self, schema: &Value, text: &str, node: &Node, path: &str) -> Value {
        let most = schema["maxLength"].as_u64().filter(|_| !self.built_in);
        if let Some(most) = most.filter(|most| text.chars().count() as u64 > *most) {
            return self.refuse(node, path, format!("Too long: may not be more than {most} bytes"));
        }
        if schema["format"] == "date-time" && text.parse::<Timestamp>().is_err() {
            let cause = format!("\"{text}\" is no time like 2026-01-01T00:00:00Z");
            return self.refuse(node, path, cause);
        }
        Value::String(text.to_owned())
    }

    fn integer(&mut self, schema: &Value, node: &Node, path: &str) -> Value {
        let value = node.to_json();
        let Some(number) = value.as_i64() else {
            return self.refuse(node, path, format!("must be of type integer, not {value}"));
        };
        if schema["format"] == "int32" && i32::try_from(number).is_err() {
            return self.refuse(node, path, format!("{number} does not fit an integer of 32 bits"));
        }
        let bound = |name: &str| schema[name].as_f64().filter(|_| !self.built_in);
        #[expect(clippy::cast_precision_loss, reason = "the bounds are small")]
        let as_float = number as f64;
        if let Some(least) = bound("minimum").filter(|least| as_float < *least) {
            let cause = format!("{number}: should be greater than or equal to {least}");
            return self.refuse(node, path, cause);
        }
        if let Some(most) = bound("maximum").filter(|most| as_float > *most) {
            let cause = format!("{number}: should be less than or equal to {most}");
            return self.refuse(node, path, cause);
        }
        value
    }
}

/// The metadata of every object is decoded into a Go type.
fn is_of_metadata(path: &str) -> bool {
    path == "metadata" || path.starts_with("metadata.")
}

fn below(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Service;
    use rstest::rstest;

    use super::super::yaml;
    use super::*;

    fn read(schema: &Schema, text: &str) -> (Value, Vec<String>) {
        let root = yaml::parse(text, 1).unwrap().root.unwrap();
        let (value, wrong) = schema.read(&root);
        let wrong = wrong
            .iter()
            .map(|one| format!("{}: {}: {}", one.line, one.field, one.cause));
        (value, wrong.collect())
    }

    #[test]
    fn a_null_is_an_absent_field() {
        let pool = Schema::of_definition("IPAddressPool", "v1beta1");
        let text = "metadata: {name: p, labels: {a: null}}\nspec: {addresses: [192.0.2.0/28], autoAssign: null, avoidBuggyIPs: ~,\n serviceAllocation: {priority: null, namespaces: null, serviceSelectors: [{matchLabels: }]}}\nstatus: 5";
        let expected = json!({"metadata": {"name": "p", "labels": {"a": ""}}, "spec": {"addresses": ["192.0.2.0/28"],
            "autoAssign": true, "avoidBuggyIPs": false, "serviceAllocation": {"serviceSelectors": [{}]}}});
        assert_eq!(read(&pool, text), (expected, vec![]));
        let service = Schema::built_in::<Service>();
        let text = "spec: {type: null, selector: {app: null}, externalIPs: [null], ports: [null]}";
        let expected = json!({"spec": {"selector": {"app": ""}, "externalIPs": [""], "ports": [{}]}});
        assert_eq!(read(&service, text), (expected, vec![]));
    }

    #[test]
    fn all_faults_of_an_object_are_named_with_their_lines() {
        let text = "metadata:\n  name: web\n  annotation: {}\nspec:\n  type: 5\n  ports:\n  - port: x\n  - {port: 80, protokol: UDP}\n";
        let (_, wrong) = read(&Schema::built_in::<Service>(), text);
        let expected = [
            "3: metadata.annotation: unknown field",
            "7: spec.ports[0].port: must be of type integer, not \"x\"",
            "8: spec.ports[1].protokol: unknown field",
            "5: spec.type: must be of type string, not 5",
        ];
        assert_eq!(wrong, expected);
    }

    #[rstest]
    #[case::missing("spec: {}", "1: spec.addresses: Required value")]
    #[case::none("spec: {addresses: []}", "1: spec.addresses: should have at least 1 items")]
    #[case::null_entry(
        "spec: {addresses: [null]}",
        "1: spec.addresses[0]: must be of type string, not null"
    )]
    #[case::number(
        "spec: {addresses: [5]}",
        "1: spec.addresses[0]: must be of type string, not 5"
    )]
    #[case::text_as_boolean(
        "spec: {addresses: [a], autoAssign: 'yes'}",
        "1: spec.autoAssign: must be of type boolean, not \"yes\""
    )]
    #[case::no_spec("metadata: {}", "1: spec: Required value")]
    fn a_pool_is_refused_as_by_its_schema(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(
            read(&Schema::of_definition("IPAddressPool", "v1beta1"), text).1,
            [expected]
        );
    }

    #[test]
    fn limits_are_those_of_the_schema() {
        let text =
            "spec: {preferredNodeSelectors: [{weight: 0, preference: {}}, {weight: 101, preference: {}}]}";
        let (_, wrong) = read(&Schema::of_definition("L2Advertisement", "v1beta1"), text);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
    }
}
