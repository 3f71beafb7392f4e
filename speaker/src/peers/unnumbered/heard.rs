//! Which router is on the segment, by what was heard there.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::time::Duration;

use ferrolb_peering::Moment;

/// A router that was asked for so long and did not answer is gone. Routers answer within 3.5 s (RFC 4861 section 6.2.6).
const SILENCE: Duration = Duration::from_secs(10);
/// One that is not asked speaks at least so often (RFC 4861 section 6.2.1).
const SELDOMEST: Duration = Duration::from_secs(1800);
/// More are not kept: anybody on the segment can make them up.
const MOST: usize = 8;

/// The routers of a segment, and when each was heard last.
#[derive(Debug, Default)]
pub(super) struct Heard {
    last: BTreeMap<Ipv6Addr, Moment>,
    /// Since when routers are asked for, while they are.
    asked: Option<Moment>,
}

/// Which one is the peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Found {
    /// There is none.
    Nobody,
    /// This one.
    Router(Ipv6Addr),
    /// It may be any of these.
    Several(Vec<Ipv6Addr>),
}

impl Heard {
    /// From now on routers are asked for: what they do not answer counts only from here on.
    pub(super) fn ask(&mut self, now: Moment) {
        self.asked = Some(now);
    }

    /// They are not asked for any more.
    pub(super) fn rest(&mut self) {
        self.asked = None;
    }

    pub(super) fn hear(&mut self, router: Ipv6Addr, now: Moment) {
        if self.last.len() < MOST || self.last.contains_key(&router) {
            self.last.insert(router, now);
        }
    }

    /// Forgets those that were silent for too long.
    pub(super) fn forget(&mut self, now: Moment) {
        let asked = self.asked;
        self.last.retain(|_, heard| match asked {
            Some(asked) => now.since(asked.max(*heard)) < SILENCE,
            None => now.since(*heard) <= SELDOMEST,
        });
    }

    pub(super) fn found(&self) -> Found {
        let mut all = self.last.keys().copied();
        match (all.next(), self.last.len()) {
            (None, _) => Found::Nobody,
            (Some(router), 1) => Found::Router(router),
            _ => Found::Several(self.last.keys().copied().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking() -> Heard {
        let mut heard = Heard::default();
        heard.ask(at(0));
        heard
    }

    fn at(seconds: u64) -> Moment {
        Moment::after_origin(Duration::from_secs(seconds))
    }

    fn router(last: u16) -> Ipv6Addr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last)
    }

    #[test]
    fn one_router_is_the_peer_and_of_two_neither() {
        let mut heard = asking();
        assert_eq!(heard.found(), Found::Nobody);
        heard.hear(router(1), at(0));
        heard.hear(router(1), at(1));
        assert_eq!(heard.found(), Found::Router(router(1)));
        heard.hear(router(2), at(1));
        assert_eq!(heard.found(), Found::Several(vec![router(1), router(2)]));
    }

    #[test]
    fn a_router_that_is_asked_and_silent_for_ten_seconds_gives_way_to_another() {
        let mut heard = asking();
        heard.hear(router(1), at(0));
        heard.hear(router(2), at(5));
        heard.forget(at(9));
        assert!(matches!(heard.found(), Found::Several(_)));
        heard.forget(at(10));
        assert_eq!(heard.found(), Found::Router(router(2)));
    }

    #[test]
    fn a_router_that_advertises_seldom_is_known_when_its_session_ends() {
        let mut heard = asking();
        heard.hear(router(1), at(0));
        heard.rest();
        heard.forget(at(600));
        heard.ask(at(600));
        heard.forget(at(609));
        assert_eq!(heard.found(), Found::Router(router(1)));
        heard.forget(at(610));
        assert_eq!(heard.found(), Found::Nobody);
    }
    #[test]
    fn of_routers_that_are_made_up_only_some_are_kept() {
        let mut heard = asking();
        (1..1000).for_each(|last| heard.hear(router(last), at(1)));
        assert_eq!(heard.last.len(), MOST);
        heard.hear(router(1), at(9));
        heard.forget(at(12));
        assert_eq!(heard.found(), Found::Router(router(1)));
    }

    #[test]
    fn another_router_that_is_silent_while_there_is_a_session_is_gone_after_half_an_hour() {
        let mut heard = asking();
        heard.rest();
        heard.hear(router(1), at(0));
        heard.hear(router(2), at(1795));
        heard.forget(at(1801));
        assert_eq!(heard.found(), Found::Router(router(2)));
    }
}
