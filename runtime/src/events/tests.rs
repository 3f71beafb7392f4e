use std::cell::RefCell;

use http::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tower_test::mock;

use super::*;

fn notice(note: &str) -> Notice {
    Notice {
        regarding: ObjectReference {
            api_version: Some("v1".into()),
            kind: Some("Service".into()),
            namespace: Some("shop".into()),
            name: Some("web".into()),
            uid: Some("u-1".into()),
            resource_version: Some(note.len().to_string()),
            ..ObjectReference::default()
        },
        severity: EventType::Warning,
        reason: "AllocationFailed".into(),
        note: note.into(),
    }
}

fn transient() -> Result<(), Failure> {
    Err(Failure::Transient("connection refused".into()))
}

/// Runs the task over `notices`, answering with `answers` in turn; returns what was told and what was lost.
async fn run(notices: &[&str], answers: &[Result<(), Failure>]) -> (Vec<String>, u64, [u64; 3]) {
    let (sink, queue, told) = EventSink::queue(&Registry::new(), 2).unwrap();
    let lost = sink.lost.clone();
    let task = Task {
        notices: queue,
        told: told.clone(),
        lost: lost.clone(),
        failing: false,
    };
    notices.iter().for_each(|note| sink.publish(notice(note)));
    drop(sink);
    let tried = RefCell::new(Vec::new());
    task.run(async |notice: &Notice| {
        let answer = answers.get(tried.borrow().len()).cloned().unwrap_or(Ok(()));
        tried.borrow_mut().push(notice.note.clone());
        answer
    })
    .await;
    let lost = ["queue_full", "refused", "unreachable"].map(|cause| lost.with_label_values(&[cause]).get());
    (tried.into_inner(), told.get(), lost)
}

#[tokio::test]
async fn notices_are_told_in_order_and_the_task_ends_with_the_last_sink() {
    assert_eq!(
        run(&["a", "b"], &[]).await,
        (vec!["a".into(), "b".into()], 2, [0, 0, 0])
    );
}

#[tokio::test]
async fn a_full_queue_loses_the_newest_and_counts_it() {
    assert_eq!(
        run(&["a", "b", "c", "d"], &[]).await,
        (vec!["a".into(), "b".into()], 2, [2, 0, 0])
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_may_pass_is_tried_again() {
    let (tried, told, lost) = run(&["a"], &[transient(), transient(), Ok(())]).await;
    assert_eq!((tried.len(), told, lost), (3, 1, [0, 0, 0]));
}

#[tokio::test(start_paused = true)]
async fn after_a_few_failures_a_notice_is_given_up_and_the_next_is_told() {
    let failures = vec![transient(); 4];
    let (tried, told, lost) = run(&["a", "b"], &failures).await;
    assert_eq!(
        (tried, told, lost),
        (["a", "a", "a", "a", "b"].map(String::from).into(), 1, [0, 0, 1])
    );
}

#[tokio::test]
async fn a_refused_notice_is_not_tried_again() {
    let (tried, told, lost) = run(&["a"], &[Err(Failure::Final("forbidden".into()))]).await;
    assert_eq!((tried.len(), told, lost), (1, 0, [0, 1, 0]));
}

#[test]
fn a_refusal_by_the_api_server_is_final_and_its_overload_is_not() {
    let failure = |code| {
        let status = kube::core::Status::failure("why", "").with_code(code);
        Failure::of(&kube::Error::Api(status.boxed()))
    };
    assert_eq!(failure(403), Failure::Final("why".into()));
    assert_eq!(failure(429), Failure::Transient("why".into()));
    assert_eq!(failure(500), Failure::Transient("why".into()));
}

#[test]
fn a_long_note_is_cut_between_characters() {
    let cut = shortened(&"ä".repeat(600), NOTE_LIMIT);
    assert!(
        cut.len() <= NOTE_LIMIT && cut.ends_with("ä…"),
        "{} bytes",
        cut.len()
    );
    assert_eq!(shortened("short", NOTE_LIMIT), "short");
}

/// What the recorder sends for `notices`, told one after the other.
async fn requests(notices: &[Notice]) -> Vec<(String, String, Value)> {
    let (service, mut server) = mock::pair::<Request<Body>, Response<Body>>();
    let instance = Some("controller-0".to_owned());
    let mut recorder = Recorder::new(Client::new(service, "default"), "a-controller", instance);
    let mut requests = Vec::new();
    for notice in notices {
        let serve = async {
            let (request, send) = server.next_request().await.unwrap();
            let (head, body) = request.into_parts();
            let bytes = body.collect_bytes().await.unwrap();
            send.send_response(Response::new(Body::from(bytes.to_vec())));
            (
                head.method.to_string(),
                head.uri.path().to_owned(),
                serde_json::from_slice(&bytes).unwrap(),
            )
        };
        let (result, request) = futures::join!(publish(&mut recorder, notice), serve);
        assert_eq!(result, Ok(()));
        requests.push(request);
    }
    requests
}

#[tokio::test]
async fn an_event_names_object_reason_and_reporter() {
    let requests = requests(&[notice("no address is free")]).await;
    let (method, path, event) = &requests[0];
    assert_eq!(
        (method.as_str(), path.as_str()),
        ("POST", "/apis/events.k8s.io/v1/namespaces/shop/events")
    );
    assert_eq!(event["reason"], "AllocationFailed");
    assert_eq!(event["type"], "Warning");
    assert_eq!(event["note"], "no address is free");
    assert_eq!(event["reportingController"], "a-controller");
    assert_eq!(event["reportingInstance"], "controller-0");
    let regarding =
        json!({"apiVersion": "v1", "kind": "Service", "namespace": "shop", "name": "web", "uid": "u-1"});
    assert_eq!(event["regarding"], regarding);
}

#[tokio::test]
async fn the_same_notice_again_becomes_a_series() {
    let again = Notice {
        regarding: ObjectReference {
            resource_version: Some("99".into()),
            ..notice("full").regarding
        },
        ..notice("full")
    };
    let requests = requests(&[notice("full"), again]).await;
    assert_eq!(requests[1].0, "PATCH");
    assert_eq!(requests[1].2["series"]["count"], 2);
}

#[tokio::test]
async fn another_text_for_the_same_reason_is_an_event_of_its_own() {
    let requests = requests(&[notice("pool blue is full"), notice("pool red is full")]).await;
    assert_eq!(requests[1].0, "POST");
    assert_eq!(requests[1].2["note"], "pool red is full");
}
