//! What users are told by events and the operator by log lines: transitions only.

mod contested;
mod doubts;
mod heard;
mod silent;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{InterfaceName, NodeName, Reason, ServiceKey};
use ferrolb_runtime::events::Notice;
use ferrolb_runtime::reflect::{self, Problem};
use itertools::Itertools;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::EventType;
use tokio::time::Instant;

use crate::history::{Happened, History, What};
use crate::tell::condition::{Shown, spokesman};
use crate::verdict::{Layer2, Verdicts};

pub(crate) use contested::ToldContested;
use doubts::ToldDoubts;
pub(crate) use heard::Heard;
use silent::ToldSilent;
use wire::ToldWire;

/// What was told, so that it is told once.
#[derive(Debug, Default)]
pub(crate) struct Told {
    assigned: BTreeSet<ServiceKey>,
    failed: BTreeSet<(ServiceKey, IpAddr)>,
    wire: ToldWire,
    doubts: ToldDoubts,
    silent: ToldSilent,
}

impl Told {
    /// Counts Services as told, because an earlier process on this node did.
    pub(crate) fn before(services: impl IntoIterator<Item = ServiceKey>) -> Self {
        Self {
            assigned: services.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The notices of what is done now: about Services that this node announces and did not before, about addresses
    /// that it could announce if it had an interface for them, about those on which the wire does not agree any more,
    /// or agrees again, about those whose packets do not get on from here, and about those that nobody announces.
    pub(crate) fn notices(
        &mut self,
        verdicts: &Verdicts,
        services: &BTreeMap<ServiceKey, Arc<Shown>>,
        history: &History,
        now: Instant,
    ) -> Vec<Notice> {
        let reference = |service: &ServiceKey| Some(services.get(service)?.reference(service));
        let assigned: BTreeSet<ServiceKey> = verdicts.by_service().into_keys().cloned().collect();
        let new = assigned.difference(&self.assigned);
        let mut told: Vec<Notice> = new
            .filter_map(|service| Some(node_assigned(reference(service)?, &verdicts.node)))
            .collect();
        let failed = without_interface(verdicts);
        let new = failed.difference(&self.failed);
        told.extend(new.filter_map(|(service, address)| {
            Some(announce_failed(reference(service)?, &verdicts.node, *address))
        }));
        self.failed = failed;
        self.assigned = assigned;
        told.extend(self.wire.notices(verdicts, reference, history));
        told.extend(self.doubts.notices(verdicts, services, history));
        told.extend(self.silent.notices(verdicts, reference, now));
        told
    }

    /// When there is something to tell although nothing changed.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.silent.next()
    }
}

/// Addresses that nobody announces, and for which this node lacks the interface; the one that speaks for the Service
/// tells.
fn without_interface(verdicts: &Verdicts) -> BTreeSet<(ServiceKey, IpAddr)> {
    let lacking = verdicts
        .by_address
        .iter()
        .filter(|(_, verdict)| match &verdict.layer2 {
            Layer2::Nobody(why) => match &**why {
                Reason::NoEligibleNode(nodes) => nodes.get(&verdicts.node) == Some(&Reason::NoInterface),
                _ => false,
            },
            _ => false,
        });
    let pairs = lacking.flat_map(|(address, verdict)| {
        let services = verdict.judged.served();
        services.map(|service| (service.clone(), *address))
    });
    pairs
        .filter(|(service, _)| spokesman(&verdicts.alive, service) == Some(&verdicts.node))
        .collect()
}

/// MetalLB's event, which its users and tests look for.
fn node_assigned(regarding: ObjectReference, node: &NodeName) -> Notice {
    Notice {
        regarding,
        severity: EventType::Normal,
        reason: "nodeAssigned".to_owned(),
        note: format!("announcing from node \"{node}\" with protocol \"layer2\""),
    }
}

fn announce_failed(regarding: ObjectReference, node: &NodeName, address: IpAddr) -> Notice {
    let note = format!(
        "cannot announce {address} from node \"{node}\" with protocol \"layer2\": the node {}",
        Reason::NoInterface
    );
    warning(regarding, "announceFailed", note)
}

fn warning(regarding: ObjectReference, reason: &str, note: String) -> Notice {
    Notice {
        regarding,
        severity: EventType::Warning,
        reason: reason.to_owned(),
        note,
    }
}

/// What this node announces, for the log.
pub(crate) type Logged = BTreeMap<IpAddr, (BTreeSet<ServiceKey>, BTreeSet<InterfaceName>)>;

/// Logs which addresses this node begins and ceases to announce, and writes down what it may not announce any more.
pub(crate) fn log(logged: &mut Logged, verdicts: &Verdicts, history: &History) {
    let here = verdicts.here().map(|(address, verdict, announcement)| {
        let services = verdict.judged.served().cloned().collect();
        (address, (services, announcement.interfaces.clone()))
    });
    let now: Logged = here.collect();
    for (address, (services, interfaces)) in &now {
        if logged.get(address).is_none_or(|(_, known)| known != interfaces) {
            let (services, interfaces) = (services.iter().join(", "), interfaces.iter().join(", "));
            tracing::info!(%address, services, interfaces, "announcing");
        }
    }
    for (address, (services, _)) in logged.iter() {
        if !now.contains_key(address) {
            let services = services.iter().join(", ");
            let why = verdicts.refusal(*address);
            let reason = why.map(Reason::word);
            tracing::info!(%address, services, reason, "no longer announcing");
            if let Some(why) = why {
                history.add(Happened::new(What::Refused, why).of(*address));
            }
        }
    }
    *logged = now;
}

/// Problems that were told, so that each is told once.
#[derive(Debug, Default)]
pub(crate) struct ToldProblems(reflect::Told);

impl ToldProblems {
    /// Logs what is new, and returns the notices of it. Pools and advertisements of layer 2 are the controller's to tell about.
    pub(crate) fn notices(&mut self, problems: &[Problem], verdicts: &Verdicts, now: Instant) -> Vec<Notice> {
        let news = self.0.news(problems, now);
        for problem in &news {
            tracing::warn!("{problem}");
        }
        let ours = |problem: &&Problem| {
            let name = problem.object.name.as_deref().unwrap_or_default();
            let speakers = match problem.object.kind.as_deref() {
                Some("ConfigMap") => &verdicts.alive,
                Some("BGPPeer" | "BGPAdvertisement" | "Community") => &verdicts.routers,
                _ => return false,
            };
            spokesman(speakers, &name) == Some(&verdicts.node)
        };
        news.into_iter().filter(ours).map(invalid_configuration).collect()
    }
}

fn invalid_configuration(problem: &Problem) -> Notice {
    let note = problem.message.clone();
    warning(problem.object.clone(), "InvalidConfiguration", note)
}

#[cfg(test)]
mod tests;
