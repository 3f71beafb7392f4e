use std::time::Duration;

use futures::{FutureExt, stream};
use k8s_openapi::api::core::v1::Service;
use kube::core::Status;
use kube::runtime::watcher::{Error, Event};
use prometheus::TextEncoder;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::*;
use crate::dirty::{self, Wakes};
use crate::metrics;

type Item = watcher::Result<Event<Observed<Service>>>;

fn service(name: &str, spec: Value) -> Observed<Service> {
    let metadata = json!({"name": name, "namespace": "shop", "uid": format!("uid-{name}"), "resourceVersion": "1",
        "managedFields": [{"manager": "kubectl"}]});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
}

fn good(name: &str) -> Observed<Service> {
    service(name, json!({"clusterIP": "10.96.0.9"}))
}

fn bad(name: &str) -> Observed<Service> {
    service(name, json!({"ports": "none"}))
}

fn listed(names: &[&str]) -> Vec<Event<Observed<Service>>> {
    let objects = names.iter().map(|name| Event::InitApply(good(name)));
    [Event::Init]
        .into_iter()
        .chain(objects)
        .chain([Event::InitDone])
        .collect()
}

fn refused(code: u16) -> Item {
    let status = Status::failure("why", "").with_code(code);
    Err(Error::InitialListFailed(kube::Error::Api(status.boxed())))
}

/// A watch fed by hand: what the API server would have said goes in at one end.
struct Fed {
    input: mpsc::UnboundedSender<Item>,
    reflection: Reflection<Service>,
    readiness: Readiness,
    wakes: Wakes,
    registry: prometheus::Registry,
    follower: tokio::task::JoinHandle<()>,
}

fn fed() -> Fed {
    let (input, output) = mpsc::unbounded_channel();
    let events = stream::unfold(output, |mut output| async {
        Some((output.recv().await?, output))
    });
    let (dirty, wakes) = dirty::channel();
    let registry = metrics::registry();
    let readiness = Readiness::default();
    let metrics = WatchMetrics::register(&registry).unwrap();
    let (follower, reflection) = follower(
        Box::new(|_, object| object),
        &Reports {
            dirty,
            readiness: readiness.clone(),
            metrics,
        },
    );
    Fed {
        input,
        reflection,
        readiness,
        wakes,
        registry,
        follower: tokio::spawn(follower.run(events)),
    }
}

impl Fed {
    /// Lets the follower work on all of `items` at once, as if they had arrived in one packet.
    async fn says(&mut self, items: impl IntoIterator<Item = Item>) {
        items.into_iter().for_each(|item| self.input.send(item).unwrap());
        tokio::task::yield_now().await;
    }

    async fn hears(&mut self, events: impl IntoIterator<Item = Event<Observed<Service>>>) {
        self.says(events.into_iter().map(Ok)).await;
    }

    fn names(&self) -> Vec<String> {
        self.reflection
            .snapshot()
            .keys()
            .map(ToString::to_string)
            .collect()
    }

    fn woken(&mut self) -> bool {
        self.wakes.wait().now_or_never().is_some()
    }

    fn metrics(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap()
    }
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("shop", name)
}

#[tokio::test]
async fn a_list_is_invisible_until_it_is_complete() {
    let mut fed = fed();
    fed.hears([Event::Init, Event::InitApply(good("a"))]).await;
    assert!(fed.names().is_empty() && !fed.woken());
    fed.hears([Event::InitApply(good("b")), Event::InitDone]).await;
    assert_eq!(fed.names(), ["shop/a", "shop/b"]);
    assert!(fed.woken());
}

#[tokio::test]
async fn the_resource_is_ready_after_its_first_list() {
    let mut fed = fed();
    assert_eq!(fed.readiness.missing(), ["services"]);
    fed.hears(listed(&[])).await;
    assert!(fed.readiness.missing().is_empty());
}

#[tokio::test]
async fn applies_and_deletions_follow_the_list() {
    let mut fed = fed();
    fed.hears(listed(&["a", "b"])).await;
    fed.hears([Event::Apply(good("c")), Event::Delete(good("a"))])
        .await;
    assert_eq!(fed.names(), ["shop/b", "shop/c"]);
}

#[tokio::test]
async fn a_new_list_replaces_the_old_one_at_once() {
    let mut fed = fed();
    fed.hears(listed(&["a", "b"])).await;
    fed.hears([Event::Init, Event::InitApply(good("c"))]).await;
    assert_eq!(
        fed.names(),
        ["shop/a", "shop/b"],
        "the old list stays while the new one is read"
    );
    fed.hears([Event::InitDone]).await;
    assert_eq!(fed.names(), ["shop/c"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_leaves_nothing_behind() {
    let mut fed = fed();
    fed.hears(listed(&["a"])).await;
    fed.hears([Event::Init, Event::InitApply(good("half"))]).await;
    fed.says([refused(500)]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    fed.hears(listed(&["b"])).await;
    assert_eq!(fed.names(), ["shop/b"]);
}

#[tokio::test]
async fn an_object_that_cannot_be_decoded_replaces_its_earlier_value() {
    let mut fed = fed();
    fed.hears(listed(&["a", "b"])).await;
    fed.hears([Event::Apply(bad("a"))]).await;
    let snapshot = fed.reflection.snapshot();
    let undecodable = snapshot[&key("a")].undecodable().expect("the old value is gone");
    assert_eq!(undecodable.raw["spec"], json!({"ports": "none"}));
    let problem = &undecodable.problem;
    assert!(
        problem.message.starts_with("spec.ports: invalid type"),
        "{}",
        problem.message
    );
    let object = serde_json::to_value(&problem.object).unwrap();
    let expected =
        json!({"apiVersion": "v1", "kind": "Service", "namespace": "shop", "name": "a", "uid": "uid-a"});
    assert_eq!(object, expected);
    assert!(snapshot[&key("b")].object().is_some());
}

#[tokio::test]
async fn an_object_that_cannot_be_decoded_does_not_hide_the_rest_of_a_list() {
    let mut fed = fed();
    fed.hears([
        Event::Init,
        Event::InitApply(bad("a")),
        Event::InitApply(good("b")),
        Event::InitDone,
    ])
    .await;
    assert_eq!(fed.names(), ["shop/a", "shop/b"]);
    assert!(
        fed.metrics()
            .contains("ferrolb_watch_undecodable_objects{resource=\"services\"} 1")
    );
}

#[tokio::test]
async fn a_repaired_object_is_an_object_again() {
    let mut fed = fed();
    fed.hears([
        Event::Init,
        Event::InitApply(bad("a")),
        Event::InitDone,
        Event::Apply(good("a")),
    ])
    .await;
    assert!(fed.reflection.snapshot()[&key("a")].object().is_some());
}

#[tokio::test]
async fn an_object_that_became_undecodable_can_be_deleted() {
    let mut fed = fed();
    fed.hears(listed(&["a"])).await;
    fed.hears([Event::Apply(bad("a"))]).await;
    fed.hears([Event::Delete(bad("a"))]).await;
    assert!(fed.names().is_empty());
}

#[tokio::test]
async fn deleting_what_is_not_there_changes_nothing() {
    let mut fed = fed();
    fed.hears(listed(&["a"])).await;
    assert!(fed.woken());
    fed.hears([Event::Delete(good("other"))]).await;
    assert!(!fed.woken());
}

#[tokio::test]
async fn a_burst_wakes_once_and_is_seen_whole() {
    let mut fed = fed();
    fed.hears(listed(&["a"])).await;
    assert!(fed.woken());
    fed.hears((0..100).map(|number| Event::Apply(good(&format!("s{number}")))))
        .await;
    assert_eq!(fed.names().len(), 101);
    assert!(fed.woken());
    assert!(!fed.woken());
}

#[tokio::test]
async fn a_snapshot_in_use_does_not_change() {
    let mut fed = fed();
    fed.hears(listed(&["a"])).await;
    let before = fed.reflection.snapshot();
    fed.hears([Event::Delete(good("a"))]).await;
    assert_eq!(before.len(), 1);
    assert!(fed.names().is_empty());
}

#[tokio::test]
async fn a_snapshot_nobody_holds_is_changed_in_place() {
    let mut fed = fed();
    fed.hears(listed(&["a"])).await;
    let before = Arc::as_ptr(&fed.reflection.snapshot());
    fed.hears([Event::Apply(good("b"))]).await;
    assert_eq!(Arc::as_ptr(&fed.reflection.snapshot()), before);
}

#[tokio::test]
async fn the_version_grows_with_each_change_also_with_those_in_place() {
    let mut fed = fed();
    let mut versions = vec![fed.reflection.version()];
    for change in [
        listed(&["a"]),
        vec![Event::Apply(good("a"))],
        vec![Event::Apply(good("b")), Event::Delete(good("a"))],
        listed(&["b"]),
    ] {
        fed.hears(change).await;
        versions.push(fed.reflection.version());
    }
    assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
}

#[tokio::test]
async fn the_version_stays_while_the_snapshot_does() {
    let mut fed = fed();
    fed.hears(listed(&["a"])).await;
    let (version, snapshot) = fed.reflection.versioned();
    fed.hears([
        Event::Delete(good("other")),
        Event::Init,
        Event::InitApply(good("b")),
    ])
    .await;
    assert_eq!(fed.reflection.version(), version);
    assert!(Arc::ptr_eq(&fed.reflection.snapshot(), &snapshot));
}

#[test]
fn no_two_reflections_have_a_version_in_common() {
    let [one, other] = [BTreeMap::new(), BTreeMap::new()].map(Reflection::<Service>::fixed);
    assert_ne!(one.version(), other.version());
}

#[tokio::test]
async fn managed_fields_and_what_the_caller_drops_are_not_kept() {
    let (dirty, _wakes) = dirty::channel();
    let metrics = WatchMetrics::register(&metrics::registry()).unwrap();
    let reports = Reports {
        dirty,
        readiness: Readiness::default(),
        metrics,
    };
    let (follower, reflection) = follower(
        Box::new(|_, service: Service| Service {
            spec: None,
            ..service
        }),
        &reports,
    );
    follower
        .run(stream::iter(listed(&["a"]).into_iter().map(Ok)))
        .await;
    let snapshot = reflection.snapshot();
    let service = snapshot[&key("a")].object().unwrap();
    assert!(service.metadata.managed_fields.is_none() && service.spec.is_none());
    assert_eq!(service.metadata.name.as_deref(), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn a_failing_watch_keeps_the_snapshot_and_goes_on_trying() {
    let mut fed = fed();
    fed.hears(listed(&["a"])).await;
    fed.says((0..50).map(|_| refused(403))).await;
    assert_eq!(fed.names(), ["shop/a"]);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let metrics = fed.metrics();
    let failures = "ferrolb_watch_failures_total{cause=\"forbidden\",resource=\"services\"} 50";
    assert!(metrics.contains(failures), "{metrics}");
    fed.hears([Event::Apply(good("b"))]).await;
    assert_eq!(fed.names(), ["shop/a", "shop/b"]);
}

#[tokio::test(start_paused = true)]
async fn a_failing_watch_waits_before_it_tries_again() {
    let mut fed = fed();
    fed.hears(listed(&[])).await;
    fed.says([refused(500), Ok(Event::Apply(good("a")))]).await;
    assert!(fed.names().is_empty());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(fed.names(), ["shop/a"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_up_while_it_works() {
    let up = |fed: &Fed| {
        fed.metrics()
            .contains("ferrolb_watch_up{resource=\"services\"} 1")
    };
    let mut fed = fed();
    fed.hears([Event::Init]).await;
    assert!(!up(&fed), "asking for a list proves nothing");
    fed.hears([Event::InitDone]).await;
    assert!(up(&fed));
    fed.says([refused(403)]).await;
    assert!(!up(&fed));
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(
        up(&fed),
        "a watch that was resumed without an event counts as up after a while"
    );
}

#[tokio::test]
async fn a_watch_nobody_reads_ends() {
    let Fed {
        reflection,
        follower,
        input,
        ..
    } = fed();
    drop(reflection);
    follower.await.unwrap();
    drop(input);
}

#[test]
fn a_list_is_read_as_a_watch_would_show_it() {
    let list = json!({"kind": "ServiceList", "items": [
        {"metadata": {"name": "web", "namespace": "shop", "managedFields": [{"manager": "kubectl"}]},
            "spec": {"clusterIP": "10.96.0.9"}},
        {"metadata": {"name": "odd", "namespace": "shop"}, "spec": {"ports": "none"}},
    ]});
    let snapshot = super::listed::<Service>(&list.to_string()).unwrap();
    let found = |name| &snapshot[&ObjectKey::new("shop", name)];
    let web = found("web").object().unwrap();
    assert!(web.metadata.managed_fields.is_none() && web.spec.is_some());
    assert!(
        found("odd")
            .undecodable()
            .unwrap()
            .problem
            .message
            .contains("ports")
    );
    assert!(super::listed::<Service>(r#"{"kind": "Status"}"#).is_err());
}
