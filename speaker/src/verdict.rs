//! One table: what is done for each address here and elsewhere, or why nothing. Conditions, events, `ServiceL2Status`,
//! metrics and logs read it and nothing else.

mod bgp;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{InterfaceName, NodeName, Reason, ServiceKey};
use ferrolb_segment::message::NodeId;

use crate::forecast::none_alive;
use crate::layer2::announce::{Reports, Views};
use crate::may::{Eligibility, Exposure, Interfaces, Judged, May, View};
use crate::routes::{Routes, SessionsByNode};
use crate::see::dataplane::Dataplane;
use crate::tell::l2_status::{Seen, of_service};

pub(crate) use bgp::Bgp;
use bgp::JudgingBgp;
pub(crate) use wire::Wired;

/// What is done for every address of our Services, as far as this node knows.
#[derive(Clone, Debug)]
pub(crate) struct Verdicts {
    /// This node.
    pub(crate) node: NodeName,
    pub(crate) by_address: BTreeMap<IpAddr, Verdict>,
    /// The nodes whose speakers are alive, this one included.
    pub(crate) alive: BTreeSet<NodeName>,
    /// The nodes that say by their `ServiceL2Status` that they announce a Service, although this node knows nothing of it.
    pub(crate) rivals: BTreeMap<ServiceKey, BTreeSet<NodeName>>,
    /// The nodes whose speakers tell of their BGP sessions, as far as they are ready.
    pub(crate) routers: BTreeSet<NodeName>,
}

/// What is done for one address.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) judged: Arc<Judged>,
    pub(crate) layer2: Layer2,
    /// What BGP does, if it is asked to.
    pub(crate) bgp: Option<Bgp>,
    /// Whether the wire agrees, where its witness said so.
    pub(crate) wire: Option<Wired>,
    /// What keeps packets from getting on from here, where this node announces it.
    pub(crate) doubt: Option<Reason>,
}

impl Verdict {
    /// Whether layer 2 is asked to do something for it; else BGP alone is.
    pub(crate) fn is_for_layer2(&self) -> bool {
        let not_asked = matches!(&self.layer2, Layer2::Nobody(why) if why.is_of_layer2_alone());
        self.bgp.is_none() || !not_asked
    }

    /// Why nobody announces it, by whatever it is asked to be announced by.
    pub(crate) fn refusal(&self) -> Option<&Reason> {
        match (&self.layer2, &self.bgp) {
            (Layer2::Nobody(why), None) => Some(why),
            (Layer2::Nobody(_), Some(Bgp::Nobody(why))) if !self.is_for_layer2() => Some(why),
            (Layer2::Nobody(why), Some(_)) if self.is_for_layer2() => Some(why),
            _ => None,
        }
    }

    /// What is done for the address on behalf of this one of its Services.
    pub(crate) fn of_service(&self, service: &ServiceKey) -> Layer2 {
        match self.judged.refused(service) {
            Some(why) => Layer2::Nobody(Box::new(why.clone())),
            None => self.layer2.clone(),
        }
    }
}

/// What layer 2 does for an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Layer2 {
    /// This node announces it.
    Here(Announcement),
    /// Another node does.
    There(NodeName),
    /// Nobody does.
    Nobody(Box<Reason>),
    /// It is not known which node does, or not yet.
    Unknown,
}

/// How this node announces an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Announcement {
    /// The interfaces.
    pub(crate) interfaces: BTreeSet<InterfaceName>,
    /// What the advertisements allow.
    pub(crate) allowed: Interfaces,
}

/// What this node knows.
pub(crate) struct Evidence<'a> {
    pub(crate) node: &'a NodeName,
    pub(crate) view: &'a View,
    pub(crate) may: &'a May,
    /// What the ports are told.
    pub(crate) told: &'a Views,
    /// What they say.
    pub(crate) reports: &'a Reports,
    /// What this node does with packets.
    pub(crate) dataplane: &'a Dataplane,
    /// In order of their Services.
    pub(crate) statuses: &'a [Arc<Seen>],
    /// Whether this node can talk to others.
    pub(crate) has_key: bool,
    /// What is told by BGP.
    pub(crate) routes: &'a Routes,
    /// Over which sessions.
    pub(crate) sessions: &'a SessionsByNode,
}

impl Verdicts {
    /// What all of this comes to.
    pub(crate) fn of(evidence: &Evidence<'_>) -> Self {
        let judging = Judging::new(evidence);
        let mut bgp = JudgingBgp::new(evidence.routes, evidence.sessions, evidence.view);
        let verdict = |(address, judged): (&IpAddr, &Arc<Judged>)| {
            let layer2 = judging.layer2(*address, judged);
            let verdict = Verdict {
                judged: judged.clone(),
                bgp: bgp.of(*address),
                wire: judging.wire(*address),
                doubt: judging.doubt(*address, &layer2),
                layer2,
            };
            (*address, judging.unless_taken(*address, verdict))
        };
        let mut verdicts = Self {
            node: evidence.node.clone(),
            by_address: evidence.may.by_address.iter().map(verdict).collect(),
            alive: judging.alive,
            rivals: BTreeMap::new(),
            routers: routers(evidence),
        };
        verdicts.rivals = verdicts.rivals(evidence);
        verdicts
    }

    /// Reason this node may not announce the address, if it may not.
    pub(crate) fn refusal(&self, address: IpAddr) -> Option<&Reason> {
        let verdict = self.by_address.get(&address)?;
        match (&verdict.layer2, &verdict.judged.eligible) {
            (Layer2::Nobody(why), _) => Some(why),
            // It is asked for only where there is one, as it is made for it.
            (_, Ok(eligibility)) if !eligibility.group.fit.contains_key(&NodeId::of(&self.node)) => {
                eligibility.ineligible().get(&self.node)
            }
            _ => None,
        }
    }

    fn rivals(&self, evidence: &Evidence<'_>) -> BTreeMap<ServiceKey, BTreeSet<NodeName>> {
        let mut rivals: BTreeMap<ServiceKey, BTreeSet<NodeName>> = BTreeMap::new();
        for service in self.by_service().into_keys() {
            let Some(known) = evidence.view.services.get(service) else {
                continue;
            };
            let nodes = of_service(evidence.statuses, service)
                .iter()
                .filter_map(|one| one.rest.node.as_ref());
            for node in nodes.filter(|node| !self.announces(service, &known.view, node)) {
                rivals.entry(service.clone()).or_default().insert(node.clone());
            }
        }
        rivals
    }

    /// The addresses that nobody announces for a Service, and why.
    pub(crate) fn silent(&self) -> impl Iterator<Item = (&ServiceKey, IpAddr, &Reason)> {
        self.by_address.iter().flat_map(|(address, verdict)| {
            let services = verdict.judged.services();
            services.filter_map(move |service| {
                let of_service = verdict.judged.refused(service);
                let of_service = of_service.filter(|_| verdict.is_for_layer2());
                Some((service, *address, of_service.or_else(|| verdict.refusal())?))
            })
        })
    }

    /// What this node announces, by address.
    pub(crate) fn here(&self) -> impl Iterator<Item = (IpAddr, &Verdict, &Announcement)> {
        self.by_address
            .iter()
            .filter_map(|(address, verdict)| match &verdict.layer2 {
                Layer2::Here(announcement) => Some((*address, verdict, announcement)),
                _ => None,
            })
    }

    /// What this node tells BGP peers over sessions that are up.
    pub(crate) fn told_from_here(&self) -> impl Iterator<Item = (IpAddr, &Verdict)> {
        let told = |verdict: &Verdict| match &verdict.bgp {
            Some(Bgp::Told(tellers)) => tellers.contains_key(&self.node),
            _ => false,
        };
        let all = self
            .by_address
            .iter()
            .map(|(address, verdict)| (*address, verdict));
        all.filter(move |(_, verdict)| told(verdict))
    }

    /// What this node announces for each Service.
    pub(crate) fn by_service(&self) -> BTreeMap<&ServiceKey, BTreeMap<IpAddr, &Announcement>> {
        let mut services: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (address, verdict, announcement) in self.here() {
            for service in verdict.judged.served() {
                services.entry(service).or_default().insert(address, announcement);
            }
        }
        services
    }

    fn of_service<'a>(&'a self, service: &'a Exposure) -> impl Iterator<Item = Option<&'a Verdict>> {
        service
            .ingress
            .iter()
            .map(|address| self.by_address.get(&address))
    }

    /// The node that announces.
    fn holder<'a>(&'a self, verdict: &'a Verdict) -> Option<&'a NodeName> {
        match &verdict.layer2 {
            Layer2::Here(_) => Some(&self.node),
            Layer2::There(node) => Some(node),
            Layer2::Nobody(_) | Layer2::Unknown => None,
        }
    }

    /// The nodes that announce addresses of the Service for it, in order of the addresses.
    pub(crate) fn holders_for<'a>(
        &'a self,
        key: &'a ServiceKey,
        service: &'a Exposure,
    ) -> impl Iterator<Item = &'a NodeName> {
        let is_for_it = |verdict: &&Verdict| verdict.judged.refused(key).is_none();
        let verdicts = self.of_service(service).flatten().filter(is_for_it);
        verdicts.filter_map(|verdict| self.holder(verdict))
    }

    /// Whether the node announces any address of the Service, for it.
    pub(crate) fn announces(&self, key: &ServiceKey, service: &Exposure, node: &NodeName) -> bool {
        self.holders_for(key, service).any(|holder| holder == node)
    }

    /// Whether each address of the Service is announced, and none by this other node.
    pub(crate) fn have_moved_from(&self, service: &Exposure, node: &NodeName) -> bool {
        self.of_service(service).all(|verdict| {
            let holder = verdict.and_then(|verdict| self.holder(verdict));
            holder.is_some_and(|holder| holder != node)
        })
    }
}

/// The nodes that can tell by BGP, this one included.
fn routers(evidence: &Evidence<'_>) -> BTreeSet<NodeName> {
    let is_ready = |name: &&NodeName| evidence.view.nodes.get(*name).is_some_and(|node| node.ready);
    let told = evidence.sessions.keys().filter(is_ready).cloned();
    told.chain([evidence.node.clone()]).collect()
}

/// The evidence, indexed.
struct Judging<'a> {
    evidence: &'a Evidence<'a>,
    names: BTreeMap<NodeId, &'a NodeName>,
    alive: BTreeSet<NodeName>,
    up: BTreeSet<NodeId>,
    here: BTreeMap<IpAddr, BTreeSet<InterfaceName>>,
}

impl<'a> Judging<'a> {
    fn new(evidence: &'a Evidence<'a>) -> Self {
        let names: BTreeMap<NodeId, &NodeName> = evidence
            .view
            .nodes
            .keys()
            .map(|name| (NodeId::of(name), name))
            .collect();
        let reports = evidence.reports.values();
        let up: BTreeSet<NodeId> = reports.flat_map(|report| report.up.iter().copied()).collect();
        let alive = up
            .iter()
            .filter_map(|id| names.get(id).map(|name| (*name).clone()));
        let mut here: BTreeMap<IpAddr, BTreeSet<InterfaceName>> = BTreeMap::new();
        for (interface, report) in evidence.reports {
            for address in report.held.iter() {
                here.entry(*address).or_default().insert(interface.clone());
            }
        }
        Self {
            alive: alive.chain([evidence.node.clone()]).collect(),
            evidence,
            names,
            up,
            here,
        }
    }

    fn layer2(&self, address: IpAddr, judged: &Judged) -> Layer2 {
        if let Some(interfaces) = self.here.get(&address) {
            let eligibility = judged.eligible.as_ref().ok();
            let allowed = eligibility.and_then(|one| one.interfaces(self.evidence.node));
            return Layer2::Here(Announcement {
                interfaces: interfaces.clone(),
                allowed: allowed.cloned().unwrap_or(Interfaces::Any),
            });
        }
        let eligibility = match &judged.eligible {
            Ok(eligibility) => eligibility,
            Err(why) => return Layer2::Nobody(why.clone()),
        };
        let mut reports = self.evidence.reports.values();
        let holder = reports.find_map(|report| report.holders.of(address));
        match holder.and_then(|id| self.names.get(&id)) {
            // It holds the address and may not answer for it now.
            Some(name) if *name == self.evidence.node => Layer2::Unknown,
            Some(name) => Layer2::There((*name).clone()),
            None if !self.evidence.has_key => match self.stated(judged) {
                Layer2::Unknown => Layer2::Nobody(Reason::NoKey.into()),
                stated => stated,
            },
            None if !self.is_seen(address) => self.stated(judged),
            None => self.unheld(eligibility),
        }
    }

    fn doubt(&self, address: IpAddr, layer2: &Layer2) -> Option<Reason> {
        let Layer2::Here(announcement) = layer2 else {
            return None;
        };
        let of_node = self.evidence.dataplane.doubt(address, &announcement.interfaces);
        of_node.or_else(|| {
            let links = &self.evidence.view.links;
            let is_known = links.contains_key(self.evidence.node);
            let is_on_link = links.values().any(|links| links.have_on_link(address));
            let is_asked_for = announcement.allowed != Interfaces::Any;
            (is_known && !is_on_link && !is_asked_for).then_some(Reason::OffSubnet)
        })
    }

    /// An address that nobody holds, and that another station has, is not about to be claimed. Where a node that this one
    /// does not hear says that it announces the address, the station is that node's, and its condition stands.
    fn unless_taken(&self, address: IpAddr, verdict: Verdict) -> Verdict {
        let is_open = verdict.layer2 == Layer2::Unknown && verdict.judged.eligible.is_ok();
        let taken = is_open.then(|| self.taken(address)).flatten();
        let taken = taken.filter(|_| !self.is_stated_by_a_stranger(&verdict.judged));
        match taken {
            Some(taken) => Verdict {
                layer2: taken
                    .trouble
                    .clone()
                    .map_or(Layer2::Unknown, |why| Layer2::Nobody(why.into())),
                wire: Some(taken),
                ..verdict
            },
            None => verdict,
        }
    }

    /// Whether a port of this node hears of the address.
    fn is_seen(&self, address: IpAddr) -> bool {
        let mut views = self.evidence.told.values();
        views.any(|view| view.groups.contains_key(&address))
    }

    /// Whether a node that this one does not hear says that it announces a Service of the address.
    fn is_stated_by_a_stranger(&self, judged: &Judged) -> bool {
        let statuses = self.evidence.statuses;
        let stated = judged.served().flat_map(|service| of_service(statuses, service));
        let mut nodes = stated.filter_map(|status| status.rest.node.as_ref());
        nodes.any(|node| !self.alive.contains(node))
    }

    /// On another segment: what its holder says is all there is.
    fn stated(&self, judged: &Judged) -> Layer2 {
        let statuses = judged
            .served()
            .flat_map(|service| of_service(self.evidence.statuses, service));
        let mut nodes = statuses.filter_map(|status| status.rest.node.as_ref());
        let stated = nodes.find(|node| *node != self.evidence.node);
        stated.map_or(Layer2::Unknown, |node| Layer2::There(node.clone()))
    }

    /// Somebody will claim it in a moment, or nobody can.
    fn unheld(&self, eligibility: &Eligibility) -> Layer2 {
        let joined = self.evidence.reports.values().any(|report| report.joined);
        let any_up = eligibility.group.fit.keys().any(|node| self.up.contains(node));
        match joined && !any_up {
            true => Layer2::Nobody(none_alive(eligibility).into()),
            false => Layer2::Unknown,
        }
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
