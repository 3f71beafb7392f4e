//! One instance on one segment: what it hears goes in, what it does comes out (`docs/protocol.md`).
//!
//! [`Segment::receive`] only takes in; [`Segment::advance`] judges, once everything that waited on the socket was
//! taken in. What is to be done is left for [`Segment::effects`].
//!
//! [`Segment`] is put together from machines that own their fields. Each is told what it needs and returns what is to be
//! done; this and the files whose `impl` is that of [`Segment`] pass it on.

mod addresses;
mod asking;
mod before;
mod conflicts;
mod effect;
mod epochs;
mod facts;
mod groups;
mod handover;
mod ledger;
mod life;
mod majority;
mod members;
mod neighbours;
mod orphans;
mod pass;
mod pauses;
mod proofs;
mod receive;
mod returns;
mod roll;
mod voice;
mod witness;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Moment;
use super::codec::Room;
use super::message::{Body, Instance, NodeId, State};
use super::peer::{Peer, Sighting};
use super::profile::Profile;
use super::random::Chance;
use super::view::SegmentView;
use asking::Asking;
use conflicts::Conflicts;
use facts::Facts;
use handover::Handover;
use majority::Majority;
use neighbours::Neighbours;
use orphans::Orphans;
use pauses::Pauses;
use returns::Returns;
use voice::Voice;

pub use before::Before;
pub use effect::{Effect, Event};
pub use majority::PartitionPolicy;

/// How an instance behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Conduct {
    /// How fast.
    pub profile: Profile,
    /// How long other nodes are preferred over one that returned; doubles with each return.
    pub hold_down: Duration,
    /// What it does in a partition.
    pub policy: PartitionPolicy,
}

impl Default for Conduct {
    fn default() -> Self {
        Self {
            profile: Profile::NORMAL,
            hold_down: Duration::from_secs(30),
            policy: PartitionPolicy::default(),
        }
    }
}

/// One instance on one segment.
#[derive(Clone, Debug)]
pub struct Segment {
    facts: Facts,
    started: Moment,
    has_view: bool,
    pauses: Pauses,
    neighbours: Neighbours,
    orphans: Orphans,
    conflicts: Conflicts,
    handover: Handover,
    majority: Majority,
    returns: Returns,
    asking: Asking,
    voice: Voice,
    chance: Chance,
    effects: Vec<Effect>,
}

impl Segment {
    /// An instance that starts now. `seed` spreads its delays.
    pub fn new(me: Instance, conduct: Conduct, seed: u64, now: Moment) -> Self {
        Self {
            facts: Facts::new(me, conduct.profile, now),
            started: now,
            has_view: false,
            pauses: Pauses::new(conduct.profile),
            neighbours: Neighbours::default(),
            orphans: Orphans::default(),
            conflicts: Conflicts::default(),
            handover: Handover::default(),
            majority: Majority::new(conduct, now),
            returns: Returns::new(me, conduct),
            asking: Asking::default(),
            voice: Voice::new(now),
            chance: Chance::new(seed),
            effects: Vec::new(),
        }
    }

    /// What is to be done since the last call.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// This instance.
    pub fn instance(&self) -> Instance {
        self.facts.me
    }

    /// What this instance takes part in.
    pub fn state(&self) -> State {
        self.facts.state
    }

    /// The cluster says something else.
    pub fn see(&mut self, view: impl Into<Arc<SegmentView>>) {
        self.has_view = true;
        self.facts.see(view.into());
    }

    /// The interface carries packets of so many bytes.
    pub fn fit(&mut self, mtu: u32) {
        self.facts.room = Room::of_mtu(mtu);
    }

    /// The interface has a carrier, or has none.
    pub fn carry(&mut self, carrier: bool) {
        self.pauses.carrier = carrier;
    }

    /// A neighbour that is no speaker answered a question of this node.
    pub fn witnessed(&mut self, now: Moment) {
        self.neighbours.answered = Some(now);
    }

    /// Everything is to be yielded, because this instance will end.
    pub fn leave(&mut self) {
        if self.facts.state != State::Gone {
            self.facts.state = State::Leaving;
            self.voice.beacon_now = true;
            self.facts.look_at_everything();
        }
    }

    /// This instance ends now: no node holds what it holds. One more beacon is left to send.
    pub fn quit(&mut self, now: Moment) {
        self.facts.state = State::Gone;
        self.send_beacon(now);
    }

    /// Whether a leaving instance may end: it holds nothing, and neighbours that asked shortly before learned the heir (H9).
    pub fn has_left(&self, now: Moment) -> bool {
        self.facts.state == State::Leaving && self.facts.ledger.has_let_go(now)
    }

    /// Whether requests may be answered now: not if others may have taken over without this instance knowing. To be
    /// asked before each answer.
    pub fn may_answer(&self, now: Moment) -> bool {
        let lasts = self.facts.profile.detection();
        let shows_life = |last| now.since(last) < lasts;
        self.voice.last_beacon.is_some_and(shows_life)
            && !self.pauses.may_be_missed(now)
            && self.majority.may_answer(now)
    }

    /// Whether anything may be said unasked about an address: not by one that hears nobody.
    pub fn may_tell(&self, now: Moment) -> bool {
        self.may_answer(now) && !self.is_cut_off(now)
    }

    /// Under `single-owner`, whether more than half of the speakers hear this instance; otherwise always.
    pub fn is_with_majority(&self, now: Moment) -> bool {
        self.majority.may_answer(now)
    }

    /// The addresses that this instance holds.
    pub fn held(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.facts.ledger.own.holds().map(|(address, _)| address)
    }

    /// The node that holds the address, as far as this instance knows.
    pub fn holder(&self, address: IpAddr) -> Option<NodeId> {
        self.facts.holder(address)
    }

    /// The nodes that are up, this one included.
    pub fn up(&self) -> BTreeSet<NodeId> {
        self.facts.roll.members.up.clone()
    }

    /// The other nodes that were heard of late, as this instance hears them.
    pub fn sightings(&self, now: Moment) -> BTreeMap<NodeId, Sighting> {
        let mut latest: BTreeMap<NodeId, &Peer> = BTreeMap::new();
        for peer in self.facts.roll.values() {
            let known = latest.entry(peer.instance.node).or_insert(peer);
            if known.last_frame < peer.last_frame {
                *known = peer;
            }
        }
        let seen = latest.into_iter();
        seen.map(|(node, peer)| (node, peer.sighting(now))).collect()
    }

    fn tell(&mut self, event: Event) {
        self.effects.push(Effect::Tell(event));
    }

    fn send(&mut self, body: Body) {
        self.effects.push(Effect::Send(body));
    }

    fn send_all(&mut self, bodies: impl IntoIterator<Item = Body>) {
        self.effects.extend(bodies.into_iter().map(Effect::Send));
    }
}
