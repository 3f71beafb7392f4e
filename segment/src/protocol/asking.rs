//! What is to be asked of others, and what was answered a short while ago.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::message::{BUCKETS, Instance, Request, Requested};
use crate::moment::Moment;

/// An answer that does not come is asked for again after this.
const AGAIN: Duration = Duration::from_millis(60);
/// A bucket is not sent again within this: many ask at once, and all hear the answer.
const SENT: Duration = Duration::from_millis(20);

/// Questions are delayed by chance, and dropped when another asks the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Asking {
    wanted: BTreeMap<(Instance, Kind), (u64, Moment)>,
    asked: BTreeMap<(Instance, Kind), Moment>,
    sent: BTreeMap<u8, Moment>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    Heard,
    Buckets,
    Claims,
}

fn kind(what: Requested) -> (Kind, u64) {
    match what {
        Requested::Heard => (Kind::Heard, 0),
        Requested::Buckets => (Kind::Buckets, 0),
        Requested::Claims(buckets) => (Kind::Claims, buckets),
    }
}

impl Asking {
    /// Asks in `delay_us` microseconds, unless it was asked a short while ago.
    pub(super) fn want(&mut self, request: Request, now: Moment, delay_us: u64) {
        let (kind, buckets) = kind(request.what);
        let place = (request.of, kind);
        let asked = self.asked.get(&place);
        if kind != Kind::Claims && asked.is_some_and(|at| now.since(*at) < AGAIN) {
            return;
        }
        let due = now + Duration::from_micros(delay_us);
        self.wanted.entry(place).or_insert((0, due)).0 |= buckets;
    }

    /// Another asked; all hear the answer.
    pub(super) fn asked_by_another(&mut self, request: &Request) {
        let (kind, buckets) = kind(request.what);
        let place = (request.of, kind);
        if let Some((wanted, _)) = self.wanted.get_mut(&place) {
            *wanted &= !buckets;
            if *wanted == 0 {
                self.wanted.remove(&place);
            }
        }
    }

    /// The questions that are due.
    pub(super) fn due(&mut self, now: Moment) -> Vec<Request> {
        let due: Vec<_> = self
            .wanted
            .iter()
            .filter(|(_, (_, at))| *at <= now)
            .map(|(place, _)| *place)
            .collect();
        let take = |place: (Instance, Kind)| {
            let (buckets, _) = self.wanted.remove(&place)?;
            self.asked.insert(place, now);
            let what = match place.1 {
                Kind::Heard => Requested::Heard,
                Kind::Buckets => Requested::Buckets,
                Kind::Claims => Requested::Claims(buckets),
            };
            Some(Request { of: place.0, what })
        };
        due.into_iter().filter_map(take).collect()
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
