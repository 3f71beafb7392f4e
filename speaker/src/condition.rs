//! Condition `ferrolb.io/Announced` of a Service: from where its addresses are announced, or why they are not.
//!
//! Every speaker computes whose turn it is to write: the node that announces (or won) the first address that anybody
//! announces, else the one of the living that speaks for the Service. While their views differ two may write; the
//! resource version lets the later one see the other's first. A Service without addresses has no such condition:
//! `Assigned` says why.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{InterfaceName, NodeName, ServiceClass, ServiceKey, ServiceView};
use ferrolb_crds::names;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::election::{Elections, Ineligible, Interfaces, Liveness, Options, Why};
use crate::liveness::spokesman;
use crate::plan::Plan;

/// Longest message, in bytes: enough for a few addresses and ten nodes of each reason.
const LONGEST_MESSAGE: usize = 2048;

/// What there is to say about a Service; without when it began, so that the same is said once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Statement {
    /// The condition is to be this.
    Says {
        /// Every address is announced.
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
    pub(crate) node: &'a NodeName,
    pub(crate) options: &'a Options,
    pub(crate) liveness: &'a Liveness,
    pub(crate) elections: &'a Elections,
    /// What this node announces.
    pub(crate) plan: &'a Plan,
}

/// A Service as the watch shows it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) object: Arc<Service>,
    pub(crate) view: Arc<ServiceView>,
}

/// What becomes of one address.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fate {
    /// Announced by us, on these interfaces.
    Here(BTreeSet<InterfaceName>),
    /// Ours to announce, and there is no interface for it; these would be allowed.
    Stuck(BTreeSet<InterfaceName>),
    /// Announced by another node.
    There(NodeName),
    /// Announced by nobody: reason and sentence.
    Nowhere(&'static str, String),
}

/// Whether the object bears the condition.
pub(crate) fn is_shown(service: &Service) -> bool {
    condition_of(service).is_some()
}

/// The writes that are ours to make, in order of the Services' names.
pub(crate) fn writes(
    known: &Known<'_>,
    services: &BTreeMap<ServiceKey, Shown>,
    now: Timestamp,
) -> Vec<Write> {
    let write = |(service, shown): (&ServiceKey, &Shown)| {
        let statement = known.statement(service, shown)?;
        Some(Write {
            service: service.clone(),
            body: body(service, &shown.object, &statement, now),
            statement,
        })
    };
    services.iter().filter_map(write).collect()
}

impl Known<'_> {
    /// What this node has to write about the Service, if it is its turn and the condition says something else.
    fn statement(&self, service: &ServiceKey, shown: &Shown) -> Option<Statement> {
        if !self.is_concerned(&shown.view) {
            return None;
        }
        let fates = self.fates(service, &shown.view)?;
        let holder = fates.values().find_map(|fate| self.holder(fate));
        if holder.is_some_and(|holder| holder != self.node) {
            return None;
        }
        let statement = Statement::of(self.node, &fates);
        let differs = !statement.is_met(condition_of(&shown.object));
        // Asked last because it is dear: nothing differs at rest.
        let our_turn =
            || holder.is_some() || spokesman(self.liveness, &service.to_string()) == Some(self.node);
        (differs && our_turn()).then_some(statement)
    }

    /// Services of another class belong to another installation. A class changes only together with the type, so none of
    /// ours becomes one of theirs without being no load balancer in between.
    fn is_concerned(&self, view: &ServiceView) -> bool {
        view.class == ServiceClass::NotLoadBalancer || view.class.is_ours(self.options.class.as_deref())
    }

    /// What becomes of each address of the Service; nothing while that is not known.
    fn fates(&self, service: &ServiceKey, view: &ServiceView) -> Option<BTreeMap<IpAddr, Fate>> {
        if view.class == ServiceClass::NotLoadBalancer {
            return Some(BTreeMap::new());
        }
        let fate = |address| Some((address, self.fate(service, address)?));
        view.ingress.iter().map(fate).collect()
    }

    fn fate(&self, service: &ServiceKey, address: IpAddr) -> Option<Fate> {
        let of = |table: &crate::plan::Announced| {
            let found = table.0.get(&address);
            found.filter(|one| one.services.contains(service)).cloned()
        };
        if let Some(announcement) = of(&self.plan.announced) {
            return Some(Fate::Here(announcement.interfaces));
        }
        if let Some(announcement) = of(&self.plan.unplaced) {
            return Some(Fate::Stuck(match announcement.allowed {
                Interfaces::Any => BTreeSet::new(),
                Interfaces::Only(names) => names,
            }));
        }
        match self.elections.by_address.get(&address)?.of_service(service) {
            Ok(winner) => Some(Fate::There(winner.node.clone())),
            Err(Why::LivenessUnknown) => None,
            Err(why) => Some(Fate::Nowhere(why.reason(), why.to_string())),
        }
    }

    fn holder<'a>(&'a self, fate: &'a Fate) -> Option<&'a NodeName> {
        match fate {
            Fate::Here(_) | Fate::Stuck(_) => Some(self.node),
            Fate::There(node) => Some(node),
            Fate::Nowhere(..) => None,
        }
    }
}

impl Statement {
    fn of(node: &NodeName, fates: &BTreeMap<IpAddr, Fate>) -> Self {
        if fates.is_empty() {
            return Self::Nothing;
        }
        let mut by_fate: Vec<(&Fate, Vec<String>)> = Vec::new();
        for (address, fate) in fates {
            match by_fate.iter_mut().find(|(known, _)| *known == fate) {
                Some((_, addresses)) => addresses.push(address.to_string()),
                None => by_fate.push((fate, vec![address.to_string()])),
            }
        }
        let sentence = |(fate, addresses): &(&Fate, Vec<String>)| {
            format!("{} {}", addresses.join(", "), fate.in_words(node))
        };
        let sentences: Vec<String> = by_fate.iter().map(sentence).collect();
        let trouble = fates.values().find_map(Fate::trouble);
        Self::Says {
            announced: trouble.is_none(),
            reason: trouble.unwrap_or("Announced"),
            message: cut(sentences.join("; ")),
        }
    }

    fn is_met(&self, shown: Option<&Condition>) -> bool {
        match (self, shown) {
            (Self::Nothing, None) => true,
            (Self::Says { reason, message, .. }, Some(shown)) => {
                (shown.status.as_str(), shown.reason.as_str(), &shown.message)
                    == (self.status(), *reason, message)
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

    /// The API server does not check the conditions of a Service; this is the only place that makes one.
    fn condition(&self, before: Option<&Condition>, now: Timestamp) -> Option<Condition> {
        let Self::Says { reason, message, .. } = self else {
            return None;
        };
        let unchanged = before.filter(|condition| condition.status == self.status());
        Some(Condition {
            type_: names::CONDITION_ANNOUNCED.to_owned(),
            status: self.status().to_owned(),
            reason: (*reason).to_owned(),
            message: message.clone(),
            last_transition_time: unchanged.map_or(Time(now), |one| one.last_transition_time.clone()),
            observed_generation: None,
        })
    }
}

impl Fate {
    /// The reason, if nobody announces the address.
    fn trouble(&self) -> Option<&'static str> {
        match self {
            Self::Here(_) | Self::There(_) => None,
            Self::Stuck(_) => Some(Ineligible::NoInterface.reason()),
            Self::Nowhere(reason, _) => Some(reason),
        }
    }

    fn in_words(&self, node: &NodeName) -> String {
        match self {
            Self::Here(interfaces) => format!("announced from node {node} on {}", listed(interfaces)),
            Self::There(other) => format!("announced from node {other}"),
            Self::Stuck(allowed) if allowed.is_empty() => {
                format!("not announced: node {node} has no interface that can announce")
            }
            Self::Stuck(allowed) => format!(
                "not announced: node {node} has none of the interfaces of the L2Advertisement: {}",
                listed(allowed)
            ),
            Self::Nowhere(_, sentence) => format!("not announced: {sentence}"),
        }
    }
}

fn condition_of(service: &Service) -> Option<&Condition> {
    let conditions = service.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .find(|one| one.type_ == names::CONDITION_ANNOUNCED)
}

/// The uid makes a write to a Service that is gone a conflict; without it the API server would try to create one.
fn body(service: &ServiceKey, object: &Service, statement: &Statement, now: Timestamp) -> Value {
    let mut body = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service.name,
            "namespace": service.namespace,
            "uid": object.metadata.uid,
            "resourceVersion": object.metadata.resource_version,
        },
        "status": {},
    });
    if let Some(condition) = statement.condition(condition_of(object), now) {
        body["status"]["conditions"] = json!([condition]);
    }
    body
}

fn listed(names: &BTreeSet<InterfaceName>) -> String {
    let names: Vec<&str> = names.iter().map(InterfaceName::as_str).collect();
    names.join(", ")
}

fn cut(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
    message
}

#[cfg(test)]
mod tests;
