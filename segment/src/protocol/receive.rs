//! What others say is taken in.

use super::{Effect, Segment};
use crate::Moment;
use crate::copy::Change;
use crate::message::{Alive, Beacon, Body, ClaimsPage, Entry, Instance, Message, Request, Requested};
use crate::peer::Peer;

impl Segment {
    /// Takes in what another instance says. `at` is when the frame came, `now` when it is read: they differ when this
    /// loop is late.
    pub fn receive(&mut self, message: &Message, at: Moment, now: Moment) {
        let from = message.from;
        if from.node == self.facts.me.node {
            return; // L4
        }
        let peer = self.facts.roll.meet(from, at, self.facts.profile);
        peer.losses.count(message.sequence);
        match &message.body {
            Body::Beacon(beacon) => {
                self.beacon(from, beacon, now);
                self.majority.prove(from, &mut self.facts, at);
            }
            Body::Heard(page) => {
                let is_newer = peer.heard.add(page);
                self.facts.roll.changed.sides |= is_newer;
                self.majority.prove(from, &mut self.facts, at);
            }
            Body::Claims(page) => {
                let page = self.credible(from, page.clone(), now);
                self.claims(from, &page);
            }
            Body::Buckets(page) => {
                let differing = peer.claims.differing(page);
                if differing != 0 {
                    self.want(from, Requested::Claims(differing), now); // Y3
                }
            }
            Body::Request(request) if request.of == self.facts.me => self.serve(request.what, now),
            Body::Request(request) => self.asking.asked_by_another(request),
            Body::Query(instance) => self.testify(*instance, now),
            Body::Alive(alive) => self.testimony(from, alive, now),
            Body::Returned(returned) => self.returns.hear(peer, returned, now),
            // W5
            Body::Findings(findings) if peer.is_up() => {
                self.heed_conflicts(from, findings, now);
                self.effects.push(Effect::Found(from.node, findings.clone()));
            }
            Body::Findings(_) => {}
        }
    }

    fn beacon(&mut self, from: Instance, beacon: &Beacon, now: Moment) {
        let roll = &mut self.facts.roll;
        let Some(peer) = roll.get_mut(&from) else { return };
        let knew_list = peer.knows_list();
        let before = peer.beacon.replace(*beacon);
        let knows_list = peer.knows_list();
        peer.claims.compare(beacon); // Y2
        let is_synced = peer.is_synced();
        if is_synced {
            peer.synced_last = Some(now);
        }
        // Only the clock of one that is up counts: a replay is not.
        if peer.is_up() {
            self.pauses.compare(peer, beacon, now);
        }
        roll.changed.sides |= knew_list != knows_list;
        if before.map(|before| (before.state, before.standing)) != Some((beacon.state, beacon.standing)) {
            self.facts.look_at_everything();
        }
        if !knows_list {
            self.want(from, Requested::Heard, now);
        }
        if !is_synced {
            self.want(from, Requested::Buckets, now);
        }
    }

    fn claims(&mut self, from: Instance, page: &ClaimsPage) {
        let peer = self.facts.roll.get_mut(&from);
        let changes = peer.map(|peer| peer.claims.apply(page)).unwrap_or_default();
        for change in &changes {
            self.facts.ledger.others.change(from, change);
            self.facts.ledger.look_at([change.address]);
            self.beaten(from, change);
        }
    }

    /// A holder that sees a weaker claim, or a release in its favour, tells everybody at once where the address is (C4).
    fn beaten(&mut self, from: Instance, change: &Change) {
        let facts = &self.facts;
        let is_up = facts.roll.get(&from).is_some_and(Peer::is_up);
        let beats = |after: &Entry| facts.beats(change.address, from, after);
        if is_up && change.after.as_ref().is_some_and(beats) {
            self.announce(change.address);
        }
    }

    fn serve(&mut self, what: Requested, now: Moment) {
        let own = &self.facts.ledger.own;
        match what {
            Requested::Heard => {
                let list = self.voice.say_list(self.facts.room, now);
                self.send_all(list);
            }
            Requested::Buckets => self.send(Body::Buckets(own.buckets())),
            Requested::Claims(buckets) => {
                let buckets = self.asking.may_be_sent(buckets, now);
                let pages: Vec<_> = buckets
                    .into_iter()
                    .flat_map(|bucket| own.bucket(bucket, self.facts.room))
                    .collect();
                self.send_all(pages.into_iter().map(Body::Claims));
            }
        }
    }

    /// Only for one that hears this node: the deaf cannot serve (L9).
    fn testify(&mut self, instance: Instance, now: Moment) {
        if instance == self.facts.me {
            self.voice.beacon_now = true;
            return;
        }
        let me = self.facts.roll.tag;
        let peer = self.facts.roll.get(&instance);
        let Some(peer) = peer.filter(|peer| peer.heard.names(me)) else {
            return;
        };
        let age = now.since(peer.last_frame);
        if age <= self.facts.profile.testimony() {
            self.send(Body::Alive(Alive { instance, age }));
        }
    }

    /// Only one that is up itself is believed (L7).
    fn testimony(&mut self, from: Instance, alive: &Alive, now: Moment) {
        let (roll, profile) = (&mut self.facts.roll, self.facts.profile);
        if roll.get(&from).is_some_and(Peer::is_up)
            && let Some(peer) = roll.get_mut(&alive.instance)
        {
            peer.vouch(now, alive, profile);
        }
    }

    /// Questions are spread, so that one asks and all hear the answer (Y4).
    fn want(&mut self, of: Instance, what: Requested, now: Moment) {
        let delay = self.chance.below(20_000);
        self.asking.want(&Request { of, what }, now, delay);
    }
}
