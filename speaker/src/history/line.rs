//! One thing that happened, as it is told.

use std::net::IpAddr;

use ferrolb_crds::domain::NodeName;
use serde::{Deserialize, Serialize};

use super::record::{Record, What};

/// One thing that happened. Stable, documented in `docs/operations.md`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Line {
    /// When (Unix time in milliseconds), by the clock of the node that tells.
    pub at_unix_ms: i64,
    /// `took`, `gave up`, `refused` or `detected`.
    pub what: String,
    /// The Services of the address, each as `namespace/name`.
    pub services: Vec<String>,
    /// The address; none where a node is meant.
    pub address: Option<IpAddr>,
    /// The interface of the node that tells.
    pub interface: Option<String>,
    /// The node that had the address, or that was noticed.
    pub from: Option<String>,
    /// The node that has the address now.
    pub to: Option<String>,
    /// How long it took (milliseconds), where that is known: for a move, from the last sign of the old holder until
    /// everybody was told of the new one.
    pub took_ms: Option<u32>,
    /// Why, in one word.
    pub cause: String,
}

impl Line {
    /// As the node `me` tells it.
    pub(super) fn of(record: &Record, me: Option<&NodeName>) -> Self {
        let other = record.other.as_ref();
        let (from, to) = match record.what {
            What::Took => (other, me),
            What::GaveUp => (me, other),
            What::Refused => (me, None),
            What::Detected => (other, None),
        };
        Self {
            at_unix_ms: record.at_unix_ms,
            what: record.what.word().to_owned(),
            services: record.services().map(str::to_owned).collect(),
            address: record.address,
            interface: record.interface.as_ref().map(ToString::to_string),
            from: from.map(ToString::to_string),
            to: to.map(ToString::to_string),
            took_ms: record.took_ms,
            cause: record.cause.to_owned(),
        }
    }
}
