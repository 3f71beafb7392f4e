//! What was found → what becomes of it.

use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools;
use serde_json::Value;

use super::report::{Finding, Report, Verdict};
use super::{beside, running};
use crate::objects::{Objects, id};
use crate::plan::{Announced, Report as Plan, ServicePlan};
use crate::problem::ObjectId;

/// Why an address is not announced, where the configuration and no node is the cause.
const UNANNOUNCED: [&str; 4] = [
    "NotAdvertised",
    "ServiceNotSelected",
    "NoPeer",
    "FamilyNotCarried",
];

/// A cluster, or a pile of manifests.
pub(super) struct Found {
    pub(super) objects: Objects,
    /// Objects of kinds that the daemons do not read.
    pub(super) beside: Vec<Value>,
    /// What controller and speakers would do with the objects.
    pub(super) plan: Plan,
}

/// Says what becomes of each object, if the installation is in this namespace.
pub(super) fn check(found: &Found, namespace: &str) -> Report {
    let mut findings: Vec<Finding> = found
        .beside
        .iter()
        .flat_map(|object| {
            beside::about(object, namespace)
                .into_iter()
                .chain(running::about(object, namespace))
        })
        .collect();
    findings.extend(found.plan.services.iter().filter_map(of_service));
    let problem = |one: &crate::problem::Problem| {
        Finding::new(Verdict::Differs, one.object.clone(), one.message.clone())
    };
    let unread: BTreeSet<ObjectId> = findings.iter().map(|one| one.object.clone()).collect();
    findings.extend(
        found
            .plan
            .problems
            .iter()
            .filter(|one| !unread.contains(&one.object))
            .map(problem),
    );
    findings.sort();
    findings.dedup();
    Report {
        works: works(&found.objects, &found.plan, &findings),
        findings,
    }
}

fn works(objects: &Objects, plan: &Plan, findings: &[Finding]) -> BTreeMap<String, usize> {
    let odd: BTreeSet<&ObjectId> = findings.iter().map(|one| &one.object).collect();
    let balanced = plan.services.iter().filter(|one| one.is_load_balancer);
    let ids = objects
        .pools
        .iter()
        .map(id)
        .chain(objects.adverts.iter().map(id))
        .chain(objects.bgp.ids())
        .chain(balanced.map(of));
    ids.filter(|id| !odd.contains(id))
        .map(|id| id.kind)
        .counts()
        .into_iter()
        .collect()
}

fn of(service: &ServicePlan) -> ObjectId {
    ObjectId::new("Service", service.namespace.clone(), service.name.clone())
}

/// What becomes of the addresses that a Service has; of one that has none, whether it gets one.
fn of_service(service: &ServicePlan) -> Option<Finding> {
    if !service.is_load_balancer {
        return None;
    }
    let say = |verdict, message: String| Some(Finding::new(verdict, of(service), message));
    let change = &service.change;
    if !change.loses.is_empty() {
        let gains = match change.gains.as_slice() {
            [] => "gets none for it".to_owned(),
            gains => format!("gets {}", gains.iter().join(", ")),
        };
        return say(
            Verdict::Stops,
            format!("loses {} and {gains}", change.loses.iter().join(", ")),
        );
    }
    let unannounced = |one: &Announced| {
        let of_bgp = one.bgp.iter().filter_map(|told| told.refused.as_ref());
        let mut all = one.refused.iter().chain(of_bgp);
        let why = all.find(|why| UNANNOUNCED.contains(&why.reason.as_str()))?;
        Some(format!("nobody announces {}: {why}", one.address))
    };
    if let Some(message) = service.announced.iter().find_map(unannounced) {
        return say(Verdict::Stops, message);
    }
    let notes = service.notes.iter().chain(service.refused.iter());
    let notes: Vec<&str> = notes
        .filter(|why| !why.is_not_ours())
        .map(|why| why.message.as_str())
        .collect();
    (!notes.is_empty()).then(|| Finding::new(Verdict::Differs, of(service), notes.join("; ")))
}
