//! What only a tool can see: that the daemons do not do what they should, or contradict each other.

use std::net::IpAddr;

use ferrolb_crds::domain::{Addresses, NodeName, PoolName, ServiceKey};
use itertools::Itertools;
use strum::IntoStaticStr;
use thiserror::Error;

use crate::speakers::State;

/// A cause that no daemon states. Refusals of the daemons are `Reason`s of `ferrolb-crds`.
#[derive(Clone, Debug, Eq, Error, IntoStaticStr, PartialEq)]
pub(crate) enum Trouble {
    /// It is not in the cluster.
    #[error("there is no Service {0}")]
    NotFound(ServiceKey),
    /// It does not fit its type.
    #[error("the Service cannot be read: {0}")]
    Unreadable(String),
    /// Nobody writes the status of Services.
    #[error("no controller leads: {0}")]
    NoController(String),
    /// The controller decided, or should have, and did not write it.
    #[error("the controller would give it {0}, and has not written that into the status yet")]
    NotWritten(Addresses),
    /// Nodes may announce it, and none says that it does.
    #[error("no node says that it announces it (ServiceL2Status), although {} may", .0.iter().join(", "))]
    NotHeld(Vec<NodeName>),
    /// The condition and the `ServiceL2Status` objects contradict each other.
    #[error("condition ferrolb.io/Announced says \"{condition}\", but ServiceL2Status names {}", named(.holders))]
    SaysOtherwise {
        condition: String,
        holders: Vec<NodeName>,
    },
    /// It answers no question any more, or will not after its next restart.
    #[error("node {node} announces it, and its speaker is {state}")]
    SpeakerNotReady { node: NodeName, state: State },
    /// Of an address: it could be given out.
    #[error("no Service has it; pool {0} holds it")]
    Free(PoolName),
    /// Of an address: it is somebody else's, or nobody's. Part of the sentence is an `Occupant`.
    #[error("it {0}")]
    Elsewhere(String),
    /// Of an address: nothing is known of it.
    #[error("no Service has it, and {0} is in no pool")]
    InNoPool(IpAddr),
}

impl Trouble {
    /// The cause in one word.
    pub(super) fn word(&self) -> &'static str {
        self.into()
    }

    /// Whether it is so for a moment each time something is written or moves.
    pub(super) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::NotWritten(_) | Self::NotHeld(_) | Self::SaysOtherwise { .. }
        )
    }
}

fn named(holders: &[NodeName]) -> String {
    match holders {
        [] => "no node".to_owned(),
        holders => holders.iter().join(", "),
    }
}
