//! Worlds to begin with.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_crds::domain::NodeName;
use ferrolb_segment::message::{NodeId, Standing};
use ferrolb_segment::{Conduct, Fitness, GroupView, Moment, SegmentView};

use super::{Lan, Node, World, address, ms};

impl World {
    /// Nodes n1, n2, …, all of which may hold the addresses 1 to `addresses`; none has power.
    pub(crate) fn new(nodes: usize, addresses: u32, seed: u64) -> Self {
        let names: Vec<NodeName> = (1..=nodes)
            .map(|n| NodeName::from(format!("n{n}").as_str()))
            .collect();
        let view = SegmentView {
            groups: (1..=addresses)
                .map(|last| (address(last), Arc::new(alone(&names, address(last)))))
                .collect(),
            nodes: Arc::new(
                names
                    .iter()
                    .map(|name| (NodeId::of(name), name.clone()))
                    .collect(),
            ),
            electors: Arc::new(names.iter().map(NodeId::of).collect()),
            draining: false,
            ..SegmentView::default()
        };
        let node = |name: NodeName| Node {
            id: NodeId::of(&name),
            segment: None,
            sequence: 0,
            waiting: Vec::new(),
            emptied: Moment::ORIGIN,
            stops_amid: None,
            undone: Vec::new(),
            last: BTreeMap::new(),
            paused_until: None,
            wake: Moment::ORIGIN,
            plugged: true,
            view: view.clone(),
            standing: Standing::default(),
            answers: BTreeSet::new(),
            lag: Duration::ZERO,
            frozen_until: None,
            keeps_frames: false,
        };
        Self {
            now: Moment::ORIGIN + Duration::from_secs(1000),
            nodes: names.into_iter().map(node).collect(),
            conduct: Conduct {
                hold_down: Duration::ZERO,
                ..Conduct::default()
            },
            random: seed,
            lan: Lan::default(),
            agenda: BTreeSet::new(),
            wakeup: Duration::ZERO,
            cache: BTreeMap::new(),
            events: Vec::new(),
            found: Vec::new(),
            unfit: 0,
            neighbours: true,
            strangers: BTreeMap::new(),
            lost_answers_percent: 0,
            probes: Vec::new(),
            records: None,
            recorded: Vec::new(),
        }
    }

    /// As [`World::new`] with power on every node, until all addresses have a holder.
    pub(crate) fn running(nodes: usize, addresses: u32, seed: u64) -> Self {
        Self::new(nodes, addresses, seed).started()
    }

    /// With power on every node, until all addresses have a holder.
    pub(crate) fn started(mut self) -> Self {
        (0..self.nodes.len()).for_each(|node| self.start(node));
        self.run(ms(3000));
        self
    }
}

/// All nodes suit alike; the hash decides.
fn alone(names: &[NodeName], address: IpAddr) -> GroupView {
    let fit = |name: &NodeName| (NodeId::of(name), Fitness::default());
    GroupView {
        first: address,
        addresses: [address].into(),
        fit: Arc::new(names.iter().map(fit).collect()),
        near: Box::default(),
    }
}

/// Each `size` addresses belong together from now on.
pub(crate) fn regroup(view: &mut SegmentView, size: usize) {
    let addresses: Vec<IpAddr> = view.groups.keys().copied().collect();
    for group in addresses.chunks(size) {
        let fit = view.groups[&group[0]].fit.clone();
        let whole = Arc::new(GroupView {
            first: group[0],
            addresses: group.into(),
            fit,
            near: Box::default(),
        });
        for address in group {
            view.groups.insert(*address, whole.clone());
        }
    }
}
