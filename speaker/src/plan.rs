//! Elections → what this node announces from now on, and on which interfaces.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::{InterfaceName, NodeName, ServiceKey};

use crate::election::{Election, Elections, Interfaces, Verdict, Why};
use crate::exclude::ExcludeList;
use crate::interfaces::{Interface, choose};

/// What this node announces. Replies, events, status and metrics all come from this one table.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Announced(pub(crate) BTreeMap<IpAddr, Announcement>);

/// One address that this node announces.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Announcement {
    /// The Services that it is announced for.
    pub(crate) services: BTreeSet<ServiceKey>,
    /// What the advertisements allow.
    pub(crate) allowed: Interfaces,
    /// Where it is announced.
    pub(crate) interfaces: BTreeSet<InterfaceName>,
}

/// What changes with one pass.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Plan {
    /// What is announced from now on.
    pub(crate) announced: Announced,
    /// What this node won and cannot announce, because it has none of the interfaces.
    pub(crate) unplaced: Announced,
}

/// This node, as far as announcing depends on it.
pub(crate) struct Place<'a> {
    pub(crate) node: &'a NodeName,
    pub(crate) interfaces: &'a [Interface],
    pub(crate) exclude: &'a ExcludeList,
}

/// What this node announces after these elections, if it announced `before` until now. What nobody knows about
/// ([`Why::LivenessUnknown`]) stays as it is.
pub(crate) fn plan(elections: &Elections, place: &Place<'_>, before: &Announced) -> Plan {
    let mut plan = Plan::default();
    for (address, election) in &elections.by_address {
        match election.verdict(place.node) {
            Verdict::Announce { interfaces } => {
                let announcement = Announcement {
                    services: served(election),
                    interfaces: choose(place.interfaces, place.exclude, &interfaces, *address),
                    allowed: interfaces,
                };
                let table = match announcement.interfaces.is_empty() {
                    true => &mut plan.unplaced,
                    false => &mut plan.announced,
                };
                table.0.insert(*address, announcement);
            }
            Verdict::Silent(Why::LivenessUnknown) => {
                let kept = before.0.get_key_value(address);
                plan.announced
                    .0
                    .extend(kept.map(|(address, known)| (*address, known.clone())));
            }
            Verdict::Silent(_) | Verdict::Standby { .. } => {}
        }
    }
    plan
}

pub(crate) fn served(election: &Election) -> BTreeSet<ServiceKey> {
    let served = |key: &&ServiceKey| !election.refused.contains_key(key);
    election.services.iter().filter(served).cloned().collect()
}

impl Announced {
    /// Each Service with its addresses here.
    pub(crate) fn by_service(&self) -> BTreeMap<&ServiceKey, BTreeMap<IpAddr, &Announcement>> {
        let mut services: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (address, announcement) in &self.0 {
            for service in &announcement.services {
                services
                    .entry(service)
                    .or_default()
                    .insert(*address, announcement);
            }
        }
        services
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::election::fixture::{advert, cluster, endpoints, ip, key, service};
    use crate::election::{Liveness, View, elect};

    /// n1 is first by hash for 192.0.2.2.
    fn web(spec: Value) -> View {
        let mut view = cluster(&["n1", "n2", "n3"]);
        advert(&mut view, "everywhere", spec);
        service(&mut view, "web", &["192.0.2.2"]);
        view
    }

    fn on(node: &str, view: &View, before: &Announced) -> Plan {
        let interfaces = [Interface {
            name: "eth0".into(),
            up: true,
            carrier: true,
            loopback: false,
            has_master: false,
            noarp: false,
            subnets: vec!["192.0.2.0/24".parse().unwrap()],
        }];
        let place = Place {
            node: &node.into(),
            interfaces: &interfaces,
            exclude: &ExcludeList::default(),
        };
        plan(&elect(view), &place, before)
    }

    #[rstest]
    #[case::the_winner("n1", &["192.0.2.2"])]
    #[case::another("n2", &[])]
    fn only_the_winner_announces(#[case] node: &str, #[case] expected: &[&str]) {
        let plan = on(node, &web(json!({})), &Announced::default());
        let addresses: Vec<String> = plan.announced.0.keys().map(ToString::to_string).collect();
        assert_eq!(addresses, expected);
    }

    #[test]
    fn what_no_interface_suits_is_not_announced() {
        let view = web(json!({"interfaces": ["eth9"]}));
        let plan = on("n1", &view, &Announced::default());
        assert!(plan.announced.0.is_empty());
        assert!(plan.unplaced.0.contains_key(&ip("192.0.2.2")));
    }

    #[test]
    fn while_liveness_is_unknown_nothing_new_is_announced_and_nothing_old_is_dropped() {
        let mut view = web(json!({}));
        let before = on("n1", &view, &Announced::default()).announced;
        service(&mut view, "mail", &["192.0.2.3"]);
        view.liveness = Liveness::Unknown;
        assert_eq!(on("n1", &view, &before).announced, before);
        view.services.clear();
        assert_eq!(on("n1", &view, &before).announced, Announced::default());
    }

    #[test]
    fn an_address_is_announced_for_those_of_its_services_that_can_be_served() {
        let mut view = web(json!({}));
        service(&mut view, "mail", &["192.0.2.2"]);
        endpoints(&mut view, "mail", &[]);
        let announced = on("n1", &view, &Announced::default()).announced;
        let services = announced.by_service();
        assert_eq!(services.into_keys().collect::<Vec<_>>(), [&key("web")]);
    }
}
