//! One thing that happened.

use std::net::IpAddr;
use std::time::Duration;

use ferrolb_crds::domain::{InterfaceName, NodeName, Reason};

use super::milliseconds;

/// What happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum What {
    /// This node took the address, and told everybody.
    Took,
    /// This node gave it to another, or to none.
    GaveUp,
    /// This node may not announce it any more.
    Refused,
    /// Something was noticed.
    Detected,
}

impl What {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Took => "took",
            Self::GaveUp => "gave up",
            Self::Refused => "refused",
            Self::Detected => "detected",
        }
    }
}

/// Why an address moved, or what was noticed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    /// No node held the address before.
    New,
    /// The speaker of a node is not heard any more.
    SpeakerDown,
    /// The speaker of a node is heard.
    SpeakerUp,
    /// The speaker of the other node ended.
    SpeakerEnded,
    /// `ferrolb rebalance` asked for it.
    Rebalanced,
    /// The other node may not announce it any more: it has no endpoint, no advertisement selects it, or it is excluded.
    NotEligible,
    /// Something speaks against the other node: it is cordoned, say.
    Drained,
    /// Another node suits better.
    Balanced,
    /// It was yielded to another node, which knows why.
    HandedOver,
    /// Another node holds it by a stronger claim, as after a partition.
    StrongerClaim,
    /// A claim that cannot be was not heeded.
    IncredibleClaim,
    /// This speaker was held up, or without a carrier.
    HeldUp,
    /// Not more than half of the speakers hear this one.
    Minority,
    /// More than half of the speakers hear this one again.
    Majority,
    /// A station that is no speaker claims the address.
    ForeignClaim,
    /// The wire agrees again.
    WireAnswered,
    /// The same as in the condition of the Service.
    Reason(&'static str),
}

impl Cause {
    /// The cause in one word.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::New => "New",
            Self::SpeakerDown => "SpeakerDown",
            Self::SpeakerUp => "SpeakerUp",
            Self::SpeakerEnded => "SpeakerEnded",
            Self::Rebalanced => "Rebalanced",
            Self::NotEligible => "NotEligible",
            Self::Drained => "Drained",
            Self::Balanced => "Balanced",
            Self::HandedOver => "HandedOver",
            Self::StrongerClaim => "StrongerClaim",
            Self::IncredibleClaim => "IncredibleClaim",
            Self::HeldUp => "HeldUp",
            Self::Minority => "Minority",
            Self::Majority => "Majority",
            Self::ForeignClaim => "ForeignClaim",
            Self::WireAnswered => "WireAnswered",
            Self::Reason(word) => word,
        }
    }
}

impl From<&Reason> for Cause {
    fn from(why: &Reason) -> Self {
        Self::Reason(why.word())
    }
}

/// What happened, as those say it who know only their part.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) what: What,
    pub(crate) cause: Cause,
    pub(crate) address: Option<IpAddr>,
    pub(crate) interface: Option<InterfaceName>,
    /// The other node, if there is one: who had the address, who has it now, or who was noticed.
    pub(crate) other: Option<NodeName>,
    /// How long it took, where that is known.
    pub(crate) took: Option<Duration>,
}

impl Happened {
    /// Something of which nothing else is known.
    pub(crate) fn new(what: What, cause: impl Into<Cause>) -> Self {
        Self {
            what,
            cause: cause.into(),
            address: None,
            interface: None,
            other: None,
            took: None,
        }
    }

    /// The same of an address.
    pub(crate) fn of(self, address: IpAddr) -> Self {
        Self {
            address: Some(address),
            ..self
        }
    }
}

/// The same in few bytes, with when it was and the names of the Services.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) at_unix_ms: i64,
    pub(super) took_ms: Option<u32>,
    pub(super) what: What,
    pub(super) address: Option<IpAddr>,
    pub(super) cause: &'static str,
    pub(super) interface: Option<InterfaceName>,
    pub(super) other: Option<NodeName>,
    /// `namespace/name`, with commas between them; in one piece, which is smaller than the parts.
    pub(super) services: Box<str>,
}

impl Record {
    pub(super) fn new(at_unix_ms: i64, happened: Happened, services: String) -> Self {
        Self {
            at_unix_ms,
            took_ms: happened.took.map(milliseconds),
            what: happened.what,
            address: happened.address,
            cause: happened.cause.word(),
            interface: happened.interface,
            other: happened.other,
            services: services.into(),
        }
    }

    /// Each as `namespace/name`.
    pub(super) fn services(&self) -> impl Iterator<Item = &str> {
        self.services.split(',').filter(|service| !service.is_empty())
    }
}

/// Why an address came to this node, and how long that took.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Move {
    pub(crate) cause: &'static str,
    pub(crate) took_ms: Option<u32>,
}

impl From<&Record> for Move {
    fn from(record: &Record) -> Self {
        Self {
            cause: record.cause,
            took_ms: record.took_ms,
        }
    }
}
