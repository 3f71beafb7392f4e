//! A router as RFC 4271 and 4724 want it, towards one node. UPDATEs are read by another codec.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use ferrolb_peering::bgp::Asn;
use ferrolb_peering::bgp::wire::{self, Kind, Notification, Open, cease, fsm};
use ferrolb_peering::{Family, Moment, Prefix};
use rustbgpd_wire as other;

/// What the router does with its connection.
#[derive(Debug, PartialEq)]
pub(crate) enum Deed {
    Send(Vec<u8>),
    Close,
}

/// How long a route is kept that the node does not repeat after a restart.
struct Stale {
    prefixes: BTreeSet<Prefix>,
    until: Moment,
}

/// One node, as the router sees it.
pub(crate) struct Router {
    asn: Asn,
    hold: Duration,
    pub(crate) open: Option<Open>,
    pub(crate) is_established: bool,
    inbox: Vec<u8>,
    /// Communities of each route.
    pub(crate) routes: BTreeMap<Prefix, Vec<u32>>,
    stale: Option<Stale>,
    dead_at: Option<Moment>,
    speak_at: Option<Moment>,
    /// UPDATEs received.
    pub(crate) updates: usize,
    /// Sessions that were established.
    pub(crate) sessions: usize,
    /// Routes that went.
    pub(crate) removals: usize,
    /// Ends that the node said.
    pub(crate) told: Vec<Notification>,
    pub(crate) ends_of_rib: Vec<Family>,
}

impl Router {
    pub(crate) fn new(asn: Asn, hold: Duration) -> Self {
        Self {
            asn,
            hold,
            open: None,
            is_established: false,
            inbox: Vec::new(),
            routes: BTreeMap::new(),
            stale: None,
            dead_at: None,
            speak_at: None,
            updates: 0,
            sessions: 0,
            removals: 0,
            told: Vec::new(),
            ends_of_rib: Vec::new(),
        }
    }

    fn own_open(&self) -> Open {
        let families = BTreeSet::from([Family::V4, Family::V6]);
        Open {
            asn: self.asn,
            hold: self.hold.as_secs() as u16,
            identifier: [192, 0, 2, 1].into(),
            capabilities: wire::Capabilities {
                families,
                route_refresh: true,
                extended_messages: true,
                four_octets: Some(self.asn),
                graceful_restart: Some(wire::GracefulRestart::default()),
                ..wire::Capabilities::default()
            },
        }
    }

    /// The node has connected. If it was connected before, it has restarted (RFC 4724 section 4.2).
    pub(crate) fn accept(&mut self, now: Moment) -> Vec<Deed> {
        if self.open.is_some() {
            self.closed(now);
        }
        self.dead_at = Some(now + Duration::from_secs(240));
        let mut bytes = Vec::new();
        self.own_open().emit(&mut bytes);
        vec![Deed::Send(bytes)]
    }

    /// The connection is closed without a word, or broken.
    pub(crate) fn closed(&mut self, now: Moment) {
        let restart = self
            .open
            .take()
            .and_then(|open| open.capabilities.graceful_restart);
        let was_established = std::mem::take(&mut self.is_established);
        self.inbox.clear();
        (self.dead_at, self.speak_at) = (None, None);
        match restart {
            Some(restart) if was_established => {
                self.stale = Some(Stale {
                    prefixes: self.routes.keys().copied().collect(),
                    until: now + restart.time,
                });
            }
            // Of what was kept before, nothing changes.
            _ if self.stale.is_some() => {}
            _ => self.drop_all(),
        }
    }

    fn drop_all(&mut self) {
        self.removals += self.routes.len();
        self.routes.clear();
        self.stale = None;
    }

    fn end(&mut self, reason: (u8, u8)) -> Vec<Deed> {
        self.forget();
        let mut bytes = Vec::new();
        Notification::new(reason).emit(&mut bytes);
        vec![Deed::Send(bytes), Deed::Close]
    }

    /// It has just started, or knows nothing of the node any more.
    pub(crate) fn forget(&mut self) {
        self.drop_all();
        self.open = None;
        self.is_established = false;
        self.inbox.clear();
        (self.dead_at, self.speak_at) = (None, None);
    }

    /// BFD found the node dead, or its administrator switched BFD off. A restart alone does not (RFC 5882 section 4.3.2: the
    /// C bit is not set), so what is kept meanwhile stays.
    pub(crate) fn bfd_down(&mut self) -> Vec<Deed> {
        match self.is_established {
            true => self.end(cease::BFD_DOWN),
            false => Vec::new(),
        }
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        let stale = self.stale.as_ref().map(|stale| stale.until);
        [self.dead_at, self.speak_at, stale].into_iter().flatten().min()
    }

    pub(crate) fn tick(&mut self, now: Moment) -> Vec<Deed> {
        if self.stale.as_ref().is_some_and(|stale| now >= stale.until) {
            self.drop_stale(None);
        }
        if self.dead_at.is_some_and(|at| now >= at) {
            // No N bit was negotiated: the hold timer removes routes as ever.
            return self.end(fsm::HOLD_EXPIRED);
        }
        if self.speak_at.is_some_and(|at| now >= at) {
            self.speak_at = Some(now + self.hold / 3);
            return vec![Deed::Send(said(wire::keepalive))];
        }
        Vec::new()
    }

    fn drop_stale(&mut self, family: Option<Family>) {
        let Some(stale) = &mut self.stale else { return };
        let of_family = |prefix: &Prefix| family.is_none_or(|family| prefix.family() == family);
        for prefix in stale.prefixes.iter().copied().filter(of_family) {
            self.removals += usize::from(self.routes.remove(&prefix).is_some());
        }
        stale.prefixes.retain(|prefix| !of_family(prefix));
        if stale.prefixes.is_empty() {
            self.stale = None;
        }
    }

    pub(crate) fn hear(&mut self, bytes: &[u8], now: Moment) -> Vec<Deed> {
        self.inbox.extend_from_slice(bytes);
        let inbox = std::mem::take(&mut self.inbox);
        let (mut rest, mut deeds) = (&inbox[..], Vec::new());
        while let Some(frame) =
            wire::split(rest, wire::MESSAGE_MAX_EXTENDED).expect("the node sends messages")
        {
            let whole = &rest[..frame.length];
            rest = &rest[frame.length..];
            self.dead_at = Some(now + self.hold);
            match frame.kind {
                Kind::Open => {
                    let open = Open::parse(frame.body).expect("the node's OPEN is good");
                    self.meet(open);
                    self.speak_at = Some(now + self.hold / 3);
                    deeds.push(Deed::Send(said(wire::keepalive)));
                }
                Kind::Keepalive => {
                    self.sessions += usize::from(!std::mem::replace(&mut self.is_established, true));
                }
                Kind::Update => self.learn(whole),
                Kind::Notification => {
                    self.told.push(Notification::parse(frame.body));
                    self.forget();
                    return vec![Deed::Close];
                }
                Kind::RouteRefresh => panic!("an announcer asks for nothing"),
            }
        }
        self.inbox = rest.to_vec();
        deeds
    }

    /// Of families whose packets were not forwarded all the while, nothing is kept (RFC 4724 section 4.2).
    fn meet(&mut self, open: Open) {
        let restart = open.capabilities.graceful_restart.clone().unwrap_or_default();
        assert!(!restart.notifications, "the N bit");
        for family in [Family::V4, Family::V6] {
            let is_kept = restart
                .families
                .iter()
                .any(|kept| kept.family == family && kept.forwarding);
            if !is_kept {
                self.drop_stale(Some(family));
            }
        }
        if let Some(stale) = &mut self.stale {
            // Until the end of all routes.
            stale.until = Moment::after_origin(Duration::MAX);
        }
        self.open = Some(open);
    }

    fn learn(&mut self, message: &[u8]) {
        self.updates += 1;
        let mut bytes = Bytes::copy_from_slice(message);
        let Ok(other::Message::Update(update)) = other::decode_message(&mut bytes, u16::MAX) else {
            panic!("no UPDATE: {message:02x?}");
        };
        let parsed = update.parse_revised(true, false, false, &[]).unwrap();
        assert!(parsed.malformed.is_empty(), "{:?}", parsed.malformed);
        let update = parsed.update;
        let mut announced: Vec<Prefix> = update.announced.iter().map(|entry| v4(entry.prefix)).collect();
        let mut withdrawn: Vec<Prefix> = update.withdrawn.iter().map(|entry| v4(entry.prefix)).collect();
        let mut communities = Vec::new();
        let mut end = (message.len() == 23).then_some(Family::V4);
        for attribute in update.attributes {
            match attribute {
                other::PathAttribute::MpReachNlri(reach) => {
                    announced.extend(reach.announced.iter().map(|entry| any(entry.prefix)));
                }
                other::PathAttribute::MpUnreachNlri(unreach) => {
                    end = end.or(unreach.withdrawn.is_empty().then_some(Family::V6));
                    withdrawn.extend(unreach.withdrawn.iter().map(|entry| any(entry.prefix)));
                }
                other::PathAttribute::Communities(all) => communities = all,
                _ => {}
            }
        }
        for prefix in withdrawn {
            self.removals += usize::from(self.routes.remove(&prefix).is_some());
        }
        for prefix in announced {
            if let Some(stale) = &mut self.stale {
                stale.prefixes.remove(&prefix);
            }
            self.routes.insert(prefix, communities.clone());
        }
        if let Some(family) = end {
            self.ends_of_rib.push(family);
            self.drop_stale(Some(family));
        }
    }

    /// Whether routes are kept for a node that may be restarting.
    pub(crate) fn keeps(&self) -> bool {
        self.stale.is_some()
    }
}

pub(crate) fn said(emit: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    emit(&mut bytes);
    bytes
}

fn v4(prefix: other::Ipv4Prefix) -> Prefix {
    any(other::Prefix::V4(prefix))
}

fn any(prefix: other::Prefix) -> Prefix {
    match prefix {
        other::Prefix::V4(prefix) => Prefix::new(prefix.addr.into(), prefix.len).unwrap(),
        other::Prefix::V6(prefix) => Prefix::new(prefix.addr.into(), prefix.len).unwrap(),
    }
}
