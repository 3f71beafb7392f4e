//! Keeps a watch that ends at once from being asked for again at once.
//!
//! `kube`'s watcher takes the end of a watch for nothing special and asks again without a pause, since the API server ends
//! each watch after some minutes. A proxy, or an API server that is going down, may end each at once: then thousands of
//! requests a second would follow. client-go waits after such a watch, too.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Uri};
use tokio::time::{Instant, sleep_until};
use tower::Service;

use crate::backoff::{Jitter, OF_WATCHES, STEADY};

/// Delays watches that follow the last one of the same objects within 5 s; all other requests pass.
#[derive(Clone, Debug)]
pub(crate) struct PacedWatches<S> {
    inner: S,
    recent: Arc<Mutex<Recent>>,
}

/// The last watch of each set of objects. Pure.
#[derive(Debug, Default)]
struct Recent(HashMap<String, Last>);

#[derive(Clone, Copy, Debug)]
struct Last {
    began: Instant,
    /// How many before it in a row ended soon.
    short: u32,
}

impl<S> PacedWatches<S> {
    /// Around this client.
    pub(crate) fn around(inner: S) -> Self {
        let recent = Arc::default();
        Self { inner, recent }
    }
}

impl<S, B> Service<Request<B>> for PacedWatches<S>
where
    S: Service<Request<B>, Future: Send> + Clone + Send + 'static,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Some(objects) = watched(request.uri()) else {
            return Box::pin(self.inner.call(request));
        };
        let now = Instant::now();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let due = recent.due(objects, now, Jitter::random());
        // The clone is the one that may not be ready.
        let next = self.inner.clone();
        let mut ready = mem::replace(&mut self.inner, next);
        Box::pin(async move {
            if due > now {
                sleep_until(due).await;
            }
            ready.call(request).await
        })
    }
}

impl Recent {
    /// When a watch of these objects may begin; it counts as begun then.
    fn due(&mut self, objects: String, now: Instant, jitter: Jitter) -> Instant {
        self.0.retain(|_, last| now < last.began + STEADY);
        let last = self.0.get(&objects);
        let short = last.map_or(0, |last| last.short.saturating_add(1));
        let began = last.map_or(now, |last| now + OF_WATCHES.delay(last.short, jitter));
        self.0.insert(objects, Last { began, short });
        began
    }
}

/// What is watched: the path and the selectors, without the version to go on from.
fn watched(uri: &Uri) -> Option<String> {
    let parameters = uri.query()?.split('&');
    let selectors: Vec<&str> = parameters
        .clone()
        .filter(|one| !one.starts_with("resourceVersion"))
        .collect();
    let is_watch = parameters.into_iter().any(|one| one == "watch=true");
    is_watch.then(|| format!("{}?{}", uri.path(), selectors.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::time::Duration;

    #[rstest]
    #[case::list("/api/v1/pods?&limit=500&resourceVersion=0", None)]
    #[case::watch(
        "/api/v1/pods?&watch=true&timeoutSeconds=290&resourceVersion=7",
        Some("/api/v1/pods?&watch=true&timeoutSeconds=290")
    )]
    #[case::patch("/api/v1/namespaces/a/services/b/status", None)]
    fn a_watch_is_known_by_its_objects(#[case] uri: &str, #[case] expected: Option<&str>) {
        assert_eq!(watched(&uri.parse().unwrap()).as_deref(), expected);
    }

    #[test]
    fn watches_that_end_at_once_begin_ever_more_seldom() {
        let (mut recent, mut now) = (Recent::default(), Instant::now());
        let mut delays = Vec::new();
        for _ in 0..9 {
            let due = recent.due("pods".to_owned(), now, Jitter::NONE);
            delays.push((due - now).as_millis());
            now = due;
        }
        assert_eq!(delays, [0, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000]);
    }

    #[test]
    fn a_watch_that_lasted_is_followed_by_the_next_at_once() {
        let (mut recent, now) = (Recent::default(), Instant::now());
        recent.due("pods".to_owned(), now, Jitter::NONE);
        let again = recent.due("pods".to_owned(), now, Jitter::NONE);
        assert_eq!(again - now, Duration::from_millis(200));
        let later = again + STEADY;
        assert_eq!(recent.due("pods".to_owned(), later, Jitter::NONE), later);
    }

    #[test]
    fn watches_of_other_objects_do_not_wait() {
        let (mut recent, now) = (Recent::default(), Instant::now());
        recent.due("pods".to_owned(), now, Jitter::NONE);
        assert_eq!(recent.due("nodes".to_owned(), now, Jitter::NONE), now);
    }
}
