//! The answer, in the shape that `-o json` prints; stable, documented in `docs/plan.md`.

use std::fmt;
use std::net::IpAddr;

use ferrolb_controller::alloc::{Note, Outcome};
use ferrolb_crds::domain::{self, Addresses, InterfaceName, NodeName, PoolName, ServiceClass, ServiceView};
use serde::Serialize;

use super::routed::{Route, Told};
use super::score::Score;
use crate::problem::Problem;

/// What would become of every Service, by namespace and name.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) services: Vec<ServicePlan>,
    /// What BGP peers would be told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) routes: Vec<Route>,
    pub(crate) problems: Vec<Problem>,
}

/// What would become of one Service.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ServicePlan {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) pool: Option<PoolName>,
    pub(crate) pools: Vec<PoolName>,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) refused: Option<Reason>,
    #[serde(flatten)]
    pub(crate) change: Change,
    /// Whether it is of type `LoadBalancer`.
    #[serde(skip)]
    pub(crate) is_load_balancer: bool,
    /// What is odd about the addresses it has.
    pub(crate) notes: Vec<Reason>,
    pub(crate) announced: Vec<Announced>,
}

impl ServicePlan {
    /// A Service that is not there.
    pub(crate) fn absent(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..Self::default()
        }
    }
}

/// What becomes of the addresses in the status of a Service.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Change {
    pub(crate) keeps: Vec<IpAddr>,
    pub(crate) gains: Vec<IpAddr>,
    pub(crate) loses: Vec<IpAddr>,
}

impl Change {
    /// What the controller makes of the status. Of a Service that is another's it touches nothing.
    pub(crate) fn of(service: &ServiceView, outcome: &Outcome, addresses: Addresses) -> Self {
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
    pub(crate) fn is_of_use(&self) -> bool {
        !self.keeps.is_empty() || !self.loses.is_empty()
    }
}

/// The node that would announce one address.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Announced {
    pub(crate) address: IpAddr,
    pub(crate) node: Option<NodeName>,
    /// Those that the advertisements name; empty where they name none.
    pub(crate) interfaces: Vec<InterfaceName>,
    pub(crate) refused: Option<Reason>,
    /// What becomes of it by BGP; none if no BGPAdvertisement asks for it. Then an address that no L2Advertisement asks for is
    /// not refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bgp: Option<Told>,
    /// The eligible nodes, best first; none unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scores: Option<Vec<Score>>,
}

/// Why not: in one word and in a sentence.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Reason {
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Reason {
    pub(crate) fn new(reason: &str, message: impl ToString) -> Self {
        Self {
            reason: reason.to_owned(),
            message: message.to_string(),
        }
    }

    /// Whether this is [`Self::not_ours`].
    pub(crate) fn is_not_ours(&self) -> bool {
        self.reason == domain::Reason::NotOurs.word()
    }

    /// The Service is of another type or class than ours.
    pub(crate) fn not_ours(class: &ServiceClass, ours: Option<&str>) -> Self {
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
