//! The answer, in the shape that `-o json` prints; stable, documented in `docs/plan.md`.

use std::fmt;
use std::net::IpAddr;

use ferrolb_controller::alloc::Note;
use ferrolb_crds::domain::{self, InterfaceName, NodeName, PoolName, Problem};
use serde::Serialize;

use super::score::Score;

/// What would become of every Service, by namespace and name.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) services: Vec<ServicePlan>,
    pub(super) problems: Vec<Problem>,
}

/// What would become of one Service.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ServicePlan {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) pool: Option<PoolName>,
    pub(super) pools: Vec<PoolName>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) refused: Option<Reason>,
    /// What is odd about the addresses it has.
    pub(super) notes: Vec<Reason>,
    pub(super) announced: Vec<Announced>,
}

impl ServicePlan {
    /// A Service that is not there.
    pub(super) fn absent(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            pool: None,
            pools: Vec::new(),
            addresses: Vec::new(),
            refused: None,
            notes: Vec::new(),
            announced: Vec::new(),
        }
    }
}

/// The node that would announce one address.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Announced {
    pub(super) address: IpAddr,
    pub(super) node: Option<NodeName>,
    /// Those that the advertisements name; empty where they name none.
    pub(super) interfaces: Vec<InterfaceName>,
    pub(super) refused: Option<Reason>,
    /// The eligible nodes, best first; none unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scores: Option<Vec<Score>>,
}

/// Why not: in one word and in a sentence.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Reason {
    pub(super) reason: String,
    pub(super) message: String,
}

impl Reason {
    pub(super) fn new(reason: &str, message: impl ToString) -> Self {
        Self {
            reason: reason.to_owned(),
            message: message.to_string(),
        }
    }

    /// Whether this is [`Self::not_ours`].
    pub(super) fn is_not_ours(&self) -> bool {
        self.reason == domain::Reason::NotOurs.word()
    }

    /// The Service is of another type or class.
    pub(super) fn not_ours() -> Self {
        Self::from(&domain::Reason::NotOurs)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl From<&domain::Reason> for Reason {
    fn from(reason: &domain::Reason) -> Self {
        Self::new(reason.word(), reason)
    }
}

impl From<&Note> for Reason {
    fn from(note: &Note) -> Self {
        Self::new(note.word(), note)
    }
}
