//! One move: the holder is asked by an annotation of its `ServiceL2Status`, and does it or not.

use std::collections::BTreeSet;
use std::time::Duration;

use ferrolb_crds::api::ServiceL2Status;
use ferrolb_crds::domain::{NodeName, ServiceKey};
use ferrolb_crds::names::MOVE_TO;
use kube::Api;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::moves::Move;
use crate::cluster::{AccessError, annotate};

/// The name that the API server keeps the annotation under.
const FIELD_MANAGER: &str = "ferrolb-rebalance";
/// How often it is looked whether the addresses have moved.
const LOOK: Duration = Duration::from_millis(200);

/// Asks holders to hand addresses over.
pub(super) struct Mover {
    pub(super) statuses: Api<ServiceL2Status>,
    pub(super) patience: Duration,
}

impl Mover {
    /// Asks, and waits until the other node says to announce all of the Services and the holder none. Whether it came to
    /// that in time; if not, nothing is asked any more.
    pub(super) async fn carry_out(&self, one: &Move) -> Result<bool, AccessError> {
        let asked = self.of(one, &one.from).await?;
        for status in &asked {
            self.annotate(status, Some(&one.to)).await?;
        }
        let deadline = Instant::now() + self.patience;
        while Instant::now() < deadline {
            if self.has_moved(one).await? {
                return Ok(true);
            }
            sleep(LOOK).await;
        }
        for status in self.of(one, &one.from).await? {
            self.annotate(&status, None).await?;
        }
        Ok(false)
    }

    async fn has_moved(&self, one: &Move) -> Result<bool, AccessError> {
        let services = |statuses: Vec<ServiceL2Status>| -> BTreeSet<ServiceKey> {
            statuses.iter().filter_map(service).collect()
        };
        let there = services(self.of(one, &one.to).await?);
        Ok(self.of(one, &one.from).await?.is_empty() && there == one.services)
    }

    /// The objects by which the node says to announce Services of the move.
    async fn of(&self, one: &Move, node: &NodeName) -> Result<Vec<ServiceL2Status>, AccessError> {
        let all = self.statuses.list(&ListParams::default()).await;
        let all = all.map_err(|error| AccessError::new::<ServiceL2Status>("list", &error))?;
        let is_meant = |status: &ServiceL2Status| {
            let by = status.status.as_ref().map(|status| status.node.as_str());
            by == Some(node.as_str()) && service(status).is_some_and(|key| one.services.contains(&key))
        };
        Ok(all.items.into_iter().filter(is_meant).collect())
    }

    /// An object that is gone meanwhile has moved.
    async fn annotate(&self, status: &ServiceL2Status, to: Option<&NodeName>) -> Result<(), AccessError> {
        let (name, annotation) = (status.name_any(), json!({ MOVE_TO: to }));
        match annotate(&self.statuses, &name, FIELD_MANAGER, annotation).await {
            Ok(()) => Ok(()),
            Err(kube::Error::Api(answer)) if answer.code == 404 => Ok(()),
            Err(error) => Err(AccessError::new::<ServiceL2Status>("patch", &error)),
        }
    }
}

fn service(status: &ServiceL2Status) -> Option<ServiceKey> {
    let of = status.status.as_ref()?;
    Some(ServiceKey::new(
        of.service_namespace.as_str(),
        of.service_name.as_str(),
    ))
}
