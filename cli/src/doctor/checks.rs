//! The checks: each looks at what was gathered and says what is wrong with it. Numbers are never used again for another.

mod beacons;
mod beside;
mod class;
mod controller;
mod excluded;
mod ipv6;
mod kernel_address;
mod keys;
mod kube_proxy;
mod metallb;
mod mtu;
mod networks;
mod pod_security;
mod ports;
mod proxy_health;
mod rp_filter;
mod services;
mod sessions;
mod skipped;
mod speakers;
mod unadvertised;
mod versions;
mod wireless;

pub(super) use beacons::broken_pairs;

use super::finding::Finding;
use super::seen::Seen;

/// What the speakers say when they are asked.
pub(super) const FACTS: &str = "/facts of the speakers";

/// One check.
pub(super) struct Check {
    /// `FD01`.
    pub(super) number: &'static str,
    /// What it finds, in a few words.
    pub(super) name: &'static str,
    /// The resources without which it cannot look.
    pub(super) needs: &'static [&'static str],
    pub(super) look: fn(&Seen<'_>) -> Vec<Finding>,
}

macro_rules! checks {
    ($($number:literal $name:literal $needs:expr => $look:path;)*) => {
        /// All of them, in the order in which they are shown.
        pub(super) const ALL: &[Check] = &[$(Check {
            number: $number,
            name: $name,
            needs: &$needs,
            look: $look,
        }),*];
    };
}

checks! {
    "FD01" "A Service has no address" ["services"] => services::without_address;
    "FD02" "An address is not announced" ["services"] => services::not_announced;
    "FD03" "An address is announced, but may not be reached" ["services"] => services::doubtful;
    "FD04" "No load balancer serves the class of a Service" ["services"] => class::look;
    "FD05" "An object is skipped, in whole or in part" [] => skipped::look;
    "FD06" "No controller leads" ["leases"] => controller::look;
    "FD07" "A node has no ready speaker" ["nodes", "pods"] => speakers::look;
    "FD08" "Every node is excluded" DECISION => excluded::look;
    "FD09" "No advertisement selects a pool" ["ipaddresspools.metallb.io", "l2advertisements.metallb.io"] => unadvertised::look;
    "FD10" "A pool overlaps a network of the cluster" ["ipaddresspools.metallb.io", "nodes", "servicecidrs"] => networks::look;
    "FD11" "MetalLB is still there" ["daemonsets", "deployments", "validatingwebhookconfigurations"] => metallb::look;
    "FD12" "Another load balancer runs" ["daemonsets", "customresourcedefinitions", "ciliuml2announcementpolicies"] => beside::look;
    "FD13" "kube-proxy answers ARP on every node" ["configmaps"] => kube_proxy::look;
    "FD14" "Pod Security keeps the speakers out" ["namespaces"] => pod_security::look;
    "FD15" "Two speakers do not hear each other" [FACTS] => beacons::look;
    "FD16" "Speakers have different keys" [FACTS] => keys::look;
    "FD17" "Strict rp_filter drops what clients send" [FACTS] => rp_filter::look;
    "FD18" "An interface has the address of a Service" [FACTS] => kernel_address::look;
    "FD19" "IPv6 is off where an IPv6 address is announced" [FACTS] => ipv6::look;
    "FD20" "An address is announced over Wi-Fi" [FACTS] => wireless::look;
    "FD21" "The interfaces of a segment differ in MTU" [FACTS] => mtu::look;
    "FD22" "Speakers of different versions run" [FACTS] => versions::look;
    "FD23" "A speaker does not take part on an interface" [FACTS] => ports::look;
    "FD24" "kube-proxy of a node is not well" [FACTS] => proxy_health::look;
    "FD25" "A BGP session is not up" ["bgpsessionstates.frrk8s.metallb.io", "nodes", "pods"] => sessions::not_up;
    "FD26" "No node has a session with a BGP peer" ["bgppeers.metallb.io", "nodes"] => sessions::nobodys;
}

/// What the daemons decide on: without all of it, nothing is decided again.
const DECISION: [&str; 6] = [
    "services",
    "nodes",
    "namespaces",
    "ipaddresspools.metallb.io",
    "l2advertisements.metallb.io",
    "endpointslices.discovery.k8s.io",
];

/// Whether the daemons decide on this resource.
pub(super) fn is_decided_on(resource: &str) -> bool {
    DECISION.contains(&resource)
}

#[cfg(test)]
mod tests;
