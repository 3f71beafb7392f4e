//! When packets go out, and when they should have come.

use std::time::Duration;

use super::report::Profile;
use crate::Moment;
use crate::bfd::packet::State;
use crate::chance::Chance;

/// While a session is not Up packets are no closer than this (RFC 5880 section 6.8.3).
const SLOW: Duration = Duration::from_secs(1);

/// Both timers, and the times that are said and used. A change is said at once, and used at once or when the peer has
/// confirmed it, whichever is safe (6.8.3).
#[derive(Clone, Debug)]
pub(super) struct Timing {
    desired: Duration,
    transmit: Duration,
    receive: Duration,
    polls: bool,
    /// Polls that were sent and not answered, and when the last one was.
    asked: u32,
    asked_at: Option<Moment>,
    /// Those of them that said other times than now: their answers confirm nothing.
    stale: u32,
    last_sent: Option<Moment>,
    next: Moment,
    detection_ends: Option<Moment>,
    /// When the shell should have come.
    expected: Option<Moment>,
    chance: Chance,
}

impl Timing {
    pub(super) fn new(profile: &Profile, seed: u64, now: Moment) -> Self {
        let desired = profile.transmit.max(SLOW);
        Self {
            desired,
            transmit: desired,
            receive: profile.receive,
            polls: false,
            asked: 0,
            asked_at: None,
            stale: 0,
            last_sent: None,
            next: now,
            detection_ends: None,
            expected: None,
            chance: Chance::new(seed),
        }
    }

    /// What is said as the least time between packets.
    pub(super) fn desired(&self) -> Duration {
        self.desired
    }

    /// What is used as such.
    pub(super) fn transmit(&self) -> Duration {
        self.transmit
    }

    /// The least time between the peer's packets with which its detection time is reckoned.
    pub(super) fn receive(&self) -> Duration {
        self.receive
    }

    /// Whether the peer has yet to confirm a change.
    pub(super) fn polls(&self) -> bool {
        self.polls
    }

    /// Takes up the times of a profile for a state. In Up the peer is polled; the slower of two times counts until it has
    /// answered.
    pub(super) fn pace(&mut self, profile: &Profile, state: State, now: Moment) {
        let is_up = state == State::Up;
        let desired = if is_up {
            profile.transmit
        } else {
            profile.transmit.max(SLOW)
        };
        let changed = (desired, profile.receive) != (self.desired, self.receive);
        self.desired = desired;
        if !is_up {
            (self.transmit, self.receive, self.polls) = (desired, profile.receive, false);
            return;
        }
        if changed {
            self.polls = true;
            let may_come = self.asked_at.is_some_and(|at| now.since(at) < SLOW);
            self.stale = if may_come { self.asked } else { 0 };
            self.asked = self.stale;
        }
        self.transmit = self.transmit.min(desired);
        self.receive = self.receive.max(profile.receive);
    }

    /// A poll was sent.
    pub(super) fn ask(&mut self, now: Moment) {
        self.asked = self.asked.saturating_add(1);
        self.asked_at = Some(now);
    }

    /// The peer has answered a poll, and confirmed the times if that poll said them: of two changes in a row it may have seen
    /// the first alone. Answers come in the order of the polls.
    pub(super) fn answered(&mut self, profile: &Profile, state: State) {
        self.asked = self.asked.saturating_sub(1);
        if self.stale > 0 {
            self.stale -= 1;
            return;
        }
        if !self.polls {
            return;
        }
        self.polls = false;
        self.receive = profile.receive;
        self.transmit = self.desired;
        debug_assert!(state == State::Up || self.desired >= SLOW);
    }

    pub(super) fn next_packet(&self, now: Moment) -> Moment {
        if self.last_sent.is_some() { self.next } else { now }
    }

    pub(super) fn sent(&mut self, interval: Duration, multiplier: u8, now: Moment) {
        self.last_sent = Some(now);
        self.next = now + self.jittered(interval, multiplier);
    }

    /// The interval is another one.
    pub(super) fn reschedule(&mut self, interval: Duration, multiplier: u8) {
        if let Some(last) = self.last_sent {
            self.next = last + self.jittered(interval, multiplier);
        }
    }

    /// A packet too early by up to a quarter, by a tenth at least if one lost packet means Down (6.8.7).
    fn jittered(&mut self, interval: Duration, multiplier: u8) -> Duration {
        let most = if multiplier == 1 { 90 } else { 100 };
        self.chance.share(interval, 75, most)
    }

    pub(super) fn heard(&mut self, detection: Option<Duration>, now: Moment) {
        self.detection_ends = detection.map(|detection| now + detection);
    }

    pub(super) fn unheard(&mut self) {
        self.detection_ends = None;
    }

    /// The detection time is another one: it counts from now if it is longer, and with the next packet if it is shorter.
    pub(super) fn adjust(&mut self, detection: Option<Duration>, now: Moment) {
        let ends = detection.map(|detection| now + detection);
        self.detection_ends = self.detection_ends.max(ends);
    }

    pub(super) fn detection_ends(&self) -> Option<Moment> {
        self.detection_ends
    }

    pub(super) fn is_expired(&self, now: Moment) -> bool {
        self.detection_ends.is_some_and(|ends| now >= ends)
    }

    pub(super) fn expect(&mut self, next: Option<Moment>) {
        self.expected = next;
    }

    /// If the shell came so late that the peer cannot be judged, the detection time begins anew. Returns how late.
    pub(super) fn stunned(&mut self, detection: Duration, now: Moment) -> Option<Duration> {
        let late = now.since(self.expected?);
        if late < detection || self.detection_ends.is_none() {
            return None;
        }
        self.detection_ends = Some(now + detection);
        Some(late)
    }
}
