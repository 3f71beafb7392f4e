//! One Service leaves its addresses: asked by the annotation, waited for, and the annotation is taken off again,
//! whatever happens in between.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use ferrolb_crds::api::core::Service;
use ferrolb_crds::domain::ServiceKey;
use ferrolb_crds::names::GIVE_UP;
use ferrolb_runtime::shutdown::Shutdown;
use futures::StreamExt;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watch_object};
use kube::{Api, Client};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout_at};

use super::fate::{Fate, list};
use super::progress::{beginning, end};
use crate::cluster::{AccessError, annotate};

/// The name that the API server keeps the annotation under.
const FIELD_MANAGER: &str = "ferrolb-pool-drain";
/// How often the annotation is tried to be taken off, and the pause in between.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Moves Services.
pub(super) struct Mover {
    pub(super) client: Client,
    pub(super) timeout: Duration,
    pub(super) stop: Shutdown,
}

/// What became of one Service.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Step {
    Ended(Fate),
    /// The process was told to stop.
    Interrupted,
}

impl Mover {
    /// Asks the Service to give the addresses up, and waits. The annotation is gone when this returns, unless an error
    /// says otherwise.
    pub(super) async fn move_one(
        &self,
        service: &ServiceKey,
        addresses: &BTreeSet<IpAddr>,
    ) -> anyhow::Result<Step> {
        let api: Api<Service> = Api::namespaced(self.client.clone(), &service.namespace);
        let deadline = Instant::now() + self.timeout;
        let name = &service.name;
        match self
            .until(&api, name, deadline, |seen| beginning(seen, addresses))
            .await?
        {
            Ok(Ok(())) => {}
            Ok(Err(fate)) => return Ok(Step::Ended(fate)),
            Err(step) => return Ok(step),
        }
        let asked = match ask(&api, name, Some(list(addresses.iter().copied()))).await {
            Ok(()) => {
                self.until(&api, name, deadline, |seen| end(seen, addresses))
                    .await
            }
            Err(kube::Error::Api(status)) if status.code == 404 => {
                return Ok(Step::Ended(Fate::NothingLeft));
            }
            Err(error @ kube::Error::Api(_)) => {
                return Err(AccessError::new::<Service>("patch", &error).into());
            }
            // It may have been written all the same.
            Err(error) => Err(AccessError::new::<Service>("patch", &error)),
        };
        withdraw(&api, service).await?;
        Ok(asked?.map_or_else(|step| step, Step::Ended))
    }

    fn late(&self, cause: Option<String>) -> Step {
        Step::Ended(Fate::Late {
            seconds: self.timeout.as_secs(),
            cause,
        })
    }

    /// Waits until `is` finds something in the Service, which is none once it is deleted; or how it ended before that.
    async fn until<T>(
        &self,
        api: &Api<Service>,
        name: &str,
        deadline: Instant,
        is: impl Fn(Option<&Service>) -> Option<T>,
    ) -> Result<Result<T, Step>, AccessError> {
        let mut states = pin!(watch_object(api.clone(), name).default_backoff());
        let mut trouble = None;
        loop {
            let next = tokio::select! {
                () = self.stop.draining() => return Ok(Err(Step::Interrupted)),
                next = timeout_at(deadline, states.next()) => next,
            };
            match next {
                Err(_elapsed) => return Ok(Err(self.late(trouble))),
                Ok(None) => {}
                Ok(Some(Ok(seen))) => {
                    if let Some(found) = is(seen.as_ref()) {
                        return Ok(Ok(found));
                    }
                }
                Ok(Some(Err(error))) => trouble = Some(lasting(error)?),
            }
        }
    }
}

/// What to say of an error that may pass by itself; a missing right does not.
fn lasting(error: watcher::Error) -> Result<String, AccessError> {
    let (verb, cause) = match &error {
        watcher::Error::InitialListFailed(cause) => ("list", cause),
        watcher::Error::WatchStartFailed(cause) => ("watch", cause),
        other => return Ok(other.to_string()),
    };
    match AccessError::new::<Service>(verb, cause) {
        forbidden @ AccessError::Forbidden { .. } => Err(forbidden),
        passing => Ok(passing.to_string()),
    }
}

async fn ask(api: &Api<Service>, name: &str, value: Option<String>) -> Result<(), kube::Error> {
    annotate(api, name, FIELD_MANAGER, json!({ GIVE_UP: value })).await
}

async fn withdraw(api: &Api<Service>, service: &ServiceKey) -> anyhow::Result<()> {
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        match ask(api, &service.name, None).await {
            Ok(()) => return Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
            Err(error) if left == 0 => {
                let (namespace, name) = (&service.namespace, &service.name);
                return Err(AccessError::new::<Service>("patch", &error)).map_err(|cause| {
                    anyhow::anyhow!(
                        "{cause}; the annotation may still be there: kubectl annotate -n {namespace} service {name} {GIVE_UP}-"
                    )
                });
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests;
