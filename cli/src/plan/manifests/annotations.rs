//! Annotations of our prefixes that nobody reads: mostly misspelt ones.

use ferrolb_crds::names;
use serde_json::Value;

/// Those that count on a kind, by prefix.
fn known(kind: &str) -> Vec<String> {
    let of_users = [
        names::ADDRESS_POOL,
        names::LOAD_BALANCER_IPS,
        names::ALLOW_SHARED_IP,
    ];
    let prefixes = [names::PREFIX, names::DEPRECATED_PREFIX];
    let with_prefix = |prefix: &str| of_users.map(|name| format!("{prefix}{name}"));
    match kind {
        "Service" => prefixes
            .iter()
            .flat_map(|prefix| with_prefix(prefix))
            .chain([
                names::ALLOCATED_FROM_POOL.to_owned(),
                names::ALLOCATED_FROM_POOL_BEFORE.to_owned(),
                names::SECOND_ALLOCATED_FROM_POOL.to_owned(),
                names::GIVE_UP.to_owned(),
            ])
            .collect(),
        "IPAddressPool" => {
            vec![
                names::ALLOW_NODE_ADDRESSES.to_owned(),
                names::ALLOW_SHARING_ACROSS_NAMESPACES.to_owned(),
            ]
        }
        _ => Vec::new(),
    }
}

/// Kinds on which annotations of ours may be meant.
const ANNOTATED: [&str; 3] = ["IPAddressPool", "L2Advertisement", "Service"];

/// What is said of each that is not known.
pub(super) fn unknown(kind: &str, object: &Value) -> Vec<String> {
    let prefixes = [names::PREFIX, names::DEPRECATED_PREFIX, names::OWN_PREFIX];
    if !ANNOTATED.contains(&kind) {
        return Vec::new();
    }
    let known = known(kind);
    let annotations = object.pointer("/metadata/annotations").and_then(Value::as_object);
    let ours = annotations.into_iter().flat_map(|all| all.keys());
    let unknown =
        ours.filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)) && !known.contains(name));
    let read = if known.is_empty() {
        "none is".to_owned()
    } else {
        format!("{} are", known.join(", "))
    };
    unknown
        .map(|name| format!("annotation {name}: is not read; of a {kind}, {read}"))
        .collect()
}
