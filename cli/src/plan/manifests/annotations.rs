//! Annotations of our prefixes that nobody reads: mostly misspelt ones.

use ferrolb_crds::names;
use itertools::Itertools;
use serde_json::Value;

/// Those that count on a kind; none of a kind on which no annotation of ours can be meant.
fn known(kind: &str) -> Option<Vec<String>> {
    match kind {
        "Service" => {
            let prefixes = [names::PREFIX, names::DEPRECATED_PREFIX].into_iter();
            let of_users = prefixes.cartesian_product(OF_USERS);
            let of_users = of_users.map(|(prefix, name)| format!("{prefix}{name}"));
            Some(of_users.chain(OF_SERVICES.map(str::to_owned)).collect())
        }
        "IPAddressPool" => Some(OF_POOLS.map(str::to_owned).into()),
        "L2Advertisement" => Some(Vec::new()),
        "BGPPeer" => Some(vec![names::TTL_SECURITY.to_owned()]),
        "BGPAdvertisement" => Some(vec![names::LINK_BANDWIDTH.to_owned()]),
        _ => None,
    }
}

/// Under either prefix.
const OF_USERS: [&str; 3] = [
    names::ADDRESS_POOL,
    names::LOAD_BALANCER_IPS,
    names::ALLOW_SHARED_IP,
];
const OF_SERVICES: [&str; 4] = [
    names::ALLOCATED_FROM_POOL,
    names::ALLOCATED_FROM_POOL_BEFORE,
    names::SECOND_ALLOCATED_FROM_POOL,
    names::GIVE_UP,
];
const OF_POOLS: [&str; 2] = [
    names::ALLOW_NODE_ADDRESSES,
    names::ALLOW_SHARING_ACROSS_NAMESPACES,
];

/// What is said of each that is not known.
pub(super) fn unknown(kind: &str, object: &Value) -> Vec<String> {
    let Some(known) = known(kind) else {
        return Vec::new();
    };
    let read = match known.as_slice() {
        [] => "none is".to_owned(),
        [one] => format!("{one} is"),
        all => format!("{} are", all.join(", ")),
    };
    let prefixes = [names::PREFIX, names::DEPRECATED_PREFIX, names::OWN_PREFIX];
    let annotations = object.pointer("/metadata/annotations").and_then(Value::as_object);
    let all = annotations.into_iter().flat_map(|all| all.keys());
    let ours = all.filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)));
    ours.filter(|name| !known.contains(name))
        .map(|name| format!("annotation {name}: is not read; of a {kind}, {read}"))
        .collect()
}
