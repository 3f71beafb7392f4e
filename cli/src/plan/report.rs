//! The answer, in the shape that `-o json` prints; stable, documented in `docs/plan.md`.

use std::fmt;
use std::net::IpAddr;

use ferrolb_controller::alloc::{Note, Outcome};
use ferrolb_crds::domain::{self, Addresses, InterfaceName, NodeName, PoolName, ServiceClass, ServiceView};
use serde::Serialize;

use super::score::Score;
use crate::problem::Problem;

/// What would become of every Service, by namespace and name.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) services: Vec<ServicePlan>,
    pub(super) problems: Vec<Problem>,
}

/// What would become of one Service.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct ServicePlan {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) pool: Option<PoolName>,
    pub(super) pools: Vec<PoolName>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) refused: Option<Reason>,
    #[serde(flatten)]
    pub(super) change: Change,
    /// Whether it is of type `LoadBalancer`.
    #[serde(skip)]
    pub(super) is_load_balancer: bool,
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
            ..Self::default()
        }
    }
}

/// What becomes of the addresses in the status of a Service.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Change {
    pub(super) keeps: Vec<IpAddr>,
    pub(super) gains: Vec<IpAddr>,
    pub(super) loses: Vec<IpAddr>,
}

impl Change {
    /// What the controller makes of the status. Of a Service that is another's it touches nothing.
    pub(super) fn of(service: &ServiceView, outcome: &Outcome, addresses: Addresses) -> Self {
        let had: Vec<IpAddr> = service.in_status().collect();
        let of_another = *outcome == Outcome::NotOurs
            && (service.class != ServiceClass::NotLoadBalancer || service.allocated_from.is_empty());
        let left = matches!(outcome, Outcome::Refused(why) if why.leaves_status());
        let keeps = |address: &IpAddr| of_another || left || addresses.contains(*address);
        let (kept, lost) = had.iter().copied().partition(keeps);
        Self {
            keeps: kept,
            gains: addresses
                .iter()
                .filter(|address| !had.contains(address))
                .collect(),
            loses: lost,
        }
    }

    /// Whether anything is kept or lost.
    pub(super) fn is_of_use(&self) -> bool {
        !self.keeps.is_empty() || !self.loses.is_empty()
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

    /// The Service is of another type or class than ours.
    pub(super) fn not_ours(class: &ServiceClass, ours: Option<&str>) -> Self {
        let ours = ours.map_or_else(
            || "Services without one are ours".to_owned(),
            |ours| format!("\"{ours}\" is ours"),
        );
        let message = match class {
            ServiceClass::NotLoadBalancer => "not of type LoadBalancer".to_owned(),
            ServiceClass::LoadBalancer(Some(class)) => {
                format!("spec.loadBalancerClass is \"{class}\"; {ours} (--lb-class)")
            }
            ServiceClass::LoadBalancer(None) => format!("has no spec.loadBalancerClass; {ours} (--lb-class)"),
        };
        Self::new(domain::Reason::NotOurs.word(), message)
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
