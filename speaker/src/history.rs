//! What happened of late on this node: moves, refusals and detections, in memory. It survives nothing.
//!
//! The ports write what the protocol did, in the place where it is logged and measured, and the loop writes what it tells as
//! events. The name of a Service is looked up when its address is written down: a port knows addresses only.

mod line;
mod record;
mod ring;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ferrolb_crds::domain::{NodeName, ServiceKey};
use itertools::Itertools;

pub use line::Line;
use record::Record;
pub(crate) use record::{Cause, Happened, Move, What};
use ring::Ring;

use crate::may::May;

/// Where it is served, to whom may read the metrics.
pub const PATH: &str = "/history";

/// The memory of this process. A clone shares it.
#[derive(Clone, Debug, Default)]
pub struct History(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    ring: Ring,
    may: Arc<May>,
    me: Option<NodeName>,
}

impl History {
    /// That of this node.
    pub(crate) fn of(node: NodeName) -> Self {
        let history = Self::default();
        history.kept().me = Some(node);
        history
    }

    /// From now on addresses belong to these Services.
    pub(crate) fn know(&self, may: &Arc<May>) {
        self.kept().may = may.clone();
    }

    /// Writes down what happened just now.
    pub(crate) fn add(&self, happened: Happened) {
        let mut kept = self.kept();
        let services = happened.address.map(|address| kept.services(address));
        let record = Record::new(now_unix_ms(), happened, services.unwrap_or_default());
        kept.ring.push(record);
    }

    /// The last move to this node of each Service that is remembered, by `namespace/name`.
    pub(crate) fn moves_here(&self) -> BTreeMap<String, Move> {
        let kept = self.kept();
        let taken = kept.ring.iter().filter(|record| record.what == What::Took);
        let of_services = taken.flat_map(|record| {
            record
                .services()
                .map(move |service| (service.to_owned(), record.into()))
        });
        of_services.collect()
    }

    /// All of it, the oldest first.
    pub fn lines(&self) -> Vec<Line> {
        let kept = self.kept();
        let me = kept.me.as_ref();
        kept.ring.iter().map(|record| Line::of(record, me)).collect()
    }

    /// Serves it as JSON.
    pub(crate) fn routes(&self) -> Router {
        let told = |State(history): State<Self>| async move { Json(history.lines()) };
        Router::new().route(PATH, get(told)).with_state(self.clone())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// The Services of an address; of one that belongs to none any more, those it belonged to when it was written last.
    fn services(&self, address: IpAddr) -> String {
        let judged = self.may.by_address.get(&address);
        let now = judged.map(|judged| judged.served().map(ServiceKey::to_string).join(","));
        let last = || {
            let mut of_address = self
                .ring
                .iter()
                .rev()
                .filter(|record| record.address == Some(address));
            of_address.next().map(|record| record.services.to_string())
        };
        now.filter(|services| !services.is_empty())
            .or_else(last)
            .unwrap_or_default()
    }
}

/// Unix time in milliseconds.
fn now_unix_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// As many as fit: 49 days.
fn milliseconds(of: Duration) -> u32 {
    u32::try_from(of.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
