//! How long nodes that do not hear each other have said the same of a Service: the condition waits until both have had
//! their say, so that it is written once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ferrolb_crds::domain::{NodeName, ServiceKey};
use tokio::time::Instant;

/// After the death of a node that announced a thousand Services, its objects are there for some seconds.
const SETTLED: Duration = Duration::from_secs(10);

/// The other nodes that say to announce a Service, and since when they are the same.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    since: BTreeMap<ServiceKey, (BTreeSet<NodeName>, Instant)>,
    followed: Option<Instant>,
}

impl Settling {
    /// Takes in which nodes say that they announce which Services now.
    pub(crate) fn follow(&mut self, rivals: &BTreeMap<ServiceKey, BTreeSet<NodeName>>, now: Instant) {
        self.since
            .retain(|service, (known, _)| rivals.get(service) == Some(known));
        self.followed = Some(now);
        for (service, nodes) in rivals {
            self.since
                .entry(service.clone())
                .or_insert_with(|| (nodes.clone(), now));
        }
    }

    /// Whether it has been the same for long enough.
    pub(crate) fn is_settled(&self, service: &ServiceKey, now: Instant) -> bool {
        let since = self.since.get(service).map(|(_, since)| *since);
        since.is_none_or(|since| now >= since + SETTLED)
    }

    /// When the next one is settled that was not when they were last followed.
    pub(crate) fn next(&self) -> Option<Instant> {
        let ends = self.since.values().map(|(_, since)| *since + SETTLED);
        ends.filter(|end| Some(*end) > self.followed).min()
    }
}
