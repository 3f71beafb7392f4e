//! What is to be asked of others, and what was answered a short while ago.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Moment;
use crate::message::{BUCKETS, Instance, Request, Requested};

/// An answer that does not come is asked for again after this.
const AGAIN: Duration = Duration::from_millis(60);
/// A bucket is not sent again within this: many ask at once, and all hear the answer.
const SENT: Duration = Duration::from_millis(20);

/// A question, without the buckets whose claims it asks for: those are kept as bits.
type Question = (Instance, Requested);

/// Questions are delayed by chance, and dropped when another asks the same (Y4).
#[derive(Clone, Debug, Default)]
pub(super) struct Asking {
    wanted: BTreeMap<Question, (u64, Moment)>,
    asked: BTreeMap<Question, Moment>,
    sent: BTreeMap<u8, Moment>,
}

fn question(request: &Request) -> (Question, u64) {
    match request.what {
        Requested::Claims(buckets) => ((request.of, Requested::Claims(0)), buckets),
        other => ((request.of, other), 0),
    }
}

impl Asking {
    /// Asks in `delay_us` microseconds, unless it was asked a short while ago.
    pub(super) fn want(&mut self, request: &Request, now: Moment, delay_us: u64) {
        let (question, buckets) = question(request);
        let asked = self.asked.get(&question).filter(|_| buckets == 0);
        if asked.is_some_and(|at| now.since(*at) < AGAIN) {
            return;
        }
        let due = now + Duration::from_micros(delay_us);
        self.wanted.entry(question).or_insert((0, due)).0 |= buckets;
    }

    /// Another asked; all hear the answer.
    pub(super) fn asked_by_another(&mut self, request: &Request) {
        let (question, buckets) = question(request);
        if let Some((wanted, _)) = self.wanted.get_mut(&question) {
            *wanted &= !buckets;
            if *wanted == 0 {
                self.wanted.remove(&question);
            }
        }
    }

    /// The questions that are due.
    pub(super) fn due(&mut self, now: Moment) -> Vec<Request> {
        let due = self.wanted.extract_if(.., |_, (_, at)| *at <= now);
        let request = |(question, (buckets, _)): (Question, (u64, Moment))| {
            self.asked.insert(question, now);
            let (of, what) = match question {
                (of, Requested::Claims(_)) => (of, Requested::Claims(buckets)),
                other => other,
            };
            Request { of, what }
        };
        due.map(request).collect()
    }

    pub(super) fn next(&self) -> Option<Moment> {
        self.wanted.values().map(|(_, at)| *at).min()
    }

    pub(super) fn forget(&mut self, instance: Instance) {
        self.wanted.retain(|(of, _), _| *of != instance);
        self.asked.retain(|(of, _), _| *of != instance);
    }

    /// Those of these buckets that were not sent a moment ago; they count as sent now.
    pub(super) fn may_be_sent(&mut self, buckets: u64, now: Moment) -> Vec<u8> {
        let asked = (0..BUCKETS).filter(|bucket| buckets >> bucket & 1 == 1);
        let old = |bucket: &u8| self.sent.get(bucket).is_none_or(|at| now.since(*at) >= SENT);
        let sent: Vec<u8> = asked.filter(old).collect();
        self.sent.extend(sent.iter().map(|bucket| (*bucket, now)));
        sent
    }
}
