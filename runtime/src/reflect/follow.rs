//! The task behind a watch: reads events, publishes bursts, tells of failures.

use std::pin::pin;

use futures::{FutureExt, Stream, StreamExt};
use kube::Resource;
use kube::runtime::watcher::{self, Event};

use super::health::{Failure, Health, explain};
use super::metrics::ResourceMetrics;
use super::observed::Observed;
use super::retry::{RESUMED, with_backoff};
use super::store::{Change, Store};
use crate::dirty::Dirty;
use crate::ready::Unready;

/// Events of one burst at most, so that a flood is published in pieces.
const BURST: usize = 1024;

/// Follows one watch into its store.
pub(super) struct Follower<K, V> {
    pub(super) store: Store<K, V>,
    pub(super) dirty: Dirty,
    /// Held until the first complete list.
    pub(super) unready: Option<Unready>,
    pub(super) metrics: ResourceMetrics,
    pub(super) health: Health,
}

type Item<K> = watcher::Result<Event<Observed<K>>>;

impl<K, V> Follower<K, V>
where
    K: Resource<DynamicType: Default>,
    V: Clone,
{
    /// Runs until the stream ends, which a watcher's never does, or nobody reads the store.
    pub(super) async fn run(mut self, events: impl Stream<Item = Item<K>>) {
        let mut events = pin!(with_backoff(events));
        loop {
            let first = tokio::select! {
                biased;
                () = self.store.unread() => return,
                first = events.next() => first,
                () = tokio::time::sleep(RESUMED), if self.health.is_failing() => {
                    self.works();
                    continue;
                }
            };
            let Some(first) = first else { return };
            let (burst, failure) = collect(first, &mut events);
            self.publish(burst);
            if let Some(error) = failure {
                self.failed(&error);
            }
        }
    }

    fn publish(&mut self, burst: Vec<Event<Observed<K>>>) {
        // Init comes before the list is asked for, so it proves nothing.
        if burst.iter().any(|event| !matches!(event, Event::Init)) {
            self.metrics.heard();
            self.works();
        }
        let Change { changed, listed } = self.store.apply(burst);
        if changed {
            let (objects, undecodable) = self.store.sizes();
            self.metrics
                .objects
                .set(i64::try_from(objects).unwrap_or(i64::MAX));
            self.metrics
                .undecodable
                .set(i64::try_from(undecodable).unwrap_or(i64::MAX));
        }
        if listed && let Some(unready) = self.unready.take() {
            tracing::debug!(
                resource = self.health.resource(),
                objects = self.store.sizes().0,
                "listed"
            );
            unready.done();
        }
        if changed {
            self.dirty.mark();
        }
    }

    fn works(&mut self) {
        self.metrics.up.set(1);
        if let Some(transition) = self.health.works() {
            transition.log(self.health.resource(), None);
        }
    }

    fn failed(&mut self, error: &watcher::Error) {
        let failure = Failure::of(error);
        self.metrics.failures(failure).inc();
        match self.health.failed(failure) {
            Some(transition) => {
                self.metrics.up.set(0);
                transition.log(self.health.resource(), Some(error));
            }
            None => tracing::debug!(
                resource = self.health.resource(),
                error = explain(error),
                "watch still fails"
            ),
        }
    }
}

/// `first` and whatever else is there already, up to a failure.
fn collect<K>(
    first: Item<K>,
    events: &mut (impl Stream<Item = Item<K>> + Unpin),
) -> (Vec<Event<Observed<K>>>, Option<watcher::Error>) {
    let mut burst = Vec::new();
    let mut next = Some(first);
    while let Some(item) = next {
        match item {
            Ok(event) => burst.push(event),
            Err(error) => return (burst, Some(error)),
        }
        let more = burst.len() < BURST;
        next = more.then(|| events.next().now_or_never()).flatten().flatten();
    }
    (burst, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use k8s_openapi::api::core::v1::Node;
    use kube::runtime::watcher::Error;

    /// How many events each burst holds and whether it ends in a failure, until `items` are used up.
    fn bursts(items: Vec<Item<Node>>) -> Vec<(usize, bool)> {
        let mut events = stream::iter(items);
        let mut bursts = Vec::new();
        while let Some(first) = events.next().now_or_never().flatten() {
            let (burst, failure) = collect(first, &mut events);
            bursts.push((burst.len(), failure.is_some()));
        }
        bursts
    }

    fn events(count: usize) -> impl Iterator<Item = Item<Node>> {
        (0..count).map(|_| Ok(Event::InitDone))
    }

    #[test]
    fn what_is_there_already_is_one_burst() {
        assert_eq!(bursts(events(100).collect()), [(100, false)]);
    }

    #[test]
    fn a_flood_is_published_in_pieces() {
        assert_eq!(bursts(events(BURST + 1).collect()), [(BURST, false), (1, false)]);
    }

    #[test]
    fn a_failure_ends_a_burst_without_losing_what_came_before() {
        let items = events(2)
            .chain([Err(Error::NoResourceVersion)])
            .chain(events(1))
            .collect();
        assert_eq!(bursts(items), [(2, true), (1, false)]);
    }
}
