//! What this instance says of itself unasked.

use std::time::Duration;

use super::{Effect, Segment};
use crate::codec::heard_pages;
use crate::message::{Beacon, Body, Standing, Version};
use crate::moment::Moment;

/// The list of whom is heard is said again this often, in case nobody got it.
const LIST_AGAIN: Duration = Duration::from_secs(1);

impl Segment {
    pub(super) fn renew_list(&mut self, now: Moment) {
        let changed = std::mem::take(&mut self.peers.changed.list);
        let differs = changed || self.list_version == Version(0);
        if differs {
            let listed = self.peers.values().filter(|peer| peer.is_listed);
            self.list = listed.map(|peer| (peer.tag, peer.is_mutual)).collect();
            self.peers.changed.sides = true;
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
        self.send(Body::Beacon(Beacon {
            uptime: now.since(self.started),
            interval: profile.interval,
            multiplier: profile.multiplier,
            state: self.state,
            standing: self.standing(),
            heard: self.list_version,
            claims: self.own.version(),
            digest: self.own.digest(),
        }));
    }

    /// What others go by when they look for a holder, and this instance too.
    pub(super) fn standing(&self) -> Standing {
        Standing {
            draining: self.view.as_ref().is_some_and(|view| view.draining),
            hold_down: self.returns.is_held_down(),
        }
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
}
