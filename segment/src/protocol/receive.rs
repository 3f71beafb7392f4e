//! What others say is taken in.

use super::Segment;
use crate::copy::Change;
use crate::message::{Alive, Beacon, Body, ClaimsPage, Entry, Instance, Message, Request, Requested};
use crate::moment::Moment;
use crate::peer::Peer;

impl Segment {
    /// Takes in what another instance says. `at` is when the frame came, `now` when it is read: they differ when this
    /// loop is late.
    pub fn receive(&mut self, message: &Message, at: Moment, now: Moment) {
        let from = message.from;
        if from.node == self.me.node {
            return;
        }
        let peer = self.peers.meet(from, at);
        if peer.frame(at, self.conduct.profile) {
            self.returned_last = self.returned_last.max(Some(at));
        }
        match &message.body {
            Body::Beacon(beacon) => {
                self.beacon(from, beacon, now);
                self.compare_clocks(from, beacon, now);
                self.prove(from, at);
            }
            Body::Heard(page) => {
                let mut is_newer = false;
                self.peer(from, |peer| is_newer = peer.heard.add(page));
                self.peers.changed.sides |= is_newer;
                self.prove(from, at);
            }
            Body::Claims(page) => {
                let page = self.credible(from, page.clone(), now);
                self.claims(from, &page);
            }
            Body::Buckets(page) => {
                let differing = self
                    .peers
                    .get(&from)
                    .map_or(0, |peer| peer.claims.differing(page));
                if differing != 0 {
                    self.want(from, Requested::Claims(differing), now);
                }
            }
            Body::Request(request) if request.of == self.me => self.serve(request.what, now),
            Body::Request(request) => self.asking.asked_by_another(request),
            Body::Query(instance) => self.testify(*instance, now),
            Body::Alive(alive) => self.testimony(from, alive, now),
            Body::Returned(returned) => self.hear_of_return(from, returned, now),
        }
    }

    fn peer(&mut self, instance: Instance, change: impl FnOnce(&mut Peer)) {
        if let Some(peer) = self.peers.get_mut(&instance) {
            change(peer);
        }
    }

    fn beacon(&mut self, from: Instance, beacon: &Beacon, now: Moment) {
        let Some(peer) = self.peers.get_mut(&from) else {
            return;
        };
        let knew_list = peer.knows_list();
        let before = peer.beacon.replace(*beacon);
        let knows_list = peer.knows_list();
        peer.claims.compare(beacon);
        let list_is_old = peer.heard.version() < beacon.heard;
        let claims_are_old = !peer.is_synced();
        peer.synced_last = if claims_are_old {
            peer.synced_last
        } else {
            Some(now)
        };
        self.peers.changed.sides |= knew_list != knows_list;
        if before.map(|before| (before.state, before.standing)) != Some((beacon.state, beacon.standing)) {
            self.look_at_everything();
        }
        if list_is_old {
            self.want(from, Requested::Heard, now);
        }
        if claims_are_old {
            self.want(from, Requested::Buckets, now);
        }
    }

    fn claims(&mut self, from: Instance, page: &ClaimsPage) {
        let Some(peer) = self.peers.get_mut(&from) else {
            return;
        };
        let changes = peer.claims.apply(page);
        for change in &changes {
            self.holders.change(from, change);
            self.attention.insert(change.address);
            self.beaten(from, change);
        }
    }

    /// A holder that sees a weaker claim, or a release in its favour, tells everybody at once where the address is.
    fn beaten(&mut self, from: Instance, change: &Change) {
        let is_up = self.peers.get(&from).is_some_and(Peer::is_up);
        let Some(mine) = self.own.hold(change.address).filter(|_| is_up) else {
            return;
        };
        let told = match change.after {
            Some(Entry::Hold(theirs)) => {
                self.key(self.me, change.address, mine) > self.key(from, change.address, &theirs)
            }
            Some(Entry::Released { to, .. }) => to.is_some_and(|(node, _)| node == self.me.node),
            Some(Entry::Declined { .. }) | None => false,
        };
        if told {
            self.announce(change.address);
        }
    }

    fn serve(&mut self, what: Requested, now: Moment) {
        match what {
            Requested::Heard => self.send_list(now),
            Requested::Buckets => {
                let page = self.own.buckets();
                self.send(Body::Buckets(page));
            }
            Requested::Claims(buckets) => {
                for bucket in self.asking.may_be_sent(buckets, now) {
                    let pages = self.own.bucket(bucket);
                    pages.into_iter().for_each(|page| self.send(Body::Claims(page)));
                }
            }
        }
    }

    /// Only for one who hears this node: the deaf cannot serve.
    fn testify(&mut self, instance: Instance, now: Moment) {
        if instance == self.me {
            self.beacon_now = true;
            return;
        }
        let hears_me = |peer: &&Peer| peer.heard.names(self.tag);
        let Some(peer) = self.peers.get(&instance).filter(hears_me) else {
            return;
        };
        let age = now.since(peer.last_frame());
        if age <= self.conduct.profile.testimony() {
            self.send(Body::Alive(Alive { instance, age }));
        }
    }

    /// Only who is up itself is believed.
    fn testimony(&mut self, from: Instance, alive: &Alive, now: Moment) {
        let profile = self.conduct.profile;
        if self.peers.get(&from).is_some_and(Peer::is_up) {
            self.peer(alive.instance, |peer| peer.vouch(now, alive, profile));
        }
    }

    fn want(&mut self, of: Instance, what: Requested, now: Moment) {
        let delay = self.chance.below(20_000);
        self.asking.want(Request { of, what }, now, delay);
    }
}
