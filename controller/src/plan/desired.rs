//! What the controller's fields of a Service should be.

use std::net::IpAddr;

use ferrolb_crds::api::core::LoadBalancerIngress;
use ferrolb_crds::api::{Condition, Saying};
use ferrolb_crds::domain::{Origins, PoolName};
use ferrolb_crds::names;
use ferrolb_runtime::patch::identity;
use itertools::Itertools;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::alloc::{Assignment, Note, Outcome};
use crate::observed::Observed;
use crate::snapshot::Seen;

/// The controller's fields as they should be.
pub(super) struct Desired {
    /// None where it is left to another implementation.
    ingress: Option<Vec<LoadBalancerIngress>>,
    pools: Origins,
    pub(super) condition: Option<Condition>,
}

impl Desired {
    /// `is_ours` says whether what is in the status is from us.
    pub(super) fn of(outcome: &Outcome, observed: &Observed, is_ours: bool, now: Timestamp) -> Self {
        match outcome {
            Outcome::NotOurs => Self {
                ingress: Some(Vec::new()),
                pools: Origins::default(),
                condition: None,
            },
            Outcome::Refused(why) => Self {
                ingress: is_ours.then(Vec::new),
                pools: Origins::default(),
                condition: Some(condition(false, why.word(), why.to_string(), observed, now)),
            },
            Outcome::Assigned(assignment) => Self {
                ingress: Some(ingress(assignment, observed)),
                pools: Origins::of(&assignment.pools),
                condition: Some(assigned(assignment, observed, now)),
            },
        }
    }

    pub(super) fn equals(&self, observed: &Observed) -> bool {
        let same = |ingress| ingress == &observed.ingress;
        self.ingress.as_ref().is_none_or(same)
            && self.pools == observed.pools
            && self.condition == observed.condition
    }

    /// Everything this field manager owns. A list of addresses to be emptied is written as empty, since
    /// leaving it out would keep what another manager owns; of a Service that is no longer ours nothing
    /// is written, which removes just what was ours.
    pub(super) fn body(&self, seen: &Seen, outcome: &Outcome) -> Value {
        let mut body = identity(&*seen.object);
        body["status"] = json!({});
        if !self.pools.is_empty() {
            body["metadata"]["annotations"] = json!(self.pools.annotations());
        }
        let emptied = *outcome != Outcome::NotOurs && !seen.observed.ingress.is_empty();
        if let Some(ingress) = self.ingress.as_ref().filter(|one| !one.is_empty() || emptied) {
            body["status"]["loadBalancer"] = json!({ "ingress": ingress });
        }
        if let Some(condition) = &self.condition {
            body["status"]["conditions"] = json!([condition]);
        }
        body
    }
}

/// The addresses as entries, in the order they already have if they are the same. `ipMode` is written
/// because the API server would fill it in; what others know of the ports is carried over.
fn ingress(assignment: &Assignment, observed: &Observed) -> Vec<LoadBalancerIngress> {
    let entry = |address: IpAddr| match observed.entry(address) {
        Some(entry) => entry.clone(),
        None => LoadBalancerIngress {
            ip: Some(address.to_string()),
            ip_mode: Some("VIP".to_owned()),
            ..LoadBalancerIngress::default()
        },
    };
    let wanted: Vec<LoadBalancerIngress> = assignment.addresses.iter().map(entry).collect();
    let same_in_other_order =
        wanted.len() == observed.ingress.len() && observed.ingress.iter().all(|entry| wanted.contains(entry));
    if same_in_other_order {
        observed.ingress.clone()
    } else {
        wanted
    }
}

fn assigned(assignment: &Assignment, observed: &Observed, now: Timestamp) -> Condition {
    let of_pool = |(address, pool): (IpAddr, &PoolName)| format!("{address} from pool {pool}");
    let addresses = assignment.addresses.iter().zip(&assignment.pools);
    let mut message = addresses.map(of_pool).join(", ");
    let lasting = || assignment.notes.iter().filter(|note| note.is_lasting());
    lasting().for_each(|note| message += &format!("; {note}"));
    let reason = lasting().next().map_or("Assigned", Note::word);
    condition(true, reason, message, observed, now)
}

/// The condition, with the time of the one that is there while that has the same status.
pub(super) fn condition(
    holds: bool,
    reason: &str,
    message: String,
    observed: &Observed,
    now: Timestamp,
) -> Condition {
    let saying = Saying {
        type_: names::CONDITION_ASSIGNED,
        holds,
        reason,
        message,
    };
    saying.condition(&observed.condition, now)
}
