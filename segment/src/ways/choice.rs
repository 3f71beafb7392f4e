//! Which transports are spoken and heard (U5).

use std::collections::BTreeMap;

use crate::Moment;
use crate::message::NodeId;
use crate::profile::Profile;

/// How the protocol is carried.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Transport {
    /// Ethernet frames of its own EtherType.
    #[default]
    Raw,
    /// Datagrams between the addresses of nodes.
    Udp,
    /// Ethernet frames, and datagrams too where those are not heard.
    Auto,
}

/// Live speakers say something each interval: after so many without, Ethernet frames do not get through. Less than the
/// ten after which a node that hears nobody claims.
const SILENT_INTERVALS: u32 = 5;
/// So many intervals after the others were known first the question is closed.
const OPEN_INTERVALS: u32 = 100;

/// What is spoken on one segment. Datagrams are added once and for the life of the port; Ethernet frames go on.
#[derive(Clone, Debug)]
pub struct Choice {
    transport: Transport,
    profile: Profile,
    /// Since when other nodes are known to have addresses here.
    since: Option<Moment>,
    datagrams: bool,
    /// When a node was last heard by Ethernet frames.
    raw: BTreeMap<NodeId, Moment>,
}

impl Choice {
    /// As configured.
    pub fn new(transport: Transport, profile: Profile) -> Self {
        Self {
            transport,
            profile,
            since: None,
            datagrams: transport == Transport::Udp,
            raw: BTreeMap::new(),
        }
    }

    /// Ethernet frames are sent and heard.
    pub fn is_raw(&self) -> bool {
        self.transport != Transport::Udp
    }

    /// Datagrams are sent.
    pub fn says_datagrams(&self) -> bool {
        self.datagrams
    }

    /// Datagrams are heard.
    pub fn hears_datagrams(&self) -> bool {
        self.transport != Transport::Raw
    }

    /// Whether it may still be found out that Ethernet frames do not get through.
    pub fn is_open(&self, now: Moment) -> bool {
        let recent = |since| now.since(since) <= self.profile.interval * OPEN_INTERVALS;
        self.transport == Transport::Auto
            && !self.datagrams
            && self.raw.is_empty()
            && self.since.is_none_or(recent)
    }

    /// An authentic Ethernet frame of a node came.
    pub fn heard_raw(&mut self, node: NodeId, now: Moment) {
        self.raw.insert(node, now);
    }

    /// An authentic datagram of a node came whose Ethernet frame did not. Whether that changes what is spoken.
    pub fn heard_datagram(&mut self, node: NodeId, now: Moment) -> bool {
        let lately = |last: &Moment| now.since(*last) < self.profile.detection();
        let by_both = self.raw.get(&node).is_some_and(lately);
        !by_both && self.add()
    }

    /// Says how many other nodes have addresses here, and whether each answers. Whether that changes what is spoken.
    pub fn judge(&mut self, others: usize, all_answer: bool, now: Moment) -> bool {
        if others == 0 || !self.is_open(now) {
            return false;
        }
        let since = *self.since.get_or_insert(now);
        now.since(since) >= self.profile.interval * SILENT_INTERVALS && all_answer && self.add()
    }

    fn add(&mut self) -> bool {
        let adds = self.transport == Transport::Auto && !self.datagrams;
        self.datagrams |= adds;
        adds
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const OTHER: NodeId = NodeId([2; 16]);

    fn at(milliseconds: u64) -> Moment {
        Moment::after_origin(Duration::from_millis(milliseconds))
    }

    /// Knows of others since the beginning.
    fn auto() -> Choice {
        let mut choice = Choice::new(Transport::Auto, Profile::NORMAL);
        assert!(!choice.judge(2, false, at(0)));
        choice
    }

    /// Rule U5.
    #[test]
    fn datagrams_are_added_when_everybody_answers_and_nobody_is_heard() {
        let mut choice = auto();
        assert!(!choice.judge(2, true, at(499)));
        assert!(choice.judge(2, true, at(500)));
        assert!(choice.says_datagrams() && choice.is_raw());
        assert!(!choice.judge(2, true, at(600)), "once");
    }

    #[test]
    fn while_one_does_not_answer_none_are_added() {
        let mut choice = auto();
        assert!(!choice.judge(2, false, at(5_000)));
        assert!(choice.judge(2, true, at(9_000)));
    }

    #[test]
    fn who_is_alone_in_the_cluster_adds_none() {
        let mut choice = Choice::new(Transport::Auto, Profile::NORMAL);
        assert!(!choice.judge(0, true, at(5_000)));
    }

    #[test]
    fn where_an_ethernet_frame_was_ever_heard_silence_adds_none() {
        let mut choice = auto();
        choice.heard_raw(OTHER, at(100));
        assert!(!choice.judge(2, true, at(9_000)));
    }

    /// Rule U5.
    #[test]
    fn after_the_start_silence_adds_none() {
        let mut choice = auto();
        assert!(!choice.judge(2, true, at(10_001)));
    }

    /// Rule U5.
    #[test]
    fn who_is_heard_by_datagrams_alone_is_answered_by_datagrams_at_any_time() {
        let mut choice = auto();
        choice.heard_raw(OTHER, at(100));
        assert!(!choice.heard_datagram(OTHER, at(399)), "heard by both");
        assert!(choice.heard_datagram(OTHER, at(60_000)));
        assert!(choice.says_datagrams());
    }

    /// What one says once, as the other takes it: the Ethernet frame first, whose copy does not count again.
    fn say(one: &Choice, other: &mut Choice, frames_pass: bool, now: Moment) -> bool {
        if frames_pass {
            other.heard_raw(OTHER, now);
        } else if one.says_datagrams() {
            other.heard_datagram(OTHER, now);
        }
        frames_pass || one.says_datagrams()
    }

    #[test]
    fn two_that_chose_differently_hear_each_other_whether_frames_pass_both_ways_or_not() {
        for frames_pass in [false, true] {
            let (mut quick, mut slow) = (auto(), auto());
            assert!(quick.judge(1, true, at(500)));
            say(&quick, &mut slow, frames_pass, at(60_000));
            say(&slow, &mut quick, frames_pass, at(60_001));
            assert!(say(&quick, &mut slow, frames_pass, at(60_100)));
            assert!(say(&slow, &mut quick, frames_pass, at(60_101)));
        }
    }

    #[test]
    fn what_is_configured_stays() {
        for transport in [Transport::Raw, Transport::Udp] {
            let mut choice = Choice::new(transport, Profile::NORMAL);
            assert!(!choice.judge(2, true, at(0)));
            assert!(!choice.judge(2, true, at(5_000)) && !choice.heard_datagram(OTHER, at(5_000)));
            assert_eq!(choice.says_datagrams(), transport == Transport::Udp);
            assert_eq!(choice.is_raw(), transport == Transport::Raw);
        }
    }
}
