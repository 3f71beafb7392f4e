//! Condition `ferrolb.io/Announced` of a Service: from where its addresses are announced, or why they are not.
//!
//! Every speaker computes whose turn it is to write: the node that announces the first address that anybody announces,
//! else the one of the living that speaks for the Service. Where nodes that do not hear each other announce one Service,
//! their `ServiceL2Status` tells each of the others, and the one of them that speaks for the Service writes. A Service
//! without addresses has no such condition: `Assigned` says why. An address that its witness finds silent or disputed on the
//! wire, or whose packets its holder drops for sure, is not announced as it should be. Where some of its clients may reach it,
//! the condition holds and says what is wrong.
//!
//! What BGP does for an address stands beside what layer 2 does, and alone if no L2Advertisement is for it.

mod settling;
mod shown;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::api::Condition;
use ferrolb_crds::domain::{NOT_ANNOUNCED, NodeName, Reason, ServiceClass, ServiceKey, listed};
use ferrolb_crds::names;
use ferrolb_segment::order::hash::hash_of;
use itertools::Itertools;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::may::Exposure;
use crate::verdict::{Bgp, Layer2, Verdict, Verdicts};

pub(crate) use settling::Settling;
pub(crate) use shown::Shown;

use shown::Said;

/// The reason of a Service that several nodes announce which do not hear each other.
pub(crate) const SEVERAL_HOLDERS: &str = "SeveralHolders";
/// Longest message, in bytes: enough for a few addresses and ten nodes of each reason.
const LONGEST_MESSAGE: usize = 2048;

/// What there is to say about a Service; without when it began, so that the same is said once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Statement {
    /// The condition is to be this.
    Says {
        /// Every address is announced, the wire agrees, and the packets that follow are not dropped for sure.
        announced: bool,
        reason: &'static str,
        message: String,
    },
    /// The condition is to go.
    Nothing,
}

/// One server-side apply to the status of a Service.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Write {
    pub(crate) service: ServiceKey,
    pub(crate) statement: Statement,
    /// All that the speakers own of the Service.
    pub(crate) body: Value,
}

/// What the speakers know, seen from one of them.
pub(crate) struct Known<'a> {
    pub(crate) verdicts: &'a Verdicts,
    /// Whether what other nodes say of the Service has been the same for long enough.
    pub(crate) is_settled: &'a dyn Fn(&ServiceKey) -> bool,
}

/// The writes that are ours to make, in order of the Services' names.
pub(crate) fn writes(
    known: &Known<'_>,
    services: &BTreeMap<ServiceKey, Arc<Shown>>,
    now: Timestamp,
) -> Vec<Write> {
    let write = |(service, shown): (&ServiceKey, &Arc<Shown>)| {
        let statement = known.statement(service, shown)?;
        Some(Write {
            service: service.clone(),
            body: body(service, shown, &statement, now),
            statement,
        })
    };
    services.iter().filter_map(write).collect()
}

impl Known<'_> {
    /// What this node has to write about the Service, if it is its turn and the condition says something else.
    fn statement(&self, service: &ServiceKey, shown: &Shown) -> Option<Statement> {
        let verdicts = self.verdicts;
        let holder = match shown.view.class {
            ServiceClass::NotLoadBalancer => None,
            _ => verdicts.holders_for(service, &shown.view).next(),
        };
        if holder.is_some_and(|holder| *holder != verdicts.node) {
            return None;
        }
        let fates = self.fates(service, &shown.view)?;
        let rivals = verdicts.rivals.get(service);
        let statement = Statement::of(&verdicts.node, &fates, rivals)?;
        let differs = !statement.is_met(shown.condition.as_ref());
        // Asked last because it is dear: nothing differs at rest.
        let our_turn = || match (holder, rivals) {
            (Some(_), None) => true,
            (Some(node), Some(rivals)) => {
                let all = rivals.iter().chain([node]);
                (self.is_settled)(service) && spokesman(all, service) == Some(node)
            }
            (None, _) if fates.iter().any(|(_, fate)| fate.layer2.is_some()) => {
                spokesman(&verdicts.alive, service) == Some(&verdicts.node)
            }
            (None, _) => spokesman(&verdicts.routers, service) == Some(&verdicts.node),
        };
        (differs && our_turn()).then_some(statement)
    }

    /// What becomes of each address of the Service; nothing while that is not known.
    fn fates(&self, service: &ServiceKey, view: &Exposure) -> Option<Vec<(IpAddr, Fate)>> {
        if view.class == ServiceClass::NotLoadBalancer {
            return Some(Vec::new());
        }
        let verdict = |address| self.verdicts.by_address.get(&address);
        let fate = |address| Some((address, Fate::of(verdict(address)?, service)));
        view.ingress.iter().map(fate).collect()
    }
}

/// What becomes of an address on behalf of a Service.
#[derive(Clone, Debug)]
struct Fate {
    /// What layer 2 does; none if only BGP is asked to do anything.
    layer2: Option<Layer2>,
    /// What BGP does, if it is asked to.
    bgp: Option<Bgp>,
    /// What is wrong although a node announces it.
    doubt: Option<Reason>,
}

impl Fate {
    fn of(verdict: &Verdict, service: &ServiceKey) -> Self {
        let wire = verdict.wire.as_ref().and_then(|wire| wire.trouble.as_ref());
        Self {
            layer2: verdict.is_for_layer2().then(|| verdict.of_service(service)),
            bgp: verdict.bgp.clone(),
            doubt: wire.or(verdict.doubt.as_ref()).cloned(),
        }
    }

    /// Why it is not announced, or not as it should be.
    fn trouble(&self) -> Option<&Reason> {
        let of_layer2 = match &self.layer2 {
            Some(Layer2::Nobody(why)) => Some(&**why),
            Some(Layer2::Here(_) | Layer2::There(_)) => self.doubt.as_ref(),
            Some(Layer2::Unknown) | None => None,
        };
        of_layer2.or(match &self.bgp {
            Some(Bgp::Nobody(why)) => Some(why),
            Some(Bgp::Told(_)) | None => None,
        })
    }
}

impl Statement {
    /// None while it is not known what becomes of an address.
    fn of(node: &NodeName, fates: &[(IpAddr, Fate)], rivals: Option<&BTreeSet<NodeName>>) -> Option<Self> {
        if fates.is_empty() {
            return Some(Self::Nothing);
        }
        let mut by_fate: Vec<(String, Vec<IpAddr>)> = Vec::new();
        for (address, fate) in fates {
            let words = in_words(fate, node)?;
            match by_fate.iter_mut().find(|(known, _)| *known == words) {
                Some((_, addresses)) => addresses.push(*address),
                None => by_fate.push((words, vec![*address])),
            }
        }
        let sentences = by_fate
            .iter()
            .map(|(words, addresses)| format!("{} {words}", addresses.iter().join(", ")));
        let rivals_too = rivals.map(|rivals| rivals_in_words(node, rivals));
        let mut troubles = fates.iter().filter_map(|(_, fate)| fate.trouble());
        let certain = troubles.clone().find(|why| why.is_certain());
        Some(Self::Says {
            announced: certain.is_none(),
            reason: match (certain, rivals) {
                (Some(why), _) => why.word(),
                (None, Some(_)) => SEVERAL_HOLDERS,
                (None, None) => troubles.next().map_or(names::ANNOUNCED, Reason::word),
            },
            message: cut(sentences.chain(rivals_too).join("; ")),
        })
    }

    fn is_met(&self, shown: Option<&Said>) -> bool {
        match (self, shown) {
            (Self::Nothing, None) => true,
            (Self::Says { reason, message, .. }, Some(shown)) => {
                shown.says(self.status(), reason, message) && shown.since.is_some()
            }
            _ => false,
        }
    }

    fn status(&self) -> &'static str {
        match self {
            Self::Says { announced: true, .. } => "True",
            Self::Says { .. } | Self::Nothing => "False",
        }
    }

    /// The condition as it is to be written; none if it is to go.
    fn condition(&self, before: Option<&Said>, now: Timestamp) -> Option<Condition> {
        let Self::Says {
            announced,
            reason,
            message,
        } = self
        else {
            return None;
        };
        let unchanged = before.filter(|before| before.holds == Some(*announced));
        let since = unchanged.and_then(|before| Timestamp::from_second(before.since?).ok());
        Some(Condition {
            type_: names::CONDITION_ANNOUNCED.to_owned(),
            status: self.status().to_owned(),
            reason: (*reason).to_owned(),
            message: message.clone(),
            last_transition_time: Some(Time(since.unwrap_or(now))),
        })
    }
}

/// None while it is not known what layer 2 does.
fn in_words(fate: &Fate, node: &NodeName) -> Option<String> {
    let layer2 = fate
        .layer2
        .as_ref()
        .map(|layer2| layer2_in_words(layer2, fate, node));
    let bgp = fate.bgp.as_ref().map(bgp_in_words);
    Some(match (layer2, bgp) {
        (Some(layer2), Some(bgp)) => format!("{}, and {bgp}", layer2?),
        (Some(layer2), None) => layer2?,
        (None, bgp) => bgp?,
    })
}

fn layer2_in_words(layer2: &Layer2, fate: &Fate, node: &NodeName) -> Option<String> {
    let announced = match layer2 {
        Layer2::Here(one) => format!(
            "announced from node {node} on {}",
            one.interfaces.iter().join(", ")
        ),
        Layer2::There(other) => format!("announced from node {other}"),
        Layer2::Nobody(why) => return Some(format!("{NOT_ANNOUNCED}{why}")),
        Layer2::Unknown => return None,
    };
    Some(match &fate.doubt {
        Some(why) => format!("{announced}, but {why}"),
        None => announced,
    })
}

fn bgp_in_words(bgp: &Bgp) -> String {
    match bgp {
        Bgp::Told(tellers) => {
            let peers: BTreeSet<_> = tellers.values().flatten().collect();
            format!(
                "announced by BGP from {} to {}",
                listed(tellers.keys()),
                listed(&peers)
            )
        }
        Bgp::Nobody(why) => format!("not announced by BGP: {why}"),
    }
}

/// That other nodes, which this one does not hear, announce a Service too.
pub(crate) fn rivals_in_words(node: &NodeName, rivals: &BTreeSet<NodeName>) -> String {
    format!(
        "also announced, by its own word, from node {}, which node {node} does not hear",
        rivals.iter().join(", ")
    )
}

/// The one of these nodes that writes about a Service which concerns them all, so that it is written once.
pub(crate) fn spokesman<'a>(
    nodes: impl IntoIterator<Item = &'a NodeName>,
    object: &impl ToString,
) -> Option<&'a NodeName> {
    let object = object.to_string();
    nodes.into_iter().min_by_key(|node| hash_of(node, &object))
}

/// The uid makes a write to a Service that is gone a conflict; without it the API server would try to create one.
fn body(service: &ServiceKey, shown: &Shown, statement: &Statement, now: Timestamp) -> Value {
    let (uid, version) = shown.identity();
    let mut body = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service.name,
            "namespace": service.namespace,
            "uid": uid,
            "resourceVersion": version,
        },
        "status": {},
    });
    if let Some(condition) = statement.condition(shown.condition.as_ref(), now) {
        body["status"]["conditions"] = json!([condition]);
    }
    body
}

fn cut(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
    message
}

#[cfg(test)]
mod tests;
