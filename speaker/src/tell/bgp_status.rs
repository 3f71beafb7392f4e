//! `ServiceBGPStatus`: which peers this node tells of a Service, as an object. Nothing waits for it.
//!
//! There is one object for each Service and node, and each node keeps its own. Ten thousand Services on a hundred nodes
//! would be a million objects, so there are only so many: those of the Services that come first by name.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_crds::api::{ServiceBGPStatus, ServiceBGPStatusSpec, ServiceBGPStatusStatus};
use ferrolb_crds::domain::{NodeName, PeerName, ServiceKey};
use itertools::Itertools;

use crate::routes::Tellers;
use crate::tell::status_object::{self, Owner};
use crate::verdict::{Bgp, Verdicts};

/// So many objects there are in the cluster, at most.
const LIMIT: usize = 5000;

/// A `ServiceBGPStatus` as it should be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Wanted {
    service: ServiceKey,
    node: NodeName,
    /// The Pod that it goes with; none outside of a Pod.
    owner: Option<Owner>,
    /// Those who are told over sessions that are up.
    peers: BTreeSet<PeerName>,
}

/// What this node should report, by name of the object.
pub(crate) fn wanted(verdicts: &Verdicts, owner: Option<&Owner>) -> BTreeMap<String, Wanted> {
    // There are many addresses, and their tellers are mostly the same: nothing is copied of them.
    let mut services: BTreeMap<&ServiceKey, Vec<&Tellers>> = BTreeMap::new();
    for verdict in verdicts.by_address.values() {
        if let Some(Bgp::Told(told)) = &verdict.bgp {
            for service in verdict.judged.services() {
                services.entry(service).or_default().push(told);
            }
        }
    }
    let mut objects = 0;
    let within_limit = services.into_iter().take_while(|(_, tellers)| {
        objects += match tellers[..] {
            [of_one] => of_one.len(),
            _ => tellers.iter().flat_map(|one| one.keys()).unique().count(),
        };
        objects <= LIMIT
    });
    let of_service = |(service, tellers): (&ServiceKey, Vec<&Tellers>)| {
        let here = tellers.into_iter().filter_map(|one| one.get(&verdicts.node));
        let peers: BTreeSet<PeerName> = here.flatten().cloned().collect();
        let wanted = Wanted {
            service: service.clone(),
            node: verdicts.node.clone(),
            owner: owner.cloned(),
            peers,
        };
        let name = status_object::name("bgp", service, &verdicts.node);
        (!wanted.peers.is_empty()).then_some((name, wanted))
    };
    within_limit.filter_map(of_service).collect()
}

impl Wanted {
    /// The object.
    pub(crate) fn object(&self, _seen: Option<&ServiceBGPStatus>) -> ServiceBGPStatus {
        let name = status_object::name("bgp", &self.service, &self.node);
        let mut object = ServiceBGPStatus::new(&name, ServiceBGPStatusSpec {});
        object.metadata.labels = Some(status_object::labels(&self.service, &self.node));
        object.metadata.owner_references = Some(self.owner.iter().map(Owner::reference).collect());
        object.status = Some(ServiceBGPStatusStatus {
            node: self.node.to_string(),
            service_name: self.service.name.to_string(),
            service_namespace: self.service.namespace.to_string(),
            peers: self.peers.iter().map(ToString::to_string).collect(),
        });
        object
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::may::View;
    use crate::may::fixture::{cluster, pools, service};
    use crate::verdict::fixture::of_nothing;

    /// What n1 reports if these nodes tell these peers of each address.
    fn reported(view: &View, tellers: &[(&str, &[&str])]) -> BTreeMap<String, Wanted> {
        let peers = |peers: &[&str]| peers.iter().map(|peer| PeerName::from(*peer)).collect();
        let tellers: Tellers = tellers
            .iter()
            .map(|(node, of_node)| (NodeName::from(*node), peers(of_node)))
            .collect();
        let tellers = Arc::new(tellers);
        let mut verdicts = of_nothing(view, "n1");
        for verdict in verdicts.by_address.values_mut() {
            verdict.bgp = Some(Bgp::Told(tellers.clone()));
        }
        wanted(&verdicts, None)
    }

    fn with_services(count: usize) -> View {
        let mut view = cluster(&["n1"]);
        pools(&mut view, &[("all", &["10.0.0.0/8"])]);
        for number in 0..count {
            let address = format!("10.0.{}.{}", number / 250, number % 250 + 1);
            service(&mut view, &format!("web-{number:05}"), &[&address]);
        }
        view
    }

    #[test]
    fn a_node_reports_whom_it_tells_and_the_others_report_themselves() {
        let reported = reported(
            &with_services(1),
            &[("n1", &["tor-a", "tor-b"]), ("n2", &["tor-a"])],
        );
        let [(name, wanted)] = &Vec::from_iter(reported)[..] else {
            panic!("one object")
        };
        let object = serde_json::to_value(wanted.object(None)).unwrap();
        assert_eq!(object["metadata"]["name"], name.as_str());
        assert_eq!(
            object["metadata"]["labels"]["metallb.io/service-name"],
            "web-00000"
        );
        assert_eq!(
            object["status"],
            serde_json::json!({"node": "n1", "serviceName": "web-00000", "serviceNamespace": "shop",
                "peers": ["tor-a", "tor-b"]})
        );
    }

    #[test]
    fn a_node_that_tells_nobody_reports_nothing() {
        assert_eq!(
            reported(&with_services(1), &[("n2", &["tor-a"])]),
            BTreeMap::new()
        );
    }

    #[test]
    fn all_nodes_together_report_the_services_that_come_first_by_name() {
        let nodes: Vec<String> = (1..=5).map(|number| format!("n{number}")).collect();
        let tellers: Vec<(&str, &[&str])> = nodes.iter().map(|node| (&**node, &["tor"][..])).collect();
        let reported = reported(&with_services(1001), &tellers);
        assert_eq!(reported.len(), LIMIT / 5);
        let last = |wanted: &Wanted| &*wanted.service.name == "web-01000";
        assert!(!reported.values().any(last));
    }
}
