//! What users are told by events and the operator by log lines: transitions only.

mod heard;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::{NodeName, ServiceKey};
use ferrolb_runtime::events::Notice;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::EventType;

use crate::election::Interfaces;
use crate::liveness::spokesman;
use crate::plan::{Announced, Announcement, Plan};
use crate::snapshot::{Fault, Snapshot};

pub(crate) use heard::Heard;

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

/// Logs what is new since the last call.
pub(crate) fn log_news<T: Ord + std::fmt::Display>(known: &mut BTreeSet<T>, now: BTreeSet<T>) {
    for news in now.difference(known) {
        tracing::warn!("{news}");
    }
    *known = now;
}

/// Faults that were told, so that each is told once.
#[derive(Debug, Default)]
pub(crate) struct ToldFaults(BTreeSet<String>);

impl ToldFaults {
    /// Logs what is new, and returns the notices of it. Pools and advertisements are the controller's to tell about.
    pub(crate) fn notices(&mut self, snapshot: &Snapshot, node: &NodeName) -> Vec<Notice> {
        let texts: BTreeSet<String> = snapshot.faults.iter().map(ToString::to_string).collect();
        let new = snapshot
            .faults
            .iter()
            .filter(|fault| !self.0.contains(&fault.to_string()));
        let ours = |fault: &&Fault| {
            let name = fault.object.name.as_deref().unwrap_or_default();
            fault.object.kind.as_deref() == Some("ConfigMap")
                && spokesman(&snapshot.view.liveness, name) == Some(node)
        };
        let notices = new.filter(ours).map(invalid_configuration).collect();
        log_news(&mut self.0, texts);
        notices
    }
}

fn invalid_configuration(fault: &Fault) -> Notice {
    Notice {
        regarding: fault.object.clone(),
        severity: EventType::Warning,
        reason: "InvalidConfiguration".to_owned(),
        note: fault.message.clone(),
    }
}

fn listed<T: ToString>(names: &BTreeSet<T>) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
