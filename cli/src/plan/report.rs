//! The answer, in the shape that `-o json` prints; stable, documented in `docs/plan.md`.

use std::net::IpAddr;

use ferrolb_controller::alloc::Refusal;
use ferrolb_crds::domain::{InterfaceName, NodeName, PoolName, Problem};
use ferrolb_speaker::election::Why;
use serde::Serialize;

/// What would become of every Service, by namespace and name.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) services: Vec<ServicePlan>,
    pub(super) problems: Vec<Problem>,
}

/// What would become of one Service.
#[derive(Debug, Serialize)]
pub(super) struct ServicePlan {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) pool: Option<PoolName>,
    pub(super) pools: Vec<PoolName>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) refused: Option<Reason>,
    pub(super) announced: Vec<Announced>,
}

/// Who would announce one address.
#[derive(Debug, Serialize)]
pub(super) struct Announced {
    pub(super) address: IpAddr,
    pub(super) node: Option<NodeName>,
    /// Those that the advertisements name; empty where they name none.
    pub(super) interfaces: Vec<InterfaceName>,
    pub(super) refused: Option<Reason>,
}

/// Why not: in one word and in a sentence.
#[derive(Debug, Serialize)]
pub(super) struct Reason {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Reason {
    /// The Service is of another type or class.
    pub(super) fn not_ours() -> Self {
        let message = "not of type LoadBalancer, or of another spec.loadBalancerClass".to_owned();
        Self {
            reason: "NotOurs",
            message,
        }
    }
}

impl From<&Refusal> for Reason {
    fn from(refusal: &Refusal) -> Self {
        Self {
            reason: refusal.reason(),
            message: refusal.to_string(),
        }
    }
}

impl From<&Why> for Reason {
    fn from(why: &Why) -> Self {
        Self {
            reason: why.reason(),
            message: why.to_string(),
        }
    }
}
