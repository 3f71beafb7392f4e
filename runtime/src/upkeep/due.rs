//! What has to be written next. Values in, value out.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// One write.
#[derive(Debug, PartialEq)]
pub(super) enum Due {
    /// This is to be applied to the object.
    Object(Value),
    /// This is to be applied to its status.
    Status(Value),
    /// The object of this uid is to be deleted.
    Deletion(String),
}

impl Due {
    /// None while what is seen is what is wanted.
    ///
    /// The object comes first: only what is there has a status. The uid makes a write to the status of an object that
    /// is gone a conflict; without it the API server would try to create one.
    pub(super) fn of<K: Resource<DynamicType = ()> + Serialize>(
        wanted: &K,
        seen: Option<&K>,
    ) -> Option<Self> {
        let mut object = fields(wanted);
        let status = object.remove("status").unwrap_or_default();
        let Some(seen) = seen.filter(|seen| is_made(wanted.meta(), seen.meta())) else {
            return Some(Self::Object(with_kind::<K>(object)));
        };
        if fields(seen).remove("status").unwrap_or_default() == status {
            return None;
        }
        let metadata = json!({ "name": wanted.name_any(), "uid": seen.uid() });
        let fields = [("metadata", metadata), ("status", status)];
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        Some(Self::Status(with_kind::<K>(fields.into_iter().collect())))
    }
}

fn fields(object: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(object) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn with_kind<K: Resource<DynamicType = ()>>(mut fields: Map<String, Value>) -> Value {
    fields.insert("apiVersion".to_owned(), json!(K::api_version(&())));
    fields.insert("kind".to_owned(), json!(K::kind(&())));
    Value::Object(fields)
}

/// Whether it has our labels, annotations and owners. Those of others beside them stay: an apply could not remove them.
fn is_made(wanted: &ObjectMeta, seen: &ObjectMeta) -> bool {
    type Texts = Option<BTreeMap<String, String>>;
    let has_all = |wanted: &Texts, seen: &Texts| {
        let seen = |name| seen.as_ref().and_then(|all| all.get(name));
        let mut wanted = wanted.iter().flatten();
        wanted.all(|(name, value)| seen(name) == Some(value))
    };
    let is_owner = |owner: &OwnerReference| {
        let mut owners = seen.owner_references.iter().flatten();
        owners.any(|seen| seen.uid == owner.uid)
    };
    has_all(&wanted.labels, &seen.labels)
        && has_all(&wanted.annotations, &seen.annotations)
        && wanted.owner_references.iter().flatten().all(is_owner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;
    use rstest::rstest;

    fn object(labels: Value, owners: &[&str], phase: &str) -> Pod {
        let owner = |uid: &&str| json!({ "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": uid });
        let owners: Vec<Value> = owners.iter().map(owner).collect();
        let metadata = json!({ "name": "n", "uid": "u", "labels": labels, "ownerReferences": owners });
        serde_json::from_value(json!({ "metadata": metadata, "status": { "phase": phase } })).unwrap()
    }

    fn due(seen: Option<&Pod>) -> Option<Due> {
        Due::of(&object(json!({ "a": "1" }), &["ours"], "Running"), seen)
    }

    #[rstest]
    #[case::exactly(object(json!({ "a": "1" }), &["ours"], "Running"))]
    #[case::with_a_label_of_another(object(json!({ "a": "1", "b": "2" }), &["ours"], "Running"))]
    #[case::with_an_owner_of_another(object(json!({ "a": "1" }), &["theirs", "ours"], "Running"))]
    fn what_is_as_wanted_is_left_alone(#[case] seen: Pod) {
        assert_eq!(due(Some(&seen)), None);
    }

    #[rstest]
    #[case::there_is_none(None)]
    #[case::label_gone(Some(object(json!({}), &["ours"], "Running")))]
    #[case::label_changed(Some(object(json!({ "a": "2" }), &["ours"], "Running")))]
    #[case::owner_gone(Some(object(json!({ "a": "1" }), &[], "Running")))]
    #[case::owner_replaced(Some(object(json!({ "a": "1" }), &["earlier"], "Pending")))]
    fn the_object_is_made_or_put_right_before_its_status(#[case] seen: Option<Pod>) {
        let Some(Due::Object(body)) = due(seen.as_ref()) else {
            panic!("the object should be due")
        };
        assert_eq!(
            (&body["apiVersion"], &body["kind"]),
            (&json!("v1"), &json!("Pod"))
        );
        assert_eq!(body["metadata"]["labels"], json!({ "a": "1" }));
        assert_eq!(body.get("status"), None);
    }

    #[test]
    fn of_the_status_nothing_but_the_status_is_sent_and_only_to_this_very_object() {
        let seen = object(json!({ "a": "1" }), &["ours"], "Pending");
        let body = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "n", "uid": "u" },
            "status": { "phase": "Running" } });
        assert_eq!(due(Some(&seen)), Some(Due::Status(body)));
    }
}
