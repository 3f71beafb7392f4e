//! What never gets into a bundle: passwords, values of variables, what others wrote beside the object. Pure.

use serde_json::{Map, Value, json};

/// Takes the place of what was taken out.
const REMOVED: &str = "(removed)";
/// Fields that hold a secret. `passwordSecret` names one, and stays.
const SECRETS: [&str; 8] = [
    "password",
    "passwd",
    "secretkey",
    "token",
    "bearertoken",
    "privatekey",
    "data",
    "stringdata",
];
/// Beginnings of the annotations that are kept. Those of others may hold anything:
/// `kubectl.kubernetes.io/last-applied-configuration` is the whole object as somebody once wrote it.
const OWN_ANNOTATIONS: [&str; 3] = ["metallb.io/", "metallb.universe.tf/", "ferrolb.io/"];
/// Words in the name of a flag whose value is a secret.
const SECRET_FLAGS: [&str; 4] = ["password", "token", "secret", "key"];

/// The object without what must not leave the cluster.
pub(super) fn cleaned(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        // A Node lists every image that it keeps.
        status.remove("images");
    }
    scrub(&mut object);
    object
}

/// Nothing but how it is called.
pub(super) fn name_only(object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!({
        "apiVersion": object["apiVersion"],
        "kind": object["kind"],
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
    })
}

fn scrub(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(scrub),
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                match key.to_ascii_lowercase().as_str() {
                    secret if SECRETS.contains(&secret) && !value.is_null() => *value = json!(REMOVED),
                    "env" => without_values(value),
                    "args" | "command" => without_secret_flags(value),
                    "annotations" => own_annotations(value),
                    _ => scrub(value),
                }
            }
        }
        _ => {}
    }
}

fn without_values(variables: &mut Value) {
    for variable in variables.as_array_mut().into_iter().flatten() {
        if let Some(value) = variable.get_mut("value") {
            *value = json!(REMOVED);
        }
    }
}

/// `--some-token=VALUE`, and `--some-token VALUE`.
fn without_secret_flags(words: &mut Value) {
    let is_secret = |flag: &str| {
        let flag = flag.to_ascii_lowercase();
        flag.starts_with('-') && SECRET_FLAGS.iter().any(|word| flag.contains(word))
    };
    let mut follows = false;
    for word in words.as_array_mut().into_iter().flatten() {
        let text = word.as_str().unwrap_or_default().to_owned();
        if follows && !text.starts_with('-') {
            *word = json!(REMOVED);
        }
        follows = match text.split_once('=') {
            Some((flag, _)) if is_secret(flag) => {
                *word = json!(format!("{flag}={REMOVED}"));
                false
            }
            Some(_) => false,
            None => is_secret(&text),
        };
    }
}

fn own_annotations(annotations: &mut Value) {
    if let Some(annotations) = annotations.as_object_mut() {
        let is_own = |key: &String| OWN_ANNOTATIONS.iter().any(|begin| key.starts_with(begin));
        let all: Map<String, Value> = std::mem::take(annotations);
        annotations.extend(all.into_iter().filter(|(key, _)| is_own(key)));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::who_wrote_which_field(json!({"metadata": {"managedFields": [{"manager": "hunter2"}]}}))]
    #[case::the_object_as_it_was_applied(
        json!({"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"x\": \"hunter2\"}"}}})
    )]
    #[case::annotations_of_a_template(
        json!({"spec": {"template": {"metadata": {"annotations": {"example.com/note": "hunter2"}}}}})
    )]
    #[case::password_of_a_peer(json!({"spec": {"peerAddress": "192.0.2.1", "password": "hunter2"}}))]
    #[case::in_any_case(json!({"spec": {"auth": [{"Password": "hunter2"}]}}))]
    #[case::whatever_it_is(json!({"spec": {"password": {"value": "hunter2"}}}))]
    #[case::data(json!({"data": {"x": "hunter2"}, "stringData": {"y": "hunter2"}}))]
    #[case::variable(json!({"spec": {"containers": [{"env": [{"name": "X", "value": "hunter2"}]}]}}))]
    #[case::flag(json!({"spec": {"containers": [{"args": ["--auth-token=hunter2"]}]}}))]
    #[case::flag_and_value(json!({"spec": {"containers": [{"args": ["--password", "hunter2"]}]}}))]
    #[case::images_of_a_node(json!({"status": {"images": [{"names": ["registry.example.com/hunter2"]}]}}))]
    fn no_secret_stays(#[case] object: Value) {
        assert!(object.to_string().contains("hunter2"));
        let left = cleaned(object).to_string();
        assert!(!left.contains("hunter2"), "{left}");
    }

    #[test]
    fn what_the_daemons_go_by_stays() {
        let object = json!({
            "metadata": {"name": "web", "annotations": {"metallb.io/address-pool": "lan"}},
            "spec": {
                "passwordSecret": {"name": "peer"},
                "containers": [{
                    "args": ["speaker", "--beacon-interval-ms=20"],
                    "env": [{"name": "METALLB_NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
                }],
            },
        });
        assert_eq!(cleaned(object.clone()), object);
    }

    #[test]
    fn of_some_objects_only_the_name_is_told() {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"x": "hunter2"},
            "metadata": {"name": "settings", "namespace": "metallb-system", "labels": {"x": "hunter2"}}});
        let left = name_only(&object);
        assert_eq!(left["metadata"]["name"], "settings");
        assert!(!left.to_string().contains("hunter2"));
    }
}
