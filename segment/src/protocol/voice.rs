//! What this instance says of itself unasked.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Segment;
use super::roll::Roll;
use crate::Moment;
use crate::codec::{Room, heard_pages};
use crate::message::{Beacon, Body, Tag, Version};

/// The list of the peers that are heard is said again this often, in case a peer did not get it.
const LIST_AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub(super) struct Voice {
    pub(super) last_beacon: Option<Moment>,
    pub(super) beacon_now: bool,
    /// The instances that are heard, and whether they are known to hear this one.
    pub(super) list: BTreeMap<Tag, bool>,
    list_version: Version,
    list_sent: Moment,
}

impl Voice {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            last_beacon: None,
            beacon_now: true,
            list: BTreeMap::new(),
            list_version: Version(0),
            list_sent: now,
        }
    }

    /// When the next beacon goes out, if nothing happens before.
    pub(super) fn next_beacon(&self, interval: Duration, now: Moment) -> Moment {
        self.last_beacon.map_or(now, |last| last + interval) // L1
    }

    /// The list of the peers that are heard, if it is another one or has not been said for a while.
    pub(super) fn renew_list(&mut self, roll: &mut Roll, room: Room, now: Moment) -> Vec<Body> {
        let changed = std::mem::take(&mut roll.changed.list) || self.list_version == Version(0);
        if changed {
            let listed = roll.values().filter(|peer| peer.is_listed);
            self.list = listed.map(|peer| (peer.tag, peer.is_mutual)).collect();
            self.list_version = Version(self.list_version.0 + 1);
            self.beacon_now = true;
            roll.changed.sides = true;
        }
        match changed || now.since(self.list_sent) >= LIST_AGAIN {
            true => self.say_list(room, now), // L11
            false => Vec::new(),
        }
    }

    pub(super) fn say_list(&mut self, room: Room, now: Moment) -> Vec<Body> {
        self.list_sent = now;
        let pages = heard_pages(self.list_version, &self.list, room).unwrap_or_default();
        pages.into_iter().map(Body::Heard).collect()
    }
}

impl Segment {
    pub(super) fn send_beacon(&mut self, now: Moment) {
        self.voice.beacon_now = false;
        self.voice.last_beacon = Some(now);
        let facts = &self.facts;
        self.send(Body::Beacon(Beacon {
            uptime: now.since(self.started),
            interval: facts.profile.interval,
            multiplier: facts.profile.multiplier,
            state: facts.state,
            standing: facts.standing(),
            heard: self.voice.list_version,
            claims: facts.ledger.own.version,
            digest: facts.ledger.own.digest,
        }));
    }
}
