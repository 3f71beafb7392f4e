//! Messages that come, and routes that go.

use strum::VariantArray;

use super::report::{Down, Output, Report};
use super::state::{Event, State};
use super::{Session, Why, negotiate, timers};
use crate::Moment;
use crate::bgp::wire::{
    self, Found, Frame, Kind, MESSAGE_MAX, MESSAGE_MAX_EXTENDED, Notification, Open, PathStyle, Reading,
};
use crate::prefix::Family;

impl Session {
    /// Takes in bytes, message by message, until one ends the session.
    pub(super) fn read(&mut self, bytes: &[u8], now: Moment) {
        if self.status.state < State::OpenSent {
            return;
        }
        let incoming = self.connection.take(bytes);
        let mut rest = &incoming[..];
        while self.status.state >= State::OpenSent {
            match wire::split(rest, self.message_max()) {
                Ok(Some(frame)) => {
                    rest = &rest[frame.length..];
                    self.status.counters.received[frame.kind as usize - 1] += 1;
                    self.take_in(frame, now);
                }
                Ok(None) => return self.connection.keep(rest),
                Err(error) => return self.fire(Event::Error, Why::Tell(error, None), now),
            }
        }
    }

    fn message_max(&self) -> usize {
        let agreed = self.status.negotiated.as_ref();
        match agreed.is_some_and(|agreed| agreed.extended_messages) {
            true => MESSAGE_MAX_EXTENDED,
            false => MESSAGE_MAX,
        }
    }

    fn take_in(&mut self, frame: Frame<'_>, now: Moment) {
        use wire::fsm::{IN_ESTABLISHED, IN_OPEN_CONFIRM, IN_OPEN_SENT};
        let misplaced = || {
            Why::tell(match self.status.state {
                State::OpenSent => IN_OPEN_SENT,
                State::OpenConfirm => IN_OPEN_CONFIRM,
                _ => IN_ESTABLISHED,
            })
        };
        let (event, why) = match (frame.kind, self.status.state) {
            (Kind::Open, State::OpenSent) => match self.agree(frame.body) {
                Ok(()) => (Event::Open, Why::Nothing),
                Err(error) => (Event::Error, Why::Tell(error, None)),
            },
            (Kind::Open, _) => (Event::Open, misplaced()),
            (Kind::Keepalive, _) => (Event::Keepalive, misplaced()),
            (Kind::Update, State::Established) => match self.check(frame.body) {
                Ok(()) => (Event::Update, Why::Nothing),
                Err(error) => (Event::Error, Why::Tell(error, None)),
            },
            (Kind::Update, _) => (Event::Update, misplaced()),
            (Kind::RouteRefresh, State::Established) => match wire::refreshed(frame.body) {
                Ok(family) => {
                    self.connection.asked.extend(family);
                    (Event::Refresh, Why::Nothing)
                }
                Err(error) => (Event::Error, Why::Tell(error, None)),
            },
            (Kind::RouteRefresh, _) => (Event::Refresh, misplaced()),
            (Kind::Notification, _) => {
                let down = Down::Received(Notification::parse(frame.body));
                (Event::Notification, Why::Down(down))
            }
        };
        self.fire(event, why, now);
    }

    fn agree(&mut self, body: &[u8]) -> Result<(), Notification> {
        let theirs = Open::parse(body)?;
        let ours = negotiate::open(&self.spec, self.start, self.connection.next_hops());
        let agreed = negotiate::agree(&self.spec, &ours, theirs)?;
        self.status.negotiated = Some(Box::new(agreed));
        Ok(())
    }

    fn check(&mut self, body: &[u8]) -> Result<(), Notification> {
        let agreed = self.status.negotiated.as_ref();
        let reading = Reading {
            internal: agreed.is_some_and(|agreed| agreed.internal),
            four_octets: agreed.is_none_or(|agreed| agreed.four_octets),
        };
        let received = wire::check(body, reading)?;
        let counters = &mut self.status.counters;
        counters.prefixes_received += received.announced as u64;
        match received.found {
            Found::Good | Found::EndOfRib(_) => {}
            Found::Discarded(_) => counters.attributes_discarded += 1,
            Found::Withdrawn(_) => counters.treated_as_withdraw += 1,
            Found::Unreadable => counters.unreadable += 1,
        }
        Ok(())
    }

    /// How routes are said to the peer; none without a session.
    fn style(&self) -> Option<PathStyle> {
        let agreed = self.status.negotiated.as_ref()?;
        Some(PathStyle {
            asn: self.spec.own_asn(),
            internal: agreed.internal,
            four_octets: agreed.four_octets,
            extended_next_hop: agreed.extended_next_hop,
            next_hops: self.connection.next_hops(),
        })
    }

    /// The peer is to be told all routes.
    pub(super) fn announce(&mut self, now: Moment) {
        let (Some(style), Some(agreed)) = (self.style(), &self.status.negotiated) else {
            return;
        };
        let families = &agreed.families;
        self.routes
            .open(|family| families.contains(&family) && style.carries(family));
        let lacking = Family::VARIANTS.iter().copied();
        let lacking = lacking.filter(|family| families.contains(family) && !style.carries(*family));
        let reports = lacking.map(|family| Output::Report(Report::NoNextHop(family)));
        self.outputs.extend(reports);
        self.timers.collect(now);
    }

    /// The peer is told again what it asked for.
    fn repeat(&mut self) {
        for family in std::mem::take(&mut self.connection.asked) {
            if self.routes.repeat(family) {
                self.outputs.push(Output::Report(Report::Refresh(family)));
            }
        }
    }

    /// Writes what is to be told, if it was collected for long enough and there is room.
    pub(super) fn write(&mut self, now: Moment) {
        self.fill(now);
        let waits = !self.connection.outgoing().is_empty();
        match (waits, self.timers.send_hold) {
            (true, None) => {
                let time = timers::send_hold(self.status.negotiated.as_deref());
                self.timers.send_hold = Some(now + time);
            }
            (false, Some(_)) => self.timers.send_hold = None,
            _ => {}
        }
    }

    fn fill(&mut self, now: Moment) {
        let Some(style) = self.style().filter(|_| self.status.state == State::Established) else {
            return;
        };
        if !self.connection.has_room() || !self.timers.collected(now) {
            return;
        }
        self.repeat();
        let max = self.message_max();
        let filled = self.routes.fill(&style, max, self.connection.paper());
        self.status.counters.sent[Kind::Update as usize - 1] += filled.updates;
        if filled.too_long > 0 {
            self.outputs
                .push(Output::Report(Report::TooLong(filled.too_long)));
        }
        for family in filled.ends {
            // From now on a broken connection is no restart of this process.
            self.start = None;
            self.outputs.push(Output::Report(Report::EndOfRib(family)));
        }
        if !self.routes.is_told() {
            self.timers.collect(now);
        }
    }

    /// The socket took so much.
    pub(super) fn sent(&mut self, count: usize, now: Moment) {
        if self.connection.sent(count) {
            self.timers.send_hold = None;
        }
        self.finish_if_drained(now);
    }
}
