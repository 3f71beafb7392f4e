//! Time passes: who is alive, whether this instance may take part, and what it says of itself.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Effect, Event, Segment};
use crate::segment::codec::heard_pages;
use crate::segment::message::{Beacon, Body, Entry, Hold, Instance, NodeId, Standing, State, Tag, Version};
use crate::segment::moment::Moment;
use crate::segment::peer::{Link, Peer, Turn};

/// The list of whom is heard is said again this often, in case nobody got it.
const LIST_AGAIN: Duration = Duration::from_secs(1);
/// Looked at this often while something is under way that no frame may announce.
const BUSY: Duration = Duration::from_millis(5);
/// How long an instance is remembered that is not up.
const REMEMBERED: Duration = Duration::from_secs(600);
/// How long a joining instance waits for the claims of the others at most.
const SYNC_AT_MOST: Duration = Duration::from_secs(2);
/// A hold-down doubles with each return up to this.
const LONGEST_HOLD_DOWN: Duration = Duration::from_secs(600);

impl Segment {
    /// Judges everything as of now. To be called when [`Segment::next`] has come and after frames were taken in.
    pub fn advance(&mut self, now: Moment) {
        self.notice_lateness(now);
        self.judge_peers(now);
        self.take_part(now);
        self.end_hold_downs(now);
        self.back_claims(now);
        self.expire(now);
        self.consider_all(now);
        self.follow_yields(now);
        self.claim_orphans(now);
        if self.is_alone() {
            self.ask_neighbours(now);
        }
        self.renew_list(now);
        let pages = self.own.publish();
        let changed = !pages.is_empty();
        pages.into_iter().for_each(|page| self.send(Body::Claims(page)));
        let due = self
            .last_beacon
            .is_none_or(|last| now >= last + self.conduct.profile.interval);
        if due || changed || self.beacon_now {
            self.send_beacon(now);
        }
        for request in self.asking.due(now) {
            self.send(Body::Request(request));
        }
        self.expected = Some(self.next(now));
        self.judged = now;
    }

    /// When to advance next, if no frame comes before.
    pub fn next(&self, now: Moment) -> Moment {
        let profile = self.conduct.profile;
        let beacon = self.last_beacon.map_or(now, |last| last + profile.interval);
        let peers = self.peers.values().filter_map(|peer| peer.next(now, profile));
        let busy = !self.orphans.is_empty() || self.stunned.is_some();
        peers
            .chain(self.asking.next())
            .chain(busy.then_some(now + BUSY))
            .fold(beacon, Moment::min)
    }

    /// A loop that was held up knows nothing about what happened meanwhile, and others may know nothing about it.
    fn notice_lateness(&mut self, now: Moment) {
        let profile = self.conduct.profile;
        let late = self
            .expected
            .map_or(Duration::ZERO, |expected| now.since(expected));
        if late <= profile.interval {
            return;
        }
        self.peers.values_mut().for_each(|peer| peer.excuse(now));
        if late >= profile.detection() {
            self.tell(Event::Stunned(late));
            self.stunned = Some(now + profile.detection());
            self.backed_since = None;
            self.beacon_now = true;
            self.unback();
        }
    }

    fn judge_peers(&mut self, now: Moment) {
        let (tag, profile) = (self.tag, self.conduct.profile);
        let turns: Vec<(Instance, Turn, Duration)> = self
            .peers
            .iter_mut()
            .map(|(instance, peer)| {
                let turn = peer.judge(now, tag, profile);
                (*instance, turn, now.since(peer.last_frame()))
            })
            .collect();
        for (instance, turn, silence) in turns {
            match turn {
                Turn::None => {}
                Turn::Ask => {
                    self.tell(Event::Suspected(instance, silence));
                    self.send(Body::Query(instance));
                    self.beacon_now = true;
                }
                Turn::Rose => self.rose(instance, now),
                Turn::Fell => self.fell(instance, silence, now),
            }
        }
        self.forget_old(now);
    }

    fn rose(&mut self, instance: Instance, now: Moment) {
        self.tell(Event::Up(instance));
        let was_known = !self.known.insert(instance.node);
        let dead: Vec<Instance> = self
            .others_of(instance)
            .filter(|other| !other.is_up())
            .map(|other| other.instance)
            .collect();
        if was_known && (!dead.is_empty() || self.has_returned(instance)) {
            self.count_return(instance.node, now);
        }
        dead.into_iter().for_each(|other| self.forget(other));
        self.look_at_everything();
        self.defend(instance);
    }

    /// Other instances of the same node: one that ended, or one at another interface of the node on this segment.
    fn others_of(&self, instance: Instance) -> impl Iterator<Item = &Peer> {
        let same_node =
            move |other: &&Peer| other.instance.node == instance.node && other.instance != instance;
        self.peers.values().filter(same_node)
    }

    fn count_return(&mut self, node: NodeId, now: Moment) {
        let (times, last) = self.returns.get(&node).copied().unwrap_or((0, now));
        let flaps = now.since(last) < LONGEST_HOLD_DOWN;
        self.returns
            .insert(node, (if flaps { times + 1 } else { 1 }, now));
    }

    fn has_returned(&self, instance: Instance) -> bool {
        self.peers
            .get(&instance)
            .is_some_and(|peer| peer.returned.is_some())
    }

    /// Addresses that one who is up again holds too, with a weaker claim: neighbours may have learned him.
    fn defend(&mut self, instance: Instance) {
        let Some(peer) = self.peers.get(&instance) else {
            return;
        };
        let weaker = peer.claims.entries().filter_map(|(address, entry)| match entry {
            Entry::Hold(theirs) => {
                let mine = self.own.hold(address)?;
                (self.key(self.me, address, mine) > self.key(instance, address, theirs)).then_some(address)
            }
            Entry::Released { .. } | Entry::Declined { .. } => None,
        });
        weaker
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|address| self.announce(address));
    }

    fn fell(&mut self, instance: Instance, silence: Duration, now: Moment) {
        let node_is_up = self.others_of(instance).any(Peer::is_up);
        // Its last word may be lost.
        let left = self.peers.get(&instance).is_some_and(Peer::is_leaving);
        match (left, node_is_up) {
            (true, false) => drop(self.known.remove(&instance.node)),
            (false, true) => self.count_return(instance.node, now),
            _ => {}
        }
        self.tell(Event::Down(instance, silence));
        self.look_at_everything();
    }

    fn forget_old(&mut self, now: Moment) {
        let old = |peer: &&Peer| !peer.is_up() && now.since(peer.last_frame()) >= REMEMBERED;
        let old: Vec<Instance> = self
            .peers
            .values()
            .filter(old)
            .map(|peer| peer.instance)
            .collect();
        old.into_iter().for_each(|instance| self.forget(instance));
    }

    fn forget(&mut self, instance: Instance) {
        if let Some(peer) = self.peers.remove(&instance) {
            self.holders.forget(instance, peer.claims.entries());
            self.asking.forget(instance);
        }
    }

    fn take_part(&mut self, now: Moment) {
        let knows = |until: Moment| now >= until && (self.all_synced() || now >= until + SYNC_AT_MOST);
        if self.stunned.is_some_and(knows) {
            self.stunned = None;
            self.begin_again();
        }
        let listened = now.since(self.started);
        let joining = self.conduct.profile.joining();
        let waited = self.all_synced() || listened >= joining.max(SYNC_AT_MOST);
        if self.state == State::Joining && self.view.is_some() && listened >= joining && waited {
            self.state = State::Active;
            self.beacon_now = true;
            self.tell(Event::Joined);
            self.begin_again();
        }
    }

    /// Orphans count from now on: until now nobody's turn could come.
    fn begin_again(&mut self) {
        self.orphans.clear();
        self.look_at_everything();
    }

    pub(super) fn all_synced(&self) -> bool {
        self.peers
            .values()
            .filter(|peer| peer.is_up())
            .all(Peer::is_synced)
    }

    /// A claim of one who lost sight of most others must not win when they meet again.
    fn back_claims(&mut self, now: Moment) {
        if !self.has_majority() {
            if self.backed_since.take().is_some() {
                self.unback();
            }
            return;
        }
        let since = *self.backed_since.get_or_insert(now);
        let first = self.own.held() == 0;
        if first || now.since(since) >= self.conduct.profile.detection() * 3 {
            self.set_backed(true);
        }
    }

    fn unback(&mut self) {
        self.set_backed(false);
    }

    fn set_backed(&mut self, backed: bool) {
        let holds: Vec<_> = self
            .own
            .holds()
            .filter(|(_, hold)| hold.backed != backed)
            .map(|(a, h)| (a, *h))
            .collect();
        for (address, hold) in holds {
            self.own.set(address, Some(Entry::Hold(Hold { backed, ..hold })));
            self.attention.insert(address);
        }
    }

    /// Who knows nobody has no majority either, if there are other nodes: it may have started while it was cut off.
    pub(super) fn has_majority(&self) -> bool {
        let known = self.known.iter().chain([&self.me.node]).collect::<BTreeSet<_>>();
        let up = self.up();
        if up.len() == 1 && !self.is_only_node() {
            return false;
        }
        let up = up.iter().filter(|node| known.contains(node)).count();
        2 * up > known.len()
    }

    /// No known speaker is up, and no neighbour answers either.
    pub(super) fn is_cut_off(&self, now: Moment) -> bool {
        self.is_alone() && !self.has_witness(now)
    }

    /// There are other speakers, and none is up.
    fn is_alone(&self) -> bool {
        let others = self.known.iter().any(|node| *node != self.me.node);
        others && !self.peers.values().any(Peer::is_up)
    }

    /// A neighbour that is no speaker answered a short while ago.
    pub(super) fn has_witness(&self, now: Moment) -> bool {
        let lasts = self.conduct.profile.detection() * 3;
        self.witnessed.is_some_and(|at| now.since(at) <= lasts)
    }

    /// Who was asked last until now may be preferred from now on.
    fn end_hold_downs(&mut self, now: Moment) {
        let ended = |node: &NodeId| self.is_held_down(*node, self.judged) && !self.is_held_down(*node, now);
        if self.returns.keys().any(ended) {
            self.look_at_everything();
        }
    }

    /// Whether that node came back so recently that others are asked first.
    pub(super) fn is_held_down(&self, node: NodeId, now: Moment) -> bool {
        let Some((times, last)) = self.returns.get(&node) else {
            return false;
        };
        let doubled = self
            .conduct
            .hold_down
            .saturating_mul(1 << times.saturating_sub(1).min(16));
        now.since(*last) < doubled.min(LONGEST_HOLD_DOWN)
    }

    fn renew_list(&mut self, now: Moment) {
        let profile = self.conduct.profile;
        let heard = |peer: &&Peer| peer.is_heard(now, profile);
        let list: BTreeSet<Tag> = self.peers.values().filter(heard).map(|peer| peer.tag).collect();
        let differs = list != self.list || self.list_version == Version(0);
        if differs {
            self.list = list;
            self.list_version = Version(self.list_version.0 + 1);
            self.beacon_now = true;
        }
        if differs || now.since(self.list_sent) >= LIST_AGAIN {
            self.send_list(now);
        }
    }

    pub(super) fn send_list(&mut self, now: Moment) {
        self.list_sent = now;
        let pages = heard_pages(self.list_version, &self.list).unwrap_or_default();
        pages.into_iter().for_each(|page| self.send(Body::Heard(page)));
    }

    pub(super) fn send_beacon(&mut self, now: Moment) {
        self.beacon_now = false;
        self.last_beacon = Some(now);
        let profile = self.conduct.profile;
        let standing = Standing {
            draining: self.view.as_ref().is_some_and(|view| view.draining),
            ..Standing::default()
        };
        self.send(Body::Beacon(Beacon {
            replaces: None,
            interval: profile.interval,
            multiplier: profile.multiplier,
            state: self.state,
            standing,
            heard: self.list_version,
            claims: self.own.version(),
            digest: self.own.digest(),
        }));
    }

    pub(super) fn ask_neighbours(&mut self, now: Moment) {
        let detection = self.conduct.profile.detection();
        if self
            .asked_neighbours
            .is_none_or(|last| now.since(last) >= detection)
        {
            self.asked_neighbours = Some(now);
            self.effects.push(Effect::AskNeighbours);
        }
    }

    /// Takes part, or will in a moment, and is not suspected.
    pub(super) fn is_well(peer: &Peer) -> bool {
        peer.link == Link::Up && !peer.is_leaving()
    }
}
