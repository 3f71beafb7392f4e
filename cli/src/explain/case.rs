//! One Service with all that is known about it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_controller::alloc::{Note, Outcome};
use ferrolb_crds::api::Condition;
use ferrolb_crds::api::core::Service;
use ferrolb_crds::domain::{Node, NodeName, Reason, ServiceKey, ServiceView};
use ferrolb_crds::names::EXCLUDE_NODE;
use ferrolb_speaker::forecast::{Foreseen, Known, forecast};
use ferrolb_speaker::may::{Options, View};
use k8s_openapi::jiff::Timestamp;

use super::cause::{Cause, Effect};
use super::live::Live;
use super::trouble::Trouble;
use crate::holding::{Holder, Holdings};
use crate::objects::{Objects, id};
use crate::plan::{Daemons, Routed, world};
use crate::problem::Problem;
use crate::speakers::{Speaker, ready, speakers};

/// All that an explanation is made of.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) objects: Objects,
    /// What cannot be read of them.
    pub(crate) problems: Vec<Problem>,
    /// None where manifests take the place of a cluster.
    pub(crate) live: Option<Live>,
    /// How the daemons are set.
    pub(crate) options: Options,
    pub(crate) now: Timestamp,
}

/// What is the same for all Services of the evidence.
pub(crate) struct Cases<'a> {
    evidence: &'a Evidence,
    /// None where what the daemons decide on may not be read.
    pub(crate) judgement: Option<Judgement>,
    holdings: Holdings<'a>,
    pub(crate) speakers: BTreeMap<NodeName, Speaker>,
}

/// A Service of the evidence.
pub(crate) struct Case<'a> {
    pub(super) evidence: &'a Evidence,
    pub(crate) service: &'a Service,
    pub(crate) view: ServiceView,
    /// None where what the daemons decide on may not be read.
    pub(super) judgement: Option<&'a Judgement>,
    holdings: &'a Holdings<'a>,
    speakers: &'a BTreeMap<NodeName, Speaker>,
}

/// What the daemons make of the Services.
pub(crate) struct Judgement {
    outcomes: BTreeMap<ServiceKey, Outcome>,
    /// The world as the speakers see it.
    pub(crate) view: View,
    foreseen: BTreeMap<IpAddr, Foreseen>,
    /// What BGP is to tell; nothing where its objects were not read.
    pub(crate) routed: Routed,
    /// Every node is excluded, so none is.
    pub(crate) all_excluded: bool,
    /// What is skipped, in whole or in part.
    pub(crate) problems: Vec<Problem>,
}

impl Evidence {
    fn judge(&self, speakers: &BTreeMap<NodeName, Speaker>) -> Judgement {
        let daemons = Daemons {
            options: self.options.clone(),
            ..Daemons::default()
        };
        let mut problems = Vec::new();
        let decided = world::decide(&self.objects, &daemons, &mut problems);
        let view = decided.view;
        let known = match &self.live {
            Some(_) => Known {
                alive: ready(speakers),
                holders: world::holders(&self.objects, &view),
            },
            None => Known {
                alive: view.nodes.keys().cloned().collect(),
                holders: BTreeMap::new(),
            },
        };
        Judgement {
            outcomes: decided.outcomes,
            foreseen: forecast(&view, &decided.may, &known),
            all_excluded: decided.may.all_excluded,
            routed: Routed::of(&self.objects.bgp, &self.objects.pools, &view, &mut problems),
            problems,
            view,
        }
    }
}

impl<'a> Cases<'a> {
    pub(crate) fn of(evidence: &'a Evidence) -> Self {
        let objects = &evidence.objects;
        let pods = evidence.live.as_ref().and_then(|live| live.pods.as_deref());
        let names: Vec<NodeName> = objects.nodes.iter().map(|node| Node::read(node).0).collect();
        let speakers = speakers(&names, &objects.states, pods);
        let is_complete = evidence.live.as_ref().is_none_or(Live::is_complete);
        Self {
            judgement: is_complete.then(|| evidence.judge(&speakers)),
            holdings: Holdings::of(objects),
            evidence,
            speakers,
        }
    }

    /// The case of a Service, if it can be read.
    pub(crate) fn case(&self, key: &ServiceKey) -> Option<Case<'_>> {
        self.all().find(|case| case.view.key == *key)
    }

    /// The cases of all Services that can be read.
    pub(crate) fn all(&self) -> impl Iterator<Item = Case<'_>> {
        self.evidence.objects.services.iter().map(move |service| {
            let view = ServiceView::read(service);
            let judgement = self.judgement.as_ref();
            Case {
                evidence: self.evidence,
                service,
                judgement: judgement.filter(|one| one.outcomes.contains_key(&view.key)),
                view,
                holdings: &self.holdings,
                speakers: &self.speakers,
            }
        })
    }
}

impl Case<'_> {
    pub(super) fn class(&self) -> Option<&str> {
        self.evidence.options.class.as_deref()
    }

    pub(super) fn is_live(&self) -> bool {
        self.evidence.live.is_some()
    }

    pub(super) fn condition(&self, type_: &str) -> Option<&Condition> {
        self.service.condition(type_)
    }

    /// What the controller decides.
    pub(super) fn outcome(&self) -> Option<&Outcome> {
        self.judgement?.outcomes.get(&self.view.key)
    }

    /// The addresses that it has; without a cluster those that it would have.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        match self.outcome() {
            Some(Outcome::Assigned(assignment)) if !self.is_live() => assignment.addresses.iter().collect(),
            _ => self.view.ingress.iter().collect(),
        }
    }

    /// What would become of an address, as far as it may be judged.
    pub(super) fn foreseen(&self, address: IpAddr) -> Option<&Foreseen> {
        self.judgement?.foreseen.get(&address)
    }

    /// Why nobody would announce an address for this Service.
    pub(super) fn why_not(&self, address: IpAddr) -> Option<&Reason> {
        let why = self.foreseen(address)?.of_service(&self.view.key).err()?;
        match self.judgement?.routed.fate(address) {
            Some(fate) if why.is_of_layer2_alone() => fate.as_ref().err(),
            _ => Some(why),
        }
    }

    /// Whether this is why nobody would announce one of the addresses.
    pub(super) fn is_judged(&self, reason: &str) -> bool {
        let mut reasons = self
            .view
            .ingress
            .iter()
            .filter_map(|address| self.why_not(address));
        reasons.any(|why| why.word() == reason)
    }

    /// The nodes that may announce an address.
    pub(super) fn eligible(&self, address: IpAddr) -> Vec<NodeName> {
        let eligible = self
            .foreseen(address)
            .and_then(|one| one.judged.eligible.as_ref().ok());
        eligible
            .into_iter()
            .flat_map(|one| one.nodes().cloned().collect::<Vec<_>>())
            .collect()
    }

    pub(super) fn holders(&self, address: IpAddr) -> Vec<Holder> {
        self.holdings.holders(&self.view.key, address)
    }

    pub(super) fn speaker(&self, node: &NodeName) -> Option<&Speaker> {
        self.speakers.get(node)
    }

    pub(super) fn is_ready(&self, node: &NodeName) -> bool {
        self.speakers.get(node).is_some_and(Speaker::is_ready)
    }

    /// That nobody writes the status of Services.
    pub(super) fn leaderless(&self) -> Option<Cause> {
        let why = self.evidence.live.as_ref()?.leaderless(self.evidence.now)?;
        let effect = if self.view.ingress.is_empty() {
            Effect::NoAddress
        } else {
            Effect::Doubtful
        };
        Some(Cause::trouble(effect, &Trouble::NoController(why)))
    }

    /// What is skipped that may matter to the Service: other Services do not.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let found = self.judgement.iter().flat_map(|judgement| &judgement.problems);
        let own = id(self.service);
        let matters = |one: &&Problem| one.object.kind != own.kind || one.object == own;
        let all = self.evidence.problems.iter().chain(found).filter(matters);
        all.cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What is odd, and no reason for which it should not work.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(Outcome::Assigned(assignment)) = self.outcome() {
            let lasting = assignment.notes.iter().filter(|note| note.is_lasting());
            notes.extend(lasting.map(|note: &Note| format!("{}: {note}", note.word())));
        }
        if self.judgement.is_some_and(|judgement| judgement.all_excluded) {
            notes.push(format!(
                "every node carries the label {EXCLUDE_NODE}, so it is ignored"
            ));
        }
        notes
    }
}
