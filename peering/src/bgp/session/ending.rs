//! How a session ends, by itself or because it is to.

use std::time::Duration;

use super::Session;
use super::report::{Close, Down, Ending, Output, Report, Stop};
use super::reset::{reset_causes, waits_for_reset};
use super::spec::PeerSpec;
use super::state::{Act, Event, State};
use super::timers::Timers;
use crate::Moment;
use crate::bgp::ExportTable;
use crate::bgp::wire::{Kind, Notification, cease};

/// A final stop waits so long for the peer to take the withdrawals.
const DRAIN_MAX: Duration = Duration::from_secs(3);

/// What is said of an event that may end a session.
pub(super) enum Why {
    Nothing,
    /// The peer is told this; what the status has instead of it.
    Tell(Notification, Option<Down>),
    Down(Down),
}

impl Why {
    pub(super) fn tell(reason: (u8, u8)) -> Self {
        Self::Tell(Notification::new(reason), None)
    }
}

impl Session {
    /// Ends a session or an attempt, and waits for the next one if the peer is wanted.
    pub(super) fn end(&mut self, state: State, acts: &[Act], why: Why, now: Moment) {
        let why = match why {
            Why::Tell(notification, down) if acts.contains(&Act::Notify) => {
                self.connection
                    .say(Kind::Notification, &mut self.status.counters, |out| {
                        notification.emit(out);
                    });
                down.unwrap_or(Down::Told(notification))
            }
            Why::Tell(_, down) => down.unwrap_or(Down::Stopped),
            Why::Down(down) => down,
            Why::Nothing => Down::Stopped,
        };
        if state != State::Active {
            let last = self.connection.close();
            self.outputs.push(Output::Close(Close { last }));
        }
        let waits = self.runs && acts.contains(&Act::Wait);
        self.timers = Timers::default();
        if waits {
            let wait = self.retry.wait(&why, &self.spec, &mut self.chance);
            self.timers.retry = Some(now + wait);
        }
        self.routes.close();
        self.status.negotiated = None;
        self.status.pending_reset = false;
        let ending = Ending { state, why };
        self.status.last = Some(ending.clone());
        self.outputs.push(Output::Report(Report::Ended(ending)));
    }

    pub(super) fn change(&mut self, spec: PeerSpec, now: Moment) {
        let causes = reset_causes(&self.spec, &spec);
        let waits = waits_for_reset(&self.spec, &spec);
        self.spec = spec;
        if !causes.is_empty() {
            self.outputs.push(Output::Report(Report::Reset(causes)));
            self.fire(Event::Stop, Why::tell(cease::CONFIGURATION), now);
            if self.leaving.is_none() {
                self.again(now);
            } else {
                self.finish(now);
            }
        } else if waits && self.status.state >= State::OpenSent {
            self.status.pending_reset = true;
            self.outputs.push(Output::Report(Report::PendingReset));
        }
    }

    pub(super) fn stop(&mut self, stop: Stop, now: Moment) {
        let is_kept = self
            .status
            .negotiated
            .as_ref()
            .is_some_and(|agreed| !agreed.kept.is_empty());
        match stop {
            Stop::Restart => {
                self.runs = false;
                let why = match is_kept {
                    // Not a word: a NOTIFICATION would make the peer drop the routes (RFC 4724 section 4).
                    true => Why::Down(Down::Restart),
                    false => Why::tell(cease::RESET),
                };
                self.fire(Event::Stop, why, now);
                self.timers = Timers::default();
            }
            Stop::Final(text) => {
                let notification = Notification::with_text(cease::SHUTDOWN, &text);
                if self.status.state == State::Established {
                    self.routes.want(ExportTable::default());
                    self.timers.drain = Some(now + DRAIN_MAX);
                    self.timers.collect(now);
                }
                self.leaving = Some(notification);
                self.finish_if_drained(now);
            }
        }
    }

    /// Everything is withdrawn and written, or there is nothing to withdraw.
    pub(super) fn finish_if_drained(&mut self, now: Moment) {
        let drained = self.routes.is_told() && self.connection.outgoing().is_empty();
        if self.leaving.is_some() && (drained || self.status.state != State::Established) {
            self.finish(now);
        }
    }

    pub(super) fn finish(&mut self, now: Moment) {
        self.runs = false;
        if let Some(notification) = self.leaving.take() {
            self.fire(Event::Stop, Why::Tell(notification, None), now);
        }
        self.timers = Timers::default();
    }
}
