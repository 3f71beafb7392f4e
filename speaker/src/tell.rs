//! What users are told by events and the operator by log lines: transitions only.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::{InterfaceName, NodeName, ServiceKey};
use ferrolb_runtime::events::Notice;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::EventType;

use crate::announce::News;
use crate::election::Interfaces;
use crate::plan::{Announced, Announcement, Plan};
use crate::wire::Mac;

/// What was told, so that it is told once.
#[derive(Debug, Default)]
pub(crate) struct Told {
    assigned: BTreeSet<ServiceKey>,
    failed: BTreeSet<(ServiceKey, IpAddr)>,
}

impl Told {
    /// Counts Services as told, because an earlier process on this node did.
    pub(crate) fn before(services: impl IntoIterator<Item = ServiceKey>) -> Self {
        Self {
            assigned: services.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The notices of a plan: about Services that this node announces now and did not before, and about addresses that it
    /// won now and cannot announce.
    pub(crate) fn notices(
        &mut self,
        plan: &Plan,
        node: &NodeName,
        services: &BTreeMap<ServiceKey, ObjectReference>,
    ) -> Vec<Notice> {
        let assigned: BTreeSet<ServiceKey> = plan.announced.by_service().into_keys().cloned().collect();
        let new = assigned.difference(&self.assigned);
        let mut told: Vec<Notice> = new
            .filter_map(|service| services.get(service))
            .map(|regarding| node_assigned(regarding, node))
            .collect();
        let failed = unplaced(&plan.unplaced);
        let new = failed.iter().filter(|(key, _)| !self.failed.contains(key));
        told.extend(new.filter_map(|((service, address), announcement)| {
            Some(announce_failed(
                services.get(service)?,
                node,
                *address,
                announcement,
            ))
        }));
        self.failed = failed.into_keys().collect();
        self.assigned = assigned;
        told
    }
}

fn unplaced(unplaced: &Announced) -> BTreeMap<(ServiceKey, IpAddr), &Announcement> {
    let of = |(address, announcement): (&IpAddr, _)| (*address, announcement);
    let pairs = unplaced.0.iter().map(of);
    pairs
        .flat_map(|(address, announcement)| {
            let services = announcement.services.iter();
            services.map(move |service| ((service.clone(), address), announcement))
        })
        .collect()
}

/// MetalLB's event, which its users and tests look for.
fn node_assigned(regarding: &ObjectReference, node: &NodeName) -> Notice {
    Notice {
        regarding: regarding.clone(),
        severity: EventType::Normal,
        reason: "nodeAssigned".to_owned(),
        note: format!("announcing from node \"{node}\" with protocol \"layer2\""),
    }
}

fn announce_failed(
    regarding: &ObjectReference,
    node: &NodeName,
    address: IpAddr,
    announcement: &Announcement,
) -> Notice {
    let lacks = match &announcement.allowed {
        Interfaces::Any => "no interface that can announce".to_owned(),
        Interfaces::Only(names) => {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            format!(
                "none of the interfaces of the L2Advertisement: {}",
                names.join(", ")
            )
        }
    };
    Notice {
        regarding: regarding.clone(),
        severity: EventType::Warning,
        reason: "announceFailed".to_owned(),
        note: format!(
            "cannot announce {address} from node \"{node}\" with protocol \"layer2\": it has {lacks}"
        ),
    }
}

/// Logs which addresses this node begins and ceases to announce.
pub(crate) fn log(before: &Announced, after: &Announced) {
    for (address, announcement) in &after.0 {
        if before
            .0
            .get(address)
            .is_none_or(|known| known.interfaces != announcement.interfaces)
        {
            let services = listed(&announcement.services);
            let interfaces = listed(&announcement.interfaces);
            tracing::info!(%address, services, interfaces, "announcing");
        }
    }
    for (address, announcement) in &before.0 {
        if !after.0.contains_key(address) {
            let services = listed(&announcement.services);
            tracing::info!(%address, services, "no longer announcing");
        }
    }
}

/// Logs what was not so at the last call, once.
pub(crate) fn log_news<T: Ord + std::fmt::Display>(known: &mut BTreeSet<T>, now: impl Iterator<Item = T>) {
    let now: BTreeSet<T> = now.collect();
    for news in now.difference(known) {
        tracing::warn!("{news}");
    }
    *known = now;
}

/// What the wire told, so that it is logged once.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    claims: BTreeMap<IpAddr, Mac>,
    troubles: BTreeMap<InterfaceName, String>,
}

impl Heard {
    /// Logs it unless it was the last that was heard of this address or interface.
    pub(crate) fn log(&mut self, news: News) {
        match news {
            News::ForeignClaim {
                address,
                mac,
                interface,
            } => {
                if self.claims.insert(address, mac) != Some(mac) {
                    tracing::warn!(%address, %mac, %interface, "another station claims an address that we announce");
                }
            }
            News::Trouble { interface, message } => {
                if self.troubles.get(&interface) != Some(&message) {
                    tracing::warn!(%interface, "cannot announce as it should be: {message}");
                    self.troubles.insert(interface, message);
                }
            }
        }
    }
}

fn listed<T: ToString>(names: &BTreeSet<T>) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web() -> ServiceKey {
        ServiceKey::new("shop", "web")
    }

    fn table(addresses: &[&str], allowed: &Interfaces) -> Announced {
        let announcement = Announcement {
            services: BTreeSet::from([web()]),
            allowed: allowed.clone(),
            interfaces: BTreeSet::from(["eth0".into()]),
        };
        let entry = |address: &&str| (address.parse().unwrap(), announcement.clone());
        Announced(addresses.iter().map(entry).collect())
    }

    fn announcing(addresses: &[&str]) -> Plan {
        Plan {
            announced: table(addresses, &Interfaces::Any),
            unplaced: Announced::default(),
        }
    }

    fn told(told: &mut Told, plan: &Plan) -> Vec<(String, String)> {
        let services = BTreeMap::from([(web(), ObjectReference::default())]);
        let notices = told.notices(plan, &"n1".into(), &services);
        notices.into_iter().map(|one| (one.reason, one.note)).collect()
    }

    #[test]
    fn a_service_is_told_once_while_it_is_announced_here() {
        let mut state = Told::default();
        let expected = (
            "nodeAssigned".to_owned(),
            "announcing from node \"n1\" with protocol \"layer2\"".to_owned(),
        );
        let first = told(&mut state, &announcing(&["192.0.2.1"]));
        assert_eq!(first, std::slice::from_ref(&expected));
        assert_eq!(told(&mut state, &announcing(&["192.0.2.1", "2001:db8::1"])), []);
        assert_eq!(told(&mut state, &announcing(&[])), []);
        assert_eq!(told(&mut state, &announcing(&["192.0.2.1"])), [expected]);
    }

    #[test]
    fn what_an_earlier_process_told_is_not_told_again() {
        let mut state = Told::before([web()]);
        assert_eq!(told(&mut state, &announcing(&["192.0.2.1"])), []);
    }

    #[test]
    fn an_address_that_cannot_be_announced_is_told_once() {
        let mut state = Told::default();
        let plan = Plan {
            announced: Announced::default(),
            unplaced: table(&["192.0.2.1"], &Interfaces::Only(BTreeSet::from(["eth9".into()]))),
        };
        let expected = "cannot announce 192.0.2.1 from node \"n1\" with protocol \"layer2\": \
            it has none of the interfaces of the L2Advertisement: eth9";
        assert_eq!(
            told(&mut state, &plan),
            [("announceFailed".to_owned(), expected.to_owned())]
        );
        assert_eq!(told(&mut state, &plan), []);
    }
}
