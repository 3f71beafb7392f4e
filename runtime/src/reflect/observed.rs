//! An object as it came from the API server: its identity, and the value if it could be decoded.
//!
//! Like `kube`'s `DeserializeGuard`, but it never fails on a JSON object, whatever is in its metadata: one odd object
//! must fail neither the whole list nor, in a watch, be skipped without a trace. And it names the field.

use std::borrow::Cow;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::DynamicResourceScope;
use serde::de::{DeserializeOwned, DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// What most objects take without their `managedFields`.
const USUAL_BYTES: usize = 2048;

/// An object of type `K`, decoded or not.
#[derive(Clone, Debug)]
pub(super) struct Observed<K> {
    /// Name, namespace, uid and resource version only.
    pub(super) identity: ObjectMeta,
    /// The object, or what is wrong with it.
    pub(super) value: Result<K, Undecoded>,
}

/// An object that does not fit its type.
#[derive(Clone, Debug)]
pub(super) struct Undecoded {
    /// Path of the field and what is wrong with it.
    pub(super) message: String,
    /// The object as it came.
    pub(super) raw: Value,
}

impl<'de, K: DeserializeOwned + Resource> Deserialize<'de> for Observed<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = Vec::with_capacity(USUAL_BYTES);
        Copying(Part::Object, &mut text).deserialize(deserializer)?;
        // Nearly all objects fit, and a tree of each would cost more than all the rest.
        if let Ok(value) = serde_json::from_slice::<K>(&text) {
            return Ok(Self {
                identity: identity(value.meta()),
                value: Ok(value),
            });
        }
        let raw: Value = serde_json::from_slice(&text).map_err(D::Error::custom)?;
        Ok(Self {
            identity: identity_in(&raw["metadata"]),
            value: decode(&raw).map_err(|message| Undecoded { message, raw }),
        })
    }
}

/// Appends JSON to a text as it comes, without the `managedFields` of the object, which nobody needs and which are often more
/// than all the rest. What should be an object and is none stays what it is, for whoever decodes it to complain.
struct Copying<'a>(Part, &'a mut Vec<u8>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Object,
    Metadata,
    Other,
}

impl Part {
    fn field(self, name: &str) -> Self {
        match (self, name) {
            (Self::Object, "metadata") => Self::Metadata,
            _ => Self::Other,
        }
    }
}

/// Appends the name of a field, unless the field is left out.
struct Name<'a> {
    of: Part,
    separator: u8,
    text: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    /// What the field holds; nothing if it is left out.
    type Value = Option<Part>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<Part>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let Self { of, separator, text } = self;
        if of == Part::Metadata && name == "managedFields" {
            return Ok(None);
        }
        text.push(separator);
        Copying(Part::Other, text).scalar(name)?;
        text.push(b':');
        Ok(Some(of.field(name)))
    }
}

impl Copying<'_> {
    fn scalar<E: Error>(self, value: impl Serialize) -> Result<(), E> {
        serde_json::to_writer(self.1, &value).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Copying<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Copying<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let Self(part, text) = self;
        let mut separator = b'{';
        while let Some(kept) = fields.next_key_seed(Name {
            of: part,
            separator,
            text,
        })? {
            let Some(part) = kept else {
                fields.next_value::<IgnoredAny>()?;
                continue;
            };
            separator = b',';
            fields.next_value_seed(Copying(part, text))?;
        }
        text.extend_from_slice(if separator == b'{' { b"{}" } else { b"}" });
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self(_, text) = self;
        text.push(b'[');
        let start = text.len();
        while items.next_element_seed(Copying(Part::Other, text))?.is_some() {
            text.push(b',');
        }
        if text.len() > start {
            text.pop();
        }
        text.push(b']');
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.scalar(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.scalar(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.scalar(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.scalar(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.scalar(text)
    }
}

/// The second decoding keeps track of the path, which costs more; it runs only for what the first refused.
fn decode<K: DeserializeOwned>(raw: &Value) -> Result<K, String> {
    K::deserialize(raw)
        .or_else(|_| serde_path_to_error::deserialize(raw))
        .map_err(|error| error.to_string())
}

fn identity(metadata: &ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
        ..ObjectMeta::default()
    }
}

fn identity_in(metadata: &Value) -> ObjectMeta {
    let text = |field: &str| metadata[field].as_str().map(str::to_owned);
    ObjectMeta {
        name: text("name"),
        namespace: text("namespace"),
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        ..ObjectMeta::default()
    }
}

/// The scope is dynamic so that one constructor serves namespaced and cluster-wide resources.
impl<K: Resource> Resource for Observed<K> {
    type DynamicType = K::DynamicType;
    type Scope = DynamicResourceScope;

    fn kind(resource: &K::DynamicType) -> Cow<'_, str> {
        K::kind(resource)
    }

    fn group(resource: &K::DynamicType) -> Cow<'_, str> {
        K::group(resource)
    }

    fn version(resource: &K::DynamicType) -> Cow<'_, str> {
        K::version(resource)
    }

    fn plural(resource: &K::DynamicType) -> Cow<'_, str> {
        K::plural(resource)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.identity
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.identity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Service;
    use rstest::rstest;
    use serde_json::json;

    fn observed(raw: Value) -> Observed<Service> {
        serde_json::from_value(raw).unwrap()
    }

    #[test]
    fn a_good_object_is_decoded() {
        let service = observed(json!({"metadata": {"name": "web"}, "spec": {"clusterIP": "10.96.0.9"}}));
        let spec = service.value.unwrap().spec.unwrap();
        assert_eq!(spec.cluster_ip.as_deref(), Some("10.96.0.9"));
    }

    #[test]
    fn a_bad_object_keeps_its_identity_and_names_the_field() {
        let metadata = json!({"name": "web", "namespace": "shop", "uid": "u-1", "resourceVersion": "7"});
        let service = observed(json!({"metadata": metadata, "spec": {"ports": [{"port": "http"}]}}));
        assert_eq!(serde_json::to_value(&service.identity).unwrap(), metadata);
        let message = service.value.unwrap_err().message;
        assert!(
            message.starts_with("spec.ports[0].port: invalid type: string \"http\""),
            "{message}"
        );
    }

    #[test]
    fn managed_fields_are_not_even_read() {
        let metadata =
            json!({"name": "web", "managedFields": "not a list", "labels": {"managedFields": "kept"}});
        let service = observed(json!({"metadata": metadata})).value.unwrap();
        assert_eq!(service.metadata.managed_fields, None);
        let labels = service.metadata.labels.unwrap();
        assert_eq!(labels["managedFields"], "kept");
    }

    #[test]
    fn where_managed_fields_stand_among_the_metadata_makes_no_difference() {
        for metadata in [
            r#"{"managedFields": [{}], "name": "web", "labels": {"a\"b": "1"}}"#,
            r#"{"name": "web", "managedFields": [{}], "labels": {"a\"b": "1"}}"#,
            r#"{"name": "web", "labels": {"a\"b": "1"}, "managedFields": [{}]}"#,
        ] {
            let json = format!(r#"{{"metadata": {metadata}, "spec": {{}}}}"#);
            let service: Observed<Service> = serde_json::from_str(&json).unwrap();
            assert_eq!(service.identity.name.as_deref(), Some("web"));
            assert_eq!(service.value.unwrap().metadata.labels.unwrap()["a\"b"], "1");
        }
    }

    #[test]
    fn of_a_field_that_stands_twice_the_last_counts() {
        let json = r#"{"metadata": {"name": "web"}, "spec": {"type": "NodePort", "type": "LoadBalancer"}}"#;
        let service: Observed<Service> = serde_json::from_str(json).unwrap();
        let spec = service.value.unwrap().spec.unwrap();
        assert_eq!(spec.type_.as_deref(), Some("LoadBalancer"));
    }

    #[rstest]
    #[case::text(json!("web"))]
    #[case::number(json!(-1))]
    #[case::list(json!([{"name": "web"}]))]
    #[case::truth(json!(true))]
    fn metadata_that_is_no_object_is_a_problem_like_any_other(#[case] metadata: Value) {
        let service = observed(json!({ "metadata": metadata }));
        assert_eq!(service.identity, ObjectMeta::default());
        let message = service.value.unwrap_err().message;
        assert!(message.starts_with("metadata: invalid type"), "{message}");
    }

    #[test]
    fn bad_metadata_is_a_problem_like_any_other() {
        let service = observed(json!({"metadata": {"name": "web", "labels": "none"}}));
        assert_eq!(service.identity.name.as_deref(), Some("web"));
        let undecoded = service.value.unwrap_err();
        assert!(undecoded.message.starts_with("metadata.labels: "));
        assert_eq!(undecoded.raw["metadata"]["labels"], json!("none"));
    }
}
