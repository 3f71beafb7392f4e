//! What is, compared with what was decided: the writes that make them equal. None when they are.

mod desired;
mod notices;

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_crds::api::IPAddressPoolStatus;
use ferrolb_crds::api::core::Service;
use ferrolb_crds::domain::{Family, Origins, PoolName, Reason, ServiceClass, ServiceKey, ServiceView};
use ferrolb_runtime::events::Notice;
use ferrolb_runtime::patch::identity;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::alloc::{Decision, Outcome, Usage};
use crate::ascending::Ascending;
use crate::pending::Assumed;
use crate::snapshot::{Seen, Snapshot};
use desired::{Desired, condition};

/// Reason of the condition of a Service whose status is left to another controller.
const STATUS_DISPUTED: &str = "StatusDisputed";

/// One server-side apply to the status of a Service: all fields that are ours.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StatusWrite {
    pub(crate) service: ServiceKey,
    /// The version it was decided on.
    pub(crate) version: String,
    pub(crate) body: Value,
    /// Whether it holds everything of ours, and not just the condition of a Service that is left to another.
    pub(crate) whole: bool,
    /// What the Service holds once this has landed.
    pub(crate) assumed: Assumed,
    /// What to tell once it has landed.
    pub(crate) notices: Vec<Notice>,
}

/// One write to the status of a pool.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PoolWrite {
    pub(crate) pool: PoolName,
    pub(crate) namespace: String,
    pub(crate) status: IPAddressPoolStatus,
}

/// The status writes that the decision calls for and that may be sent now, in the order of the Services' names: one that
/// waits for its turn or for its answer is not made anew. `given_up_to` names the controllers to which a Service's status
/// is left.
pub(crate) fn service_writes(
    snapshot: &Snapshot,
    decision: &Decision,
    settled: &mut Settled,
    may_send: impl Fn(&ServiceKey, &str) -> bool,
    given_up_to: impl Fn(&ServiceKey) -> Option<String>,
    now: Timestamp,
) -> Vec<StatusWrite> {
    let mut writes = Vec::new();
    let mut found_settled = Vec::new();
    let mut outcomes = Ascending::over(&decision.outcomes);
    let mut is_settled = settled.ascending();
    for (service, seen) in &snapshot.services {
        let Some(outcome) = outcomes.get(service) else {
            continue;
        };
        if is_settled(service, &seen.object, outcome) || !may_send(service, &seen.observed.resource_version) {
            continue;
        }
        let dispute = given_up_to(service).and_then(|owners| disputed(service, seen, &owners, now));
        match dispute.or_else(|| service_write(service, seen, outcome, snapshot, now)) {
            Some(write) => writes.push(write),
            None => found_settled.push((service.clone(), (seen.object.clone(), outcome.clone()))),
        }
    }
    drop(is_settled);
    settled.0.extend(found_settled);
    settled.prune(snapshot);
    writes
}

/// Services that were found as they should be: they are compared again only when the object or the outcome is another.
#[derive(Default)]
pub(crate) struct Settled(BTreeMap<ServiceKey, (Arc<Service>, Outcome)>);

impl Settled {
    /// Whether a Service was found as it should be, with this object and this outcome. Asked in the order of their names.
    fn ascending(&self) -> impl FnMut(&ServiceKey, &Arc<Service>, &Outcome) -> bool {
        let mut known = Ascending::over(&self.0);
        move |service, object, outcome| {
            known
                .get(service)
                .is_some_and(|(before, decided)| Arc::ptr_eq(before, object) && decided == outcome)
        }
    }

    fn prune(&mut self, snapshot: &Snapshot) {
        if self.0.len() > snapshot.services.len() {
            self.0
                .retain(|service, _| snapshot.services.contains_key(service));
        }
    }
}

/// Says on a Service that its status is left to others, once. What else is in the status stays as they wrote it.
fn disputed(service: &ServiceKey, seen: &Seen, owners: &str, now: Timestamp) -> Option<StatusWrite> {
    let observed = &seen.observed;
    let message = format!("{owners} keeps writing the status of this Service, which is left alone");
    let condition = condition(false, STATUS_DISPUTED, message.clone(), observed, now);
    let mut body = identity(&*seen.object);
    body["status"] = json!({ "conditions": [&condition] });
    let addresses = observed
        .ingress
        .iter()
        .filter_map(|entry| entry.ip.as_ref()?.parse().ok());
    (observed.condition.as_ref() != Some(&condition)).then(|| StatusWrite {
        service: service.clone(),
        version: observed.resource_version.clone(),
        body,
        whole: false,
        assumed: Assumed {
            addresses: addresses.collect(),
            allocated_from: Origins::default(),
        },
        notices: vec![notices::disputed(seen, message)],
    })
}

fn service_write(
    service: &ServiceKey,
    seen: &Seen,
    outcome: &Outcome,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Option<StatusWrite> {
    let view = &snapshot.world.services[service];
    let desired = Desired::of(outcome, &seen.observed, view.is_written_by_us(), now);
    // What is on the Service of another class may be the work of one like us.
    let is_of_others = snapshot.world.is_of_another_class(service) && !snapshot.left.contains(service);
    let leave = *outcome == Outcome::NotOurs && (is_of_others || !seen.observed.has_traces());
    if leave || desired.equals(&seen.observed) {
        return None;
    }
    Some(StatusWrite {
        service: service.clone(),
        version: seen.observed.resource_version.clone(),
        body: desired.body(seen, outcome),
        whole: true,
        assumed: assumed(outcome, view),
        notices: notices::notices(view, seen, outcome, desired.condition.as_ref()),
    })
}

fn assumed(outcome: &Outcome, view: &ServiceView) -> Assumed {
    match outcome {
        Outcome::Refused(why) if why.leaves_status() => Assumed {
            addresses: view.ingress,
            allocated_from: Origins::default(),
        },
        Outcome::Assigned(assignment) => Assumed {
            addresses: assignment.addresses,
            allocated_from: Origins::of(&assignment.pools),
        },
        // Its address may be from others by now.
        Outcome::NotOurs if view.class != ServiceClass::NotLoadBalancer => Assumed {
            addresses: view.ingress,
            allocated_from: view.allocated_from.clone(),
        },
        Outcome::Refused(_) | Outcome::NotOurs => Assumed::default(),
    }
}

/// The pools whose status is not what the decision says.
pub(crate) fn pool_writes(snapshot: &Snapshot, usage: &BTreeMap<PoolName, Usage>) -> Vec<PoolWrite> {
    let write = |(pool, usage): (&PoolName, &Usage)| {
        let seen = snapshot.pools.get(pool)?;
        let status = pool_status(usage);
        let differs = seen.status.as_ref() != Some(&status);
        let namespace = seen.reference.namespace.clone().unwrap_or_default();
        differs.then_some(PoolWrite {
            pool: pool.clone(),
            namespace,
            status,
        })
    };
    usage.iter().filter_map(write).collect()
}

fn pool_status(usage: &Usage) -> IPAddressPoolStatus {
    IPAddressPoolStatus {
        assigned_ipv4: usage.used[Family::V4],
        assigned_ipv6: usage.used[Family::V6],
        available_ipv4: usage.available(Family::V4),
        available_ipv6: usage.available(Family::V6),
    }
}

/// How many Services are refused, by reason.
pub(crate) fn refusals(decision: &Decision) -> BTreeMap<&'static str, i64> {
    let mut counts = BTreeMap::new();
    for outcome in decision.outcomes.values() {
        if let Outcome::Refused(refusal) = outcome {
            *counts.entry(Reason::word(refusal)).or_default() += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests;
