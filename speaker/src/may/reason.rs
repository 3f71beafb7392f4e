//! Why an address has no announcer, and why a node is none. Reason, sentence and metric label all come from here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_crds::domain::{AdvertName, NodeName, PoolName, ServiceKey};
use thiserror::Error;

/// How many names a sentence lists before it says "and 7 more".
const NAMED: usize = 10;

/// Why nobody announces an address.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Why {
    /// It is in no pool, and the Service does not say which pool it came from.
    #[error("the address is in no IPAddressPool")]
    OutsidePools,
    /// No advertisement is for the address's pool.
    #[error("no L2Advertisement selects pool {pool}")]
    NotAdvertised {
        /// The address's pool.
        pool: PoolName,
    },
    /// Advertisements are for the pool, but their `serviceSelectors` are for other Services.
    #[error("no L2Advertisement of pool {pool} selects the Service (spec.serviceSelectors)")]
    ServiceNotSelected {
        /// The address's pool.
        pool: PoolName,
    },
    /// MetalLB's reason `sharedIPWithServiceSelector`.
    #[error(
        "the Service allows to share its address (annotation metallb.io/allow-shared-ip), but L2Advertisement {advert} has serviceSelectors"
    )]
    SharedWithServiceSelectors {
        /// The first such advertisement.
        advert: AdvertName,
    },
    /// No endpoint of any Service of the address can serve, anywhere.
    #[error("no endpoint can serve")]
    NoEndpoints,
    /// Which nodes are alive is not known yet.
    #[error("it is not known yet which nodes are alive")]
    LivenessUnknown,
    /// There is no node.
    #[error("there is no node")]
    NoNodes,
    /// Each node has a reason of its own.
    #[error("no node may announce it: {}", nodes_in_words(.0))]
    NoEligibleNode(Arc<BTreeMap<NodeName, Ineligible>>),
}

/// Why a node does not announce an address.
#[derive(Clone, Debug, Eq, Error, Ord, PartialEq, PartialOrd)]
pub enum Ineligible {
    /// No advertisement selects it.
    #[error("no L2Advertisement selects the node (spec.nodeSelectors)")]
    NotSelected,
    /// Label `node.kubernetes.io/exclude-from-external-load-balancers`.
    #[error("labelled node.kubernetes.io/exclude-from-external-load-balancers")]
    Excluded,
    /// Condition `NetworkUnavailable` is True.
    #[error("condition NetworkUnavailable")]
    NetworkUnavailable,
    /// No ready speaker there, or the node is not ready.
    #[error("not alive: its speaker is not heard")]
    NotAlive,
    /// `externalTrafficPolicy: Local`, and these Services have no endpoint there that can serve.
    #[error("no local endpoint of {} can serve (externalTrafficPolicy: Local)", listed(.0))]
    NoLocalEndpoint(BTreeSet<ServiceKey>),
    /// It has none of the interfaces that the advertisements name.
    #[error("has no interface that an L2Advertisement allows")]
    NoInterface,
    /// The address is on no subnet of the node, and on one of another node.
    #[error("the address is on a subnet of other nodes, not of this one")]
    OffLink,
    /// `spec.unschedulable`, and another node is eligible.
    #[error("cordoned")]
    Cordoned,
    /// `externalTrafficPolicy: Local`, and another node is eligible that has ready endpoints.
    #[error("the local endpoints are terminating (externalTrafficPolicy: Local)")]
    EndpointsTerminating,
    /// Taint `node.kubernetes.io/out-of-service`, and another node is eligible.
    #[error("out of service")]
    OutOfService,
}

impl Why {
    /// The reason in one word, for conditions, events and JSON.
    pub fn reason(&self) -> &'static str {
        self.names().0
    }

    /// The value of a metric label.
    pub fn label(&self) -> &'static str {
        self.names().1
    }

    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::OutsidePools => ("OutsidePools", "outside_pools"),
            Self::NotAdvertised { .. } => ("NotAdvertised", "not_advertised"),
            Self::ServiceNotSelected { .. } => ("ServiceNotSelected", "service_not_selected"),
            Self::SharedWithServiceSelectors { .. } => {
                ("SharedWithServiceSelectors", "shared_with_service_selectors")
            }
            Self::NoEndpoints => ("NoEndpoints", "no_endpoints"),
            Self::LivenessUnknown => ("LivenessUnknown", "liveness_unknown"),
            Self::NoNodes => ("NoNodes", "no_nodes"),
            Self::NoEligibleNode(_) => ("NoEligibleNode", "no_eligible_node"),
        }
    }
}

impl Ineligible {
    /// The reason in one word, for JSON.
    pub fn reason(&self) -> &'static str {
        self.names().0
    }

    /// The value of a metric label.
    pub fn label(&self) -> &'static str {
        self.names().1
    }

    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::NotSelected => ("NotSelected", "not_selected"),
            Self::Excluded => ("Excluded", "excluded"),
            Self::NetworkUnavailable => ("NetworkUnavailable", "network_unavailable"),
            Self::NotAlive => ("NotAlive", "not_alive"),
            Self::NoLocalEndpoint(_) => ("NoLocalEndpoint", "no_local_endpoint"),
            Self::NoInterface => ("NoInterface", "no_interface"),
            Self::OffLink => ("OffLink", "off_link"),
            Self::Cordoned => ("Cordoned", "cordoned"),
            Self::EndpointsTerminating => ("EndpointsTerminating", "endpoints_terminating"),
            Self::OutOfService => ("OutOfService", "out_of_service"),
        }
    }
}

/// `n1, n2: cordoned; n3: no carrier`: nodes with the same reason together.
fn nodes_in_words(nodes: &BTreeMap<NodeName, Ineligible>) -> String {
    let mut by_reason: BTreeMap<&Ineligible, BTreeSet<&NodeName>> = BTreeMap::new();
    for (node, reason) in nodes {
        by_reason.entry(reason).or_default().insert(node);
    }
    let each: Vec<String> = by_reason
        .iter()
        .map(|(reason, nodes)| format!("{}: {reason}", listed(nodes)))
        .collect();
    each.join("; ")
}

fn listed<T: ToString>(names: &BTreeSet<T>) -> String {
    let shown: Vec<String> = names.iter().take(NAMED).map(ToString::to_string).collect();
    let more = names.len().saturating_sub(NAMED);
    match more {
        0 => shown.join(", "),
        _ => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody(nodes: impl IntoIterator<Item = (String, Ineligible)>) -> String {
        let nodes = nodes
            .into_iter()
            .map(|(name, reason)| (NodeName::from(name), reason))
            .collect();
        Why::NoEligibleNode(Arc::new(nodes)).to_string()
    }

    #[test]
    fn nodes_with_the_same_reason_are_named_together() {
        let web = BTreeSet::from([ServiceKey::new("shop", "web")]);
        let text = nobody([
            ("n1".to_owned(), Ineligible::NoLocalEndpoint(web.clone())),
            ("n2".to_owned(), Ineligible::NetworkUnavailable),
            ("n3".to_owned(), Ineligible::NoLocalEndpoint(web)),
        ]);
        assert_eq!(
            text,
            "no node may announce it: n2: condition NetworkUnavailable; \
             n1, n3: no local endpoint of shop/web can serve (externalTrafficPolicy: Local)"
        );
    }

    #[test]
    fn a_long_list_of_nodes_is_cut() {
        let text = nobody((10..25).map(|number| (format!("n{number}"), Ineligible::NotAlive)));
        assert!(
            text.contains("n19 and 5 more: not alive") && !text.contains("n20"),
            "{text}"
        );
    }
}
