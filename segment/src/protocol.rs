//! One instance on one segment: what it hears goes in, what it does comes out.
//!
//! [`Segment::receive`] only takes in; [`Segment::advance`] judges, once everything that waited on the socket was
//! taken in. What is to be done is left for [`Segment::effects`].

mod asking;
mod candidates;
mod claiming;
mod effect;
mod epochs;
mod groups;
mod handover;
mod life;
mod majority;
mod members;
mod pauses;
mod peers;
mod receive;
mod returns;
mod roll;
mod voice;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::holders::Holders;
use super::message::{Body, Instance, NodeId, State, Tag, Version};
use super::moment::Moment;
use super::own::OwnClaims;
use super::profile::Profile;
use super::random::Chance;
use super::view::{Place, SegmentView};
use asking::Asking;
use groups::Split;
use handover::Yield;
use majority::Majority;
use members::Members;
use pauses::Doubt;
use returns::Returns;
use roll::Roll;

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
    me: Instance,
    tag: Tag,
    conduct: Conduct,
    chance: Chance,
    state: State,
    started: Moment,
    view: Option<Arc<SegmentView>>,
    carrier: bool,
    /// Since when there is no carrier.
    unplugged: Option<Moment>,
    own: OwnClaims,
    peers: Roll,
    members: Members,
    holders: Holders,
    /// Nodes that were up and did not say goodbye.
    known: BTreeSet<NodeId>,
    returns: Returns,
    /// When a peer that was down was last heard again.
    returned_last: Option<Moment>,
    /// Since when this instance is up with more than half of the known nodes.
    backed_since: Option<Moment>,
    majority: Majority,
    /// When a neighbour that is no speaker last answered.
    witnessed: Option<Moment>,
    asked_neighbours: Option<Moment>,
    /// Addresses about which something changed.
    attention: BTreeSet<IpAddr>,
    orphans: BTreeMap<IpAddr, Moment>,
    yields: BTreeMap<IpAddr, Yield>,
    splits: BTreeMap<IpAddr, Split>,
    /// When what was said of an address that is not held may be forgotten.
    expiries: BTreeMap<IpAddr, Moment>,
    /// The same in order of time, with those that were put off or dropped since.
    expiring: VecDeque<(Moment, IpAddr)>,
    asking: Asking,
    /// The instances that are heard, and whether they are known to hear this one.
    list: BTreeMap<Tag, bool>,
    list_version: Version,
    list_sent: Moment,
    last_beacon: Option<Moment>,
    beacon_now: bool,
    /// Silent until then and until all is known again.
    stunned: Option<Moment>,
    doubt: Option<Doubt>,
    released_last: Moment,
    expected: Option<Moment>,
    /// When it was last looked for epochs that nobody needs.
    pruned: Moment,
    effects: Vec<Effect>,
}

impl Segment {
    /// An instance that starts now. `seed` spreads its delays.
    pub fn new(me: Instance, conduct: Conduct, seed: u64, now: Moment) -> Self {
        Self {
            me,
            tag: me.tag(),
            conduct,
            chance: Chance::new(seed),
            state: State::Joining,
            started: now,
            view: None,
            carrier: true,
            unplugged: None,
            own: OwnClaims::new(),
            peers: Roll::default(),
            members: Members::of(me.node),
            holders: Holders::default(),
            known: BTreeSet::new(),
            returns: Returns::default(),
            returned_last: None,
            backed_since: None,
            majority: Majority::new(now),
            witnessed: None,
            asked_neighbours: None,
            attention: BTreeSet::new(),
            orphans: BTreeMap::new(),
            yields: BTreeMap::new(),
            splits: BTreeMap::new(),
            expiries: BTreeMap::new(),
            expiring: VecDeque::new(),
            asking: Asking::default(),
            list: BTreeMap::new(),
            list_version: Version(0),
            list_sent: now,
            last_beacon: None,
            beacon_now: true,
            stunned: None,
            doubt: None,
            released_last: now,
            expected: None,
            pruned: now,
            effects: Vec::new(),
        }
    }

    /// What is to be done since the last call.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Who this is.
    pub fn instance(&self) -> Instance {
        self.me
    }

    /// What this instance takes part in.
    pub fn state(&self) -> State {
        self.state
    }

    /// The cluster says something else.
    pub fn see(&mut self, view: impl Into<Arc<SegmentView>>) {
        let view = view.into();
        let before = self.view.take().unwrap_or_default();
        let unchanged = |address: &IpAddr, place: &Arc<Place>| {
            let known = before.places.get(address);
            known.is_some_and(|known| Arc::ptr_eq(known, place) || known == place)
        };
        let gone = before
            .places
            .keys()
            .filter(|address| !view.places.contains_key(*address));
        self.attention.extend(gone);
        let other = view
            .places
            .iter()
            .filter(|(address, place)| !unchanged(address, place));
        self.attention.extend(other.map(|(address, _)| address));
        let asked = |moves: &BTreeMap<IpAddr, NodeId>, address: &IpAddr| moves.get(address).copied();
        let moves = before.moves.keys().chain(view.moves.keys());
        let other = moves.filter(|address| asked(&before.moves, address) != asked(&view.moves, address));
        self.attention.extend(other);
        if !view.nodes.is_empty() {
            self.known.retain(|node| view.nodes.contains_key(node));
        }
        let draining = before.draining != view.draining;
        self.view = Some(view);
        if draining {
            self.look_at_everything();
        }
    }

    /// The interface has a carrier, or has none.
    pub fn carry(&mut self, carrier: bool) {
        self.carrier = carrier;
    }

    /// A neighbour that is no speaker answered a question of this node.
    pub fn witnessed(&mut self, now: Moment) {
        self.witnessed = Some(now);
    }

    /// Everything is to be yielded, because this instance will end.
    pub fn leave(&mut self) {
        if self.state != State::Gone {
            self.state = State::Leaving;
            self.beacon_now = true;
            self.look_at_everything();
        }
    }

    /// This instance ends now: whatever it holds is nobody's. One more beacon is left to send.
    pub fn quit(&mut self, now: Moment) {
        self.state = State::Gone;
        self.send_beacon(now);
    }

    /// Whether a leaving instance may end: it holds nothing, and those who asked shortly before learned the heir.
    pub fn has_left(&self, now: Moment) -> bool {
        const AFTERWARDS: Duration = Duration::from_secs(1);
        self.state == State::Leaving && self.own.held() == 0 && now.since(self.released_last) >= AFTERWARDS
    }

    /// Whether requests may be answered now: not if others may have taken over without this instance knowing. To be
    /// asked before each answer.
    pub fn may_answer(&self, now: Moment) -> bool {
        let detection = self.conduct.profile.detection();
        let shows_life = self.last_beacon.is_some_and(|last| now.since(last) < detection);
        // What comes although there was no carrier comes before it is known that there is one again.
        let unseen = self.unplugged.is_some_and(|since| now.since(since) >= detection);
        self.stunned.is_none() && self.doubt.is_none() && !unseen && shows_life && self.is_with_majority(now)
    }

    /// Whether anything may be said unasked about an address: not by one who hears nobody.
    pub fn may_tell(&self, now: Moment) -> bool {
        self.may_answer(now) && !self.is_cut_off(now)
    }

    /// The addresses that this instance holds.
    pub fn held(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.own.holds().map(|(address, _)| address)
    }

    /// The node that holds the address, as far as this instance knows.
    pub fn holder(&self, address: IpAddr) -> Option<NodeId> {
        match self.own.hold(address) {
            Some(_) => Some(self.me.node),
            None => self.strongest(address).map(|(_, instance)| instance.node),
        }
    }

    /// The nodes that are up, this one included.
    pub fn up(&self) -> BTreeSet<NodeId> {
        self.members.up.clone()
    }

    fn look_at_everything(&mut self) {
        let all = self.view.as_ref().map(|view| &view.places);
        self.attention.extend(all.into_iter().flat_map(BTreeMap::keys));
        self.attention
            .extend(self.own.holds().map(|(address, _)| address));
    }

    fn tell(&mut self, event: Event) {
        self.effects.push(Effect::Tell(event));
    }

    fn send(&mut self, body: Body) {
        self.effects.push(Effect::Send(body));
    }
}
