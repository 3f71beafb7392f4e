//! What a watch asks of an API server that is in trouble, request by request.

use std::sync::Mutex;
use std::time::Duration;

use http::{Request, Response};
use k8s_openapi::api::core::v1::Pod;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower_test::mock;

use super::*;
use crate::client::PacedWatches;
use crate::{dirty, metrics};

const OUTAGE: Duration = Duration::from_secs(600);
/// The first seven delays are half of 0.2 to 12.8 s at least, together 12.7 s, all later ones 7.5 s.
const AT_MOST: usize = 1 + 7 + 79;

/// What the API server does with lists and watches.
#[derive(Clone, Copy)]
enum Mood {
    /// Every request is refused.
    Refuses,
    /// Lists are answered, watches refused.
    Lists,
    /// Lists are answered, watches end at once.
    Ends,
    /// Lists break off after their first page.
    BreaksOff,
    /// Lists are answered, watches stay open.
    Works,
}

type Open = mock::SendResponse<Response<Body>>;

/// An API server without pods that notes when it is asked for what.
struct Server {
    mood: Arc<Mutex<Mood>>,
    asked: Arc<Mutex<Vec<Instant>>>,
    /// Watches that are not answered yet.
    open: Arc<Mutex<Vec<Open>>>,
    reflection: Reflection<Pod>,
    reports: Reports,
}

fn json_response(code: u16, body: &Value) -> Response<Body> {
    let body = Body::from(format!("{body}\n").into_bytes());
    Response::builder().status(code).body(body).unwrap()
}

fn refusal(code: u16) -> Response<Body> {
    let status =
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code});
    json_response(code, &status)
}

fn list(next_page: &str) -> Response<Body> {
    let metadata = json!({"resourceVersion": "7", "continue": next_page});
    json_response(
        200,
        &json!({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": []}),
    )
}

/// The answer; none leaves the request open.
fn answer(mood: Mood, asked: &str) -> Option<Response<Body>> {
    let watch = asked.contains("watch=true");
    let first_page = !asked.contains("continue=");
    match mood {
        Mood::Refuses => Some(refusal(503)),
        Mood::Lists if watch => Some(refusal(403)),
        Mood::Ends if watch => Some(Response::new(Body::empty())),
        Mood::BreaksOff if watch || !first_page => Some(refusal(410)),
        Mood::BreaksOff => Some(list("page-2")),
        Mood::Works if watch => None,
        Mood::Lists | Mood::Ends | Mood::Works => Some(list("")),
    }
}

impl Server {
    fn start(mood: Mood) -> Self {
        let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
        let (dirty, _wakes) = dirty::channel();
        let reports = Reports {
            dirty,
            readiness: Readiness::default(),
            metrics: WatchMetrics::register(&metrics::registry()).unwrap(),
        };
        let client = Client::new(PacedWatches::around(service), "default");
        let server = Self {
            mood: Arc::new(Mutex::new(mood)),
            asked: Arc::default(),
            open: Arc::default(),
            reflection: Watch::<Pod>::cluster(client).start(&reports),
            reports,
        };
        let (mood, asked, open) = (server.mood.clone(), server.asked.clone(), server.open.clone());
        tokio::spawn(async move {
            while let Some((request, send)) = handle.next_request().await {
                asked.lock().unwrap().push(Instant::now());
                let mood = *mood.lock().unwrap();
                match answer(mood, &request.uri().to_string()) {
                    Some(response) => send.send_response(response),
                    None => open.lock().unwrap().push(send),
                }
            }
        });
        server
    }

    fn turns(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn requests(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Breaks the connections of all watches.
    fn breaks_watches(&self) {
        self.open.lock().unwrap().clear();
    }

    fn last_request(&self) -> Instant {
        *self.asked.lock().unwrap().last().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_refuses_every_list_is_asked_ever_more_seldom() {
    let server = Server::start(Mood::Refuses);
    sleep(OUTAGE).await;
    let requests = server.requests();
    assert!((40..=AT_MOST).contains(&requests), "{requests} requests");
}

#[tokio::test(start_paused = true)]
async fn lists_that_break_off_reset_no_delay() {
    let server = Server::start(Mood::BreaksOff);
    sleep(OUTAGE).await;
    let requests = server.requests();
    assert!(requests <= 2 * AT_MOST, "{requests} requests");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_lists_and_refuses_to_watch_is_asked_as_seldom() {
    let server = Server::start(Mood::Lists);
    sleep(OUTAGE).await;
    let requests = server.requests();
    assert!(requests <= 1 + AT_MOST, "{requests} requests");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_ends_each_watch_at_once_is_asked_as_seldom() {
    let server = Server::start(Mood::Ends);
    sleep(OUTAGE).await;
    let requests = server.requests();
    assert!(requests <= 1 + AT_MOST, "{requests} requests");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_works_after_an_outage_is_prompt_again() {
    let server = Server::start(Mood::Refuses);
    sleep(OUTAGE).await;
    server.turns(Mood::Works);
    let over = Instant::now();
    server.reports.readiness.all_ready().await;
    assert!(over.elapsed() <= Duration::from_secs(15), "{:?}", over.elapsed());
    assert!(server.reflection.snapshot().is_empty());
    sleep(Duration::from_secs(10)).await;
    server.breaks_watches();
    let broken = Instant::now();
    sleep(Duration::from_secs(1)).await;
    let delay = server.last_request().duration_since(broken);
    assert!(
        delay > Duration::ZERO && delay <= Duration::from_millis(200),
        "{delay:?}"
    );
}
