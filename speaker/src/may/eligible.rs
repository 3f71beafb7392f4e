//! Which nodes may announce a group, and why the others may not.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use ferrolb_crds::domain::{Endpoints, NodeName, Reason, ServiceKey};
use ferrolb_segment::message::NodeId;
use ferrolb_segment::{Fitness, GroupView, Nearness};

use super::Interfaces;
use super::judged::{JudgedNodes, Judgement, Soft};
use super::request::{Demand, Terms};
use super::view::Service;

/// All nodes, judged for a group of addresses.
#[derive(Debug)]
pub struct Eligibility {
    /// The addresses of the group, and the nodes that may announce them.
    pub group: Arc<GroupView>,
    pub(super) judged: Arc<JudgedNodes>,
    local: Vec<Local>,
    ineligible: OnceLock<Arc<BTreeMap<NodeName, Reason>>>,
}

/// A Service of policy Local and where its endpoints are.
type Local = (ServiceKey, Endpoints);

impl Eligibility {
    /// The nodes that may announce all of these addresses, whose group has this first address.
    pub(super) fn of(
        first: IpAddr,
        demands: &[(IpAddr, &Demand<'_>)],
        judge: impl FnOnce(BTreeSet<Terms>) -> Arc<JudgedNodes>,
    ) -> Self {
        let judged = judge(demands.iter().map(|(_, demand)| demand.terms.clone()).collect());
        let local: BTreeMap<&ServiceKey, &Service> = each(demands, |demand| &demand.local);
        let local: Vec<Local> = local
            .into_iter()
            .map(|(key, service)| (key.clone(), service.endpoints.clone()))
            .collect();
        let cluster = each(demands, |demand| &demand.cluster);
        let cluster = cluster.values().map(|service| &service.endpoints);
        let group = GroupView {
            first,
            addresses: demands.iter().map(|(address, _)| *address).collect(),
            fit: fit(&judged, &local),
            near: near(&judged, &local, cluster),
        };
        Self {
            group: Arc::new(group),
            judged,
            local,
            ineligible: OnceLock::new(),
        }
    }

    /// The interfaces that a node may use; none if there is no such node.
    pub fn interfaces(&self, node: &NodeName) -> Option<&Interfaces> {
        self.judged
            .by_node
            .get(node)
            .map(|judgement| &judgement.interfaces)
    }

    /// Whether the node may announce.
    pub fn includes(&self, node: &NodeName) -> bool {
        let judgement = self.judged.by_node.get(node);
        judgement.is_some_and(|judgement| self.group.suits(judgement.id))
    }

    /// Whether the address is on a subnet of other nodes and not of this one.
    pub fn is_off_link(&self, node: &NodeName) -> bool {
        let judgement = self.judged.by_node.get(node);
        judgement.is_some_and(|judgement| judgement.against == Some(Reason::OffLink))
    }

    /// The nodes that may announce, by name.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeName> {
        let may = |(_, judgement): &(&NodeName, &Judgement)| self.group.suits(judgement.id);
        self.judged.by_node.iter().filter(may).map(|(name, _)| name)
    }

    /// All other nodes, and why each may not announce.
    pub fn ineligible(&self) -> &Arc<BTreeMap<NodeName, Reason>> {
        self.ineligible.get_or_init(|| {
            let reason = |(name, judgement): (&NodeName, &Judgement)| {
                let hard = judgement.against.clone();
                Some((name.clone(), hard.or_else(|| lacking(&self.local, name))?))
            };
            Arc::new(self.judged.by_node.iter().filter_map(reason).collect())
        })
    }

    /// Reason a node that may announce comes after others: the soft reason against it.
    pub fn soft(&self, node: &NodeName) -> Option<Reason> {
        let judgement = self.judged.by_node.get(node)?;
        judgement.soft.max(ending(&self.local, node)).map(Reason::from)
    }
}

/// Each Service once, for however many addresses it is.
fn each<'a, 'b>(
    demands: &'b [(IpAddr, &Demand<'a>)],
    which: impl Fn(&'b Demand<'a>) -> &'b BTreeMap<&'a ServiceKey, &'a Service>,
) -> BTreeMap<&'a ServiceKey, &'a Service> {
    let all = demands.iter().flat_map(|(_, demand)| which(demand));
    all.map(|(key, service)| (*key, *service)).collect()
}

/// The fitness of the nodes that have an endpoint of each of these Services.
fn fit(judged: &JudgedNodes, local: &[Local]) -> Arc<BTreeMap<NodeId, Fitness>> {
    let Some(((_, first), others)) = local.split_first() else {
        return judged.open();
    };
    let everywhere = |name: &&NodeName| others.iter().all(|(_, endpoints)| endpoints.serving_on(name));
    let present = first.serving_nodes().filter(everywhere);
    let eligible = present.filter_map(|name| {
        let judgement = judged.by_node.get(name).filter(|one| one.against.is_none())?;
        Some((judgement.id, judgement.fitness(ending(local, name))))
    });
    Arc::new(eligible.collect())
}

/// How near the ready endpoints are.
fn near<'a>(
    judged: &JudgedNodes,
    local: &[Local],
    cluster: impl Iterator<Item = &'a Endpoints>,
) -> Box<[(NodeId, Nearness)]> {
    let mut near: BTreeMap<NodeId, Nearness> = BTreeMap::new();
    let id = |name: &NodeName| judged.by_node.get(name).map(|judgement| judgement.id);
    for (node, ready) in local.iter().flat_map(|(_, endpoints)| endpoints.ready_nodes()) {
        if let Some(id) = id(node) {
            near.entry(id).or_default().local += ready as u32;
        }
    }
    for (node, _) in cluster.flat_map(Endpoints::ready_nodes) {
        if let Some(id) = id(node) {
            near.entry(id).or_default().saves_hop = true;
        }
    }
    near.into_iter().collect()
}

/// Those of these Services that have no endpoint on the node that can serve.
fn lacking(local: &[Local], node: &NodeName) -> Option<Reason> {
    let lacks = |(_, endpoints): &&Local| !endpoints.serving_on(node);
    let lacking: BTreeSet<ServiceKey> = local.iter().filter(lacks).map(|(key, _)| key.clone()).collect();
    (!lacking.is_empty()).then_some(Reason::NoLocalEndpoint(lacking))
}

/// A node whose endpoints of any of these Services are all terminating loses them soon. It serves as long as they last, so
/// that the address can go ahead of them.
fn ending(local: &[Local], node: &NodeName) -> Option<Soft> {
    let last = |(_, endpoints): &Local| endpoints.ready_on(node) == 0;
    local.iter().any(last).then_some(Soft::EndpointsTerminating)
}
