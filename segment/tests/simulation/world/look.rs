//! What an onlooker sees.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_segment::message::NodeId;
use ferrolb_segment::{Event, Moment};

use super::World;

impl World {
    /// The nodes that would answer a question for the address now.
    pub(crate) fn answering(&self, address: IpAddr) -> Vec<usize> {
        let answers = |node: &usize| self.nodes[*node].answers.contains(&address) && self.is_awake(*node);
        (0..self.nodes.len()).filter(answers).collect()
    }

    /// It answers whatever it holds.
    fn is_awake(&self, node: usize) -> bool {
        let one = &self.nodes[node];
        let awake = one.paused_until.is_none_or(|until| until <= self.now);
        let may = one
            .segment
            .as_ref()
            .is_some_and(|segment| segment.may_answer(self.clock(node)));
        one.plugged && awake && may
    }

    pub(crate) fn may_tell(&self, node: usize) -> bool {
        let segment = self.nodes[node].segment.as_ref();
        segment.is_some_and(|segment| segment.may_tell(self.clock(node)))
    }

    /// Whether the last beacon of the node says that others are preferred over it.
    pub(crate) fn says_held_down(&self, node: usize) -> bool {
        self.nodes[node].standing.hold_down
    }

    /// The nodes that ask on the wire for the address, each with the node that it takes for the holder.
    pub(crate) fn witnesses(&self, address: IpAddr) -> Vec<(usize, NodeId)> {
        let asks = |node: usize| {
            let segment = self.nodes[node].segment.as_ref()?;
            let may = segment.may_check(self.clock(node));
            Some((node, segment.to_check(address).filter(|_| may)?))
        };
        (0..self.nodes.len()).filter_map(asks).collect()
    }

    /// Addresses for which more than one node answers.
    pub(crate) fn doubles(&self) -> BTreeSet<IpAddr> {
        let mut seen = BTreeSet::new();
        let awake = (0..self.nodes.len()).filter(|node| self.is_awake(*node));
        awake
            .flat_map(|node| &self.nodes[node].answers)
            .filter(|address| !seen.insert(**address))
            .copied()
            .collect()
    }

    /// The nodes whose process says that it holds the address.
    pub(crate) fn holding(&self, address: IpAddr) -> Vec<usize> {
        let holds = |node: &usize| self.nodes[*node].answers.contains(&address);
        (0..self.nodes.len()).filter(holds).collect()
    }

    pub(crate) fn held(&self, node: usize) -> BTreeSet<IpAddr> {
        self.nodes[node].answers.clone()
    }

    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        self.nodes[0].view.groups.keys().copied().collect()
    }

    /// Each address has one holder.
    pub(crate) fn is_settled(&self) -> bool {
        self.addresses()
            .iter()
            .all(|address| self.holding(*address).len() == 1)
    }

    /// A client that remembers who announced last reaches the address.
    pub(crate) fn is_reachable(&self, address: IpAddr) -> bool {
        self.cache.get(&address).is_some_and(|node| {
            let one = &self.nodes[*node];
            one.plugged && one.answers.contains(&address)
        })
    }

    /// Which nodes hold which address.
    pub(crate) fn table(&self) -> BTreeMap<IpAddr, Vec<usize>> {
        self.addresses()
            .into_iter()
            .map(|address| (address, self.holding(address)))
            .collect()
    }

    /// How often this happened since then.
    pub(crate) fn count(&self, since: Moment, what: impl Fn(&Event) -> bool) -> usize {
        let events = self.events.iter().filter(|(at, ..)| *at >= since);
        events.filter(|(.., event)| what(event)).count()
    }
}

/// For how long addresses had two answering holders.
#[derive(Default)]
pub(crate) struct Doubles {
    since: BTreeMap<IpAddr, Moment>,
    pub(crate) longest: Duration,
}

impl Doubles {
    /// Looks now; the time before the first look does not count.
    pub(crate) fn look(&mut self, world: &World) {
        let doubles = world.doubles();
        for (address, since) in &self.since {
            if !doubles.contains(address) || world.now > *since {
                self.longest = self.longest.max(world.now.since(*since));
            }
        }
        self.since.retain(|address, _| doubles.contains(address));
        for address in doubles {
            self.since.entry(address).or_insert(world.now);
        }
    }

    /// What is double now counts from the next look on only.
    pub(crate) fn begin_again(&mut self) {
        self.since.clear();
    }
}
