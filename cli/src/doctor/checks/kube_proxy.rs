//! kube-proxy in IPVS mode puts every address on each node, where the kernel answers ARP for it unless told not to.

use serde_json::Value;

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;
use crate::migrate::beside::{id, text};

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let Some(map) = &seen.beside.kube_proxy else {
        return Vec::new();
    };
    let configuration: Value = serde_saphyr::from_str(text(map, "/data/config.conf")).unwrap_or_default();
    let is_wrong = configuration["mode"] == "ipvs"
        && configuration.pointer("/ipvs/strictARP") != Some(&Value::Bool(true));
    let finding = || {
        Finding::error(id(map), "kube-proxy runs in IPVS mode, so every node answers ARP for every address of a Service")
            .at("data[config.conf].ipvs.strictARP", configuration.pointer("/ipvs/strictARP").unwrap_or(&Value::Null))
            .remedy("Set ipvs.strictARP: true there, and restart kube-proxy: kubectl rollout restart -n kube-system daemonset kube-proxy")
    };
    is_wrong.then(finding).into_iter().collect()
}
