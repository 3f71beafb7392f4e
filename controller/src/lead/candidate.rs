//! Which candidate leads, decided from what was seen, answered and asked: a state machine without I/O, clock or randomness.

use std::time::Duration;

use ferrolb_runtime::backoff::{Backoff, Jitter};
use tokio::time::Instant;

use self::standing::Standing;
use super::known::Known;
use super::record::{Outcome, Record, Stamp, Version, Write};
use super::{Leadership, Terms};

mod standing;

/// What client-go writes as the duration of a released lease; zero is not allowed.
const RELEASED_DURATION: Duration = Duration::from_secs(1);

/// One process that stands for election.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Candidate {
    identity: String,
    terms: Terms,
    known: Option<Known>,
    /// The newest version known; what the watch delivers later but is older is old news.
    newest: Option<Version>,
    claim: Option<Claim>,
    valid_until: Option<Instant>,
    busy: Busy,
    /// The Lease must be read before anything is written: it changed in an unknown way.
    stale: bool,
    read_after: Option<Instant>,
    write_after: Option<Instant>,
    resigning: bool,
}

/// What tells a record that we wrote from one that an earlier process of the same identity left behind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Claim {
    /// Kept from the first attempt on, so that a late attempt is recognised too.
    acquired: Stamp,
    /// What the last write was decided on. When another's record has another version, no attempt can land any more.
    base: Option<Version>,
}

/// The request under way. There is one at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Busy {
    No,
    Reading,
    Writing { sent: Instant, record: Record },
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Read the Lease, then tell [`Candidate::read`] or [`Candidate::read_failed`].
    Read,
    /// Send this, then tell [`Candidate::wrote`].
    Write(Write),
    /// Wait for news, at most until this time.
    Wait(Option<Instant>),
    /// We resigned and have nothing left to give back.
    Done,
}

impl Candidate {
    /// A candidate that knows nothing yet. `identity` should be unique to this process.
    pub(super) fn new(identity: String, terms: Terms) -> Self {
        Self {
            identity,
            terms,
            known: None,
            newest: None,
            claim: None,
            valid_until: None,
            busy: Busy::No,
            stale: false,
            read_after: None,
            write_after: None,
            resigning: false,
        }
    }

    /// The read was answered: this is the Lease, or it does not exist.
    pub(super) fn read(&mut self, found: Option<(Version, Record)>, now: Instant) {
        self.busy = Busy::No;
        self.stale = false;
        match found {
            Some((version, record)) => self.observe(version, record, now),
            None => self.observe_nothing(now),
        }
        let usual = self.terms.lease_duration;
        if let Some(known) = &mut self.known {
            known.confirmed = known.expires(usual) <= now;
        }
    }

    /// The read was not answered.
    pub(super) fn read_failed(&mut self, now: Instant, jitter: Jitter) {
        self.busy = Busy::No;
        self.read_after = Some(now + self.pause(jitter));
        if self.resigning {
            self.forget_claim();
        }
    }

    /// The watch shows this record. Returns whether it is news.
    pub(super) fn watched(&mut self, version: Version, record: Record, now: Instant) -> bool {
        let news = self.newest.as_ref().is_none_or(|newest| *newest < version);
        if news {
            self.observe(version, record, now);
        }
        news
    }

    /// The watch shows no Lease, or not any more. That may be old news, hence it is read.
    pub(super) fn vanished(&mut self) {
        self.stale = true;
        self.read_after = None;
    }

    /// The write ended.
    pub(super) fn wrote(&mut self, outcome: Outcome, now: Instant, jitter: Jitter) {
        let Busy::Writing { sent, record } = std::mem::replace(&mut self.busy, Busy::No) else {
            return;
        };
        let pause = now + self.pause(jitter);
        let released = record.holder.is_none();
        match outcome {
            Outcome::Landed(version) => self.landed(version, record, sent, now),
            Outcome::Conflict => {
                self.valid_until = None;
                self.stale = true;
                self.read_after = None;
                self.write_after = Some(pause);
            }
            Outcome::Unknown | Outcome::Failed if released => self.forget_claim(),
            Outcome::Unknown => {
                self.stale = true;
                self.read_after = Some(pause);
            }
            Outcome::Failed => self.write_after = Some(pause),
        }
    }

    /// Stops leading at once; from now on [`Candidate::next`] gives the Lease back if it is ours.
    pub(super) fn resign(&mut self) {
        self.resigning = true;
        self.valid_until = None;
    }

    /// Whether we lead, as of the last call of [`Candidate::next`].
    pub(super) fn leadership(&self) -> Leadership {
        let record = self.known.as_ref().and_then(|known| known.record.as_ref());
        match (self.valid_until, record) {
            (Some(valid_until), Some(record)) => Leadership::Lead {
                term: record.transitions,
                valid_until,
            },
            (_, record) => Leadership::Follow {
                leader: record
                    .filter(|record| !self.wrote_record(record))
                    .and_then(|record| record.holder.clone()),
            },
        }
    }

    /// What to do now. `wall` is what the wall clock says, for the record only.
    pub(super) fn next(&mut self, now: Instant, wall: Stamp) -> Next {
        for time in [&mut self.valid_until, &mut self.read_after, &mut self.write_after] {
            *time = time.filter(|time| now < *time);
        }
        if self.resigning && self.claim.is_none() {
            return Next::Done;
        }
        if self.busy != Busy::No {
            return Next::Wait(self.valid_until);
        }
        if self.resigning {
            return self.give_back(now, wall);
        }
        match self.standing() {
            Standing::Unknown => self.look(),
            _ if self.stale => self.look(),
            Standing::Ours(record) => self.write(self.renewed(record), now),
            Standing::Free => self.write(self.claimed(wall), now),
            Standing::Theirs { until, .. } if now < until => Next::Wait(Some(until)),
            Standing::Theirs { confirmed: true, .. } => self.write(self.claimed(wall), now),
            // The watch may be broken and the lease renewed long since.
            Standing::Theirs { .. } => self.look(),
        }
    }

    fn give_back(&mut self, now: Instant, wall: Stamp) -> Next {
        if self.stale {
            self.busy = Busy::Reading;
            return Next::Read;
        }
        match self.standing() {
            Standing::Ours(record) if self.known.as_ref().is_some_and(|known| known.version.is_some()) => {
                self.write_after = None;
                let released = Record {
                    holder: None,
                    duration: Some(RELEASED_DURATION),
                    acquired: Some(wall),
                    ..record
                };
                self.write(released, now)
            }
            _ => Next::Done,
        }
    }

    fn look(&mut self) -> Next {
        if let Some(after) = self.read_after {
            return Next::Wait(earliest(self.valid_until, after));
        }
        self.busy = Busy::Reading;
        Next::Read
    }

    fn write(&mut self, record: Record, now: Instant) -> Next {
        if let Some(after) = self.write_after {
            return Next::Wait(earliest(self.valid_until, after));
        }
        let base = self.known.as_ref().and_then(|known| known.version.clone());
        if let Some(acquired) = record.acquired.filter(|_| record.holder.is_some()) {
            let base = base.clone();
            self.claim = Some(Claim { acquired, base });
        }
        self.busy = Busy::Writing {
            sent: now,
            record: record.clone(),
        };
        Next::Write(Write { base, record })
    }

    /// The record that makes the Lease ours.
    fn claimed(&self, wall: Stamp) -> Record {
        let last = self.known.as_ref().and_then(|known| known.record.as_ref());
        let acquired = self.claim.as_ref().map_or(wall, |claim| claim.acquired);
        Record {
            holder: Some(self.identity.clone()),
            duration: Some(self.terms.lease_duration),
            acquired: Some(acquired),
            transitions: last.map_or(0, |last| last.transitions + 1),
        }
    }

    /// Our record again. The duration may have been edited; the others go by it.
    fn renewed(&self, record: Record) -> Record {
        Record {
            duration: Some(self.terms.lease_duration),
            ..record
        }
    }

    fn landed(&mut self, version: Version, record: Record, sent: Instant, now: Instant) {
        self.write_after = Some(sent + self.terms.retry_period);
        if self.newest.as_ref().is_none_or(|newest| *newest <= version) {
            self.observe(version, record, now);
        }
        if !self.resigning && matches!(self.standing(), Standing::Ours(_)) {
            self.valid_until = Some(sent + self.terms.renew_deadline);
        }
    }

    fn forget_claim(&mut self) {
        self.claim = None;
        self.stale = false;
    }

    fn pause(&self, jitter: Jitter) -> Duration {
        Backoff::new(self.terms.retry_period, self.terms.retry_period).delay(0, jitter)
    }
}

fn earliest(end: Option<Instant>, other: Instant) -> Option<Instant> {
    Some(end.map_or(other, |end| end.min(other)))
}

#[cfg(test)]
mod tests;
