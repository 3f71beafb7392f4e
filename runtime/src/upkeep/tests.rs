use std::time::Duration;

use http::{Method, Request, Response};
use k8s_openapi::api::core::v1::Pod;
use kube::client::Body;
use prometheus::IntCounter;
use serde_json::{Value, json};
use tokio::time::timeout;
use tower_test::mock::{self, Handle, SendResponse};

use super::*;
use crate::metrics;
use crate::patch::WriteCounters;

const LONG: Duration = Duration::from_secs(3600);

/// The owner of the object, and the phase in its status.
type Want = (&'static str, &'static str);

/// An API server with at most one object, on a clock that leaps when nothing else is left to do.
struct Server {
    requests: Handle<Request<Body>, Response<Body>>,
    listed: Vec<Value>,
    asked: Vec<String>,
    watch: Option<SendResponse<Response<Body>>>,
}

/// A write that waits for its answer.
struct Write {
    path: String,
    body: Value,
    answer: SendResponse<Response<Body>>,
}

fn start(listed: Vec<Value>) -> (watch::Sender<Wanted<Want>>, Server) {
    keep(Objects::Named("state".to_owned()), listed)
}

fn keep(objects: Objects, listed: Vec<Value>) -> (watch::Sender<Wanted<Want>>, Server) {
    let (service, requests) = mock::pair();
    let counter = |name| IntCounter::new(name, "test").unwrap();
    let counters = WriteCounters {
        updates: counter("updates"),
        errors: counter("errors"),
    };
    let upkeep = Upkeep {
        client: Client::new(service, "default"),
        namespace: "ours".to_owned(),
        objects,
        interval: INTERVAL,
        writer: Writer::new("ferrolb-test", 100 * LONG, counters),
        metrics: WatchMetrics::register(&metrics::registry()).unwrap(),
    };
    let server = Server {
        requests,
        listed,
        asked: Vec::new(),
        watch: None,
    };
    (upkeep.start(build), server)
}

/// The one object, as this.
fn the(want: Want) -> Wanted<Want> {
    Some(BTreeMap::from([("state".to_owned(), want)]))
}

fn build((owner, phase): &Want, _seen: Option<&Pod>) -> Pod {
    serde_json::from_value(object("", owner, phase)).unwrap()
}

fn object(version: &str, owner: &str, phase: &str) -> Value {
    let owner = json!({ "apiVersion": "v1", "kind": "Pod", "name": owner, "uid": owner });
    let metadata = json!({ "namespace": "ours", "name": "state", "uid": "u", "resourceVersion": version,
        "labels": { "a": "1" }, "ownerReferences": [owner] });
    let mut object = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata });
    if !phase.is_empty() {
        object["status"] = json!({ "phase": phase });
    }
    object
}

impl Server {
    /// The next write, or none if there is none within this time. Lists and watches are served meanwhile.
    async fn write_within(&mut self, time: Duration) -> Option<Write> {
        timeout(time, self.next_write()).await.ok()
    }

    async fn next_write(&mut self) -> Write {
        loop {
            let (request, answer) = self.requests.next_request().await.unwrap();
            let uri = request.uri().to_string();
            if [Method::PATCH, Method::DELETE].contains(request.method()) {
                let body = request.into_body().collect_bytes().await.unwrap();
                let body = serde_json::from_slice(&body).unwrap();
                let path = uri.split('?').next().unwrap().to_owned();
                return Write { path, body, answer };
            }
            if uri.contains("watch=true") {
                self.watch = Some(answer);
            } else {
                send(answer, 200, &list(&self.listed));
            }
            self.asked.push(uri);
        }
    }

    /// Shows this in the watch, once one is open.
    async fn show(&mut self, kind: &str, object: &Value) {
        if self.watch.is_none() {
            assert!(self.write_within(LONG).await.is_none());
        }
        send(
            self.watch.take().unwrap(),
            200,
            &json!({ "type": kind, "object": object }),
        );
    }

    async fn is_left_alone(&mut self) -> bool {
        self.write_within(LONG).await.is_none()
    }
}

impl Write {
    fn lands(self, version: &str) {
        send(
            self.answer,
            200,
            &json!({ "metadata": { "resourceVersion": version } }),
        );
    }

    fn fails(self, code: u16) {
        let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "no", "reason": "Forbidden", "code": code });
        send(self.answer, code, &status);
    }
}

fn list(items: &[Value]) -> Value {
    json!({ "kind": "PodList", "apiVersion": "v1", "metadata": { "resourceVersion": "7" }, "items": items })
}

fn send(answer: SendResponse<Response<Body>>, code: u16, body: &Value) {
    let body = Body::from(format!("{body}\n").into_bytes());
    answer.send_response(Response::builder().status(code).body(body).unwrap());
}

const OBJECT: &str = "/api/v1/namespaces/ours/pods/state";
const STATUS: &str = "/api/v1/namespaces/ours/pods/state/status";

#[tokio::test(start_paused = true)]
async fn nothing_is_written_before_something_is_wanted() {
    let (_wanted, mut server) = start(Vec::new());
    assert!(server.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn only_the_object_itself_is_watched() {
    let (_wanted, mut server) = start(Vec::new());
    assert!(server.is_left_alone().await);
    assert_eq!(server.asked.len(), 2);
    for uri in server.asked {
        assert!(uri.contains("fieldSelector=metadata.name%3Dstate"), "{uri}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_object_is_made_then_its_status_then_it_is_left_alone() {
    let (wanted, mut server) = start(Vec::new());
    wanted.send_replace(the(("pod-1", "Running")));
    let write = server.next_write().await;
    assert_eq!(write.path, OBJECT);
    assert_eq!(write.body["metadata"]["labels"], json!({ "a": "1" }));
    write.lands("8");
    server.show("ADDED", &object("8", "pod-1", "")).await;
    let write = server.next_write().await;
    assert_eq!(
        (write.path.as_str(), &write.body["status"]),
        (STATUS, &json!({ "phase": "Running" }))
    );
    write.lands("9");
    server.show("MODIFIED", &object("9", "pod-1", "Running")).await;
    assert!(server.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_finds_everything_as_wanted_writes_nothing() {
    let (wanted, mut server) = start(vec![object("3", "pod-1", "Running")]);
    wanted.send_replace(the(("pod-1", "Running")));
    assert!(server.is_left_alone().await);
    wanted.send_replace(the(("pod-1", "Running")));
    assert!(server.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_another_pod_replaces_the_owner_in_one_write() {
    let (wanted, mut server) = start(vec![object("3", "pod-1", "Running")]);
    wanted.send_replace(the(("pod-2", "Running")));
    let write = server.next_write().await;
    assert_eq!(write.path, OBJECT);
    assert_eq!(write.body["metadata"]["ownerReferences"][0]["uid"], "pod-2");
    write.lands("8");
    server.show("MODIFIED", &object("8", "pod-2", "Running")).await;
    assert!(server.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_deletes_is_made_again() {
    let (wanted, mut server) = start(vec![object("3", "pod-1", "Running")]);
    wanted.send_replace(the(("pod-1", "Running")));
    server.show("DELETED", &object("8", "pod-1", "Running")).await;
    assert_eq!(server.next_write().await.path, OBJECT);
}

#[tokio::test(start_paused = true)]
async fn whoever_wants_nothing_any_more_leaves_it_to_others() {
    let (wanted, mut server) = start(vec![object("3", "pod-1", "Running")]);
    wanted.send_replace(the(("pod-1", "Running")));
    assert!(server.is_left_alone().await);
    wanted.send_replace(None);
    server.show("MODIFIED", &object("8", "pod-2", "Pending")).await;
    server.show("DELETED", &object("9", "pod-2", "Pending")).await;
    assert!(server.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_failed_is_sent_again() {
    let (wanted, mut server) = start(Vec::new());
    wanted.send_replace(the(("pod-1", "Running")));
    let mut paths = Vec::new();
    for code in [500, 403, 409] {
        let write = server.next_write().await;
        paths.push(write.path.clone());
        write.fails(code);
    }
    server.next_write().await.lands("8");
    assert_eq!(paths, [OBJECT; 3]);
}

#[tokio::test(start_paused = true)]
async fn new_values_do_not_hasten_a_write_that_failed() {
    let (wanted, mut server) = start(Vec::new());
    wanted.send_replace(the(("pod-1", "Running")));
    server.next_write().await.fails(403);
    assert!(server.write_within(Duration::from_millis(100)).await.is_none());
    wanted.send_replace(the(("pod-1", "Pending")));
    assert!(server.write_within(Duration::from_millis(100)).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn there_are_never_two_writes_at_a_time_and_the_newest_value_comes_next() {
    let (wanted, mut server) = start(vec![object("3", "pod-1", "Running")]);
    wanted.send_replace(the(("pod-1", "Pending")));
    let first = server.next_write().await;
    wanted.send_replace(the(("pod-1", "Failed")));
    wanted.send_replace(the(("pod-1", "Succeeded")));
    assert!(server.is_left_alone().await);
    first.lands("8");
    server.show("MODIFIED", &object("8", "pod-1", "Pending")).await;
    assert_eq!(server.next_write().await.body["status"]["phase"], "Succeeded");
}

#[tokio::test(start_paused = true)]
async fn a_new_value_waits_until_the_last_write_is_seen() {
    let (wanted, mut server) = start(vec![object("3", "pod-1", "Running")]);
    wanted.send_replace(the(("pod-1", "Pending")));
    server.next_write().await.lands("8");
    wanted.send_replace(the(("pod-1", "Succeeded")));
    assert!(server.write_within(Duration::from_secs(5)).await.is_none());
    server.show("MODIFIED", &object("8", "pod-1", "Pending")).await;
    let next = server.write_within(Duration::from_secs(1)).await.unwrap();
    assert_eq!(next.body["status"]["phase"], "Succeeded");
}

fn several() -> (watch::Sender<Wanted<Want>>, Server) {
    let mut left = object("3", "pod-1", "Running");
    left["metadata"]["name"] = json!("left");
    let label = Objects::Labelled("a=1".to_owned());
    keep(label, vec![object("4", "pod-1", "Running"), left])
}

#[tokio::test(start_paused = true)]
async fn of_several_only_those_with_the_label_are_watched() {
    let (_wanted, mut server) = several();
    assert!(server.is_left_alone().await);
    for uri in server.asked {
        assert!(uri.contains("labelSelector=a%3D1"), "{uri}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_those_that_nobody_wants_are_deleted_and_nothing_before_that_is_known() {
    let (wanted, mut server) = several();
    assert!(server.is_left_alone().await);
    wanted.send_replace(the(("pod-1", "Running")));
    let deletion = server.next_write().await;
    assert_eq!(deletion.path, "/api/v1/namespaces/ours/pods/left");
    assert_eq!(deletion.body["preconditions"]["uid"], "u");
    deletion.lands("8");
    let mut left = object("8", "pod-1", "Running");
    left["metadata"]["name"] = json!("left");
    server.show("DELETED", &left).await;
    assert!(server.is_left_alone().await);
}

#[tokio::test(start_paused = true)]
async fn of_several_one_that_is_refused_holds_up_no_other() {
    let (wanted, mut server) = keep(Objects::Labelled("a=1".to_owned()), Vec::new());
    let both = ["first", "second"].map(|name| (name.to_owned(), ("pod-1", "Running")));
    wanted.send_replace(Some(BTreeMap::from(both)));
    let first = server.next_write().await;
    first.fails(403);
    let second = server.next_write().await;
    assert_eq!(second.path, "/api/v1/namespaces/ours/pods/second");
}
