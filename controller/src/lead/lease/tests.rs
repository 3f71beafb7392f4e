use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower_test::mock;

use super::*;

type Answering = mock::SendResponse<Response<Body>>;

/// An API server with one Lease. It compares versions; it does not answer watches, except once if told what.
#[derive(Default)]
struct Fake {
    lease: Option<Value>,
    version: u32,
    shown: Option<Value>,
    silent: bool,
    refuses: bool,
    /// How often the watch asked for a list.
    lists: usize,
    /// Requests that are never answered.
    open: Vec<Answering>,
}

struct Cluster {
    fake: Arc<Mutex<Fake>>,
    /// What was written: the method and the Lease.
    written: mpsc::UnboundedReceiver<(Method, Value)>,
    client: Client,
}

impl Fake {
    fn store(&mut self, mut lease: Value) -> Value {
        self.version += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.lease = Some(lease.clone());
        lease
    }

    fn read(&self) -> Response<Body> {
        match &self.lease {
            Some(lease) => answer(200, lease),
            None => refusal(404, "NotFound"),
        }
    }

    fn list(&self) -> Value {
        let items: Vec<&Value> = self.lease.iter().collect();
        let version = self.version.to_string();
        json!({"kind": "LeaseList", "apiVersion": "coordination.k8s.io/v1",
            "metadata": {"resourceVersion": version}, "items": items})
    }

    fn write(&mut self, sent: Value) -> Response<Body> {
        let stored = self
            .lease
            .as_ref()
            .map(|lease| &lease["metadata"]["resourceVersion"]);
        if stored != sent["metadata"].get("resourceVersion") {
            return refusal(409, "Conflict");
        }
        answer(201, &self.store(sent))
    }

    /// Nothing: this request stays open.
    fn asked(&mut self, request: &Request<()>, sent: Value) -> Option<Response<Body>> {
        let uri = request.uri().to_string();
        let selects = uri.contains("fieldSelector=metadata.name%3Dferrolb");
        self.lists += usize::from(selects && !uri.contains("watch=true"));
        match *request.method() {
            _ if self.silent => None,
            _ if self.refuses => Some(refusal(503, "ServiceUnavailable")),
            Method::GET if uri.contains("watch=true") => self.shown.take().map(|event| answer(200, &event)),
            Method::GET if selects => Some(answer(200, &self.list())),
            Method::GET => Some(self.read()),
            _ => Some(self.write(sent)),
        }
    }
}

impl Cluster {
    fn new(fake: Fake) -> Self {
        let (service, mut server) = mock::pair::<Request<Body>, Response<Body>>();
        let (tell, written) = mpsc::unbounded_channel();
        let fake = Arc::new(Mutex::new(fake));
        let ours = fake.clone();
        tokio::spawn(async move {
            while let Some((request, send)) = server.next_request().await {
                let (head, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
                let mut fake = ours.lock().unwrap();
                match fake.asked(&Request::from_parts(head.clone(), ()), sent.clone()) {
                    Some(response) => send.send_response(response),
                    None => fake.open.push(send),
                }
                if head.method != Method::GET {
                    tell.send((head.method, sent)).unwrap();
                }
            }
        });
        let client = Client::new(service, "lb");
        Self {
            fake,
            written,
            client,
        }
    }

    fn stand(&self) -> Election {
        let identity = "me_1".to_owned();
        stand(
            self.client.clone(),
            "lb",
            "ferrolb",
            Some(owner()),
            identity,
            Terms::DEFAULT,
        )
    }

    fn steal(&self, version: u32) {
        let mut fake = self.fake.lock().unwrap();
        fake.version = version;
        fake.store(held_by("thief", version));
    }

    async fn written(&mut self) -> (Method, Value) {
        self.written.recv().await.unwrap()
    }
}

fn owner() -> OwnerReference {
    OwnerReference {
        api_version: "v1".to_owned(),
        kind: "ServiceAccount".to_owned(),
        name: "lb".to_owned(),
        uid: "u".to_owned(),
        ..OwnerReference::default()
    }
}

fn answer(code: u16, body: &Value) -> Response<Body> {
    let body = format!("{body}\n").into_bytes();
    Response::builder().status(code).body(Body::from(body)).unwrap()
}

fn refusal(code: u16, reason: &str) -> Response<Body> {
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "no", "reason": reason, "code": code});
    answer(code, &body)
}

fn held_by(holder: &str, version: u32) -> Value {
    json!({"kind": "Lease", "apiVersion": "coordination.k8s.io/v1",
        "metadata": {"name": "ferrolb", "namespace": "lb", "resourceVersion": version.to_string()},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 3}})
}

async fn leads(election: &mut Election) {
    let lead = |told: &Leadership| matches!(told, Leadership::Lead { .. });
    election.leadership.wait_for(lead).await.unwrap();
}

async fn follows(election: &mut Election, leader: Option<&str>) {
    let leader = leader.map(str::to_owned);
    let follow = |told: &Leadership| {
        *told
            == Leadership::Follow {
                leader: leader.clone(),
            }
    };
    election.leadership.wait_for(follow).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_absent_lease_is_created_and_then_renewed_on_its_version() {
    let mut cluster = Cluster::new(Fake::default());
    let mut election = cluster.stand();
    let (method, lease) = cluster.written().await;
    assert_eq!(method, Method::POST);
    let owners = json!([{"apiVersion": "v1", "kind": "ServiceAccount", "name": "lb", "uid": "u"}]);
    assert_eq!(
        lease["metadata"],
        json!({"name": "ferrolb", "ownerReferences": owners})
    );
    assert_eq!(lease["spec"]["holderIdentity"], "me_1");
    leads(&mut election).await;
    assert!(election.leadership.borrow().may_write(super::super::now()));

    let (method, renewed) = cluster.written().await;
    assert_eq!(method, Method::PUT);
    assert_eq!(renewed["metadata"]["resourceVersion"], "1");
    assert_eq!(renewed["spec"]["acquireTime"], lease["spec"]["acquireTime"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_conflict_the_thief_is_followed() {
    let mut cluster = Cluster::new(Fake::default());
    let mut election = cluster.stand();
    leads(&mut election).await;
    cluster.steal(7);
    let (_create, _refused) = (cluster.written().await, cluster.written().await);
    follows(&mut election, Some("thief")).await;
}

#[tokio::test(start_paused = true)]
async fn who_resigns_gives_the_lease_back() {
    let mut cluster = Cluster::new(Fake::default());
    let mut election = cluster.stand();
    leads(&mut election).await;
    let leadership = election.leadership.clone();
    election.resign().await;
    assert!(!leadership.borrow().may_write(super::super::now()));
    let _created = cluster.written().await;
    let (method, lease) = cluster.written().await;
    assert_eq!(method, Method::PUT);
    assert_eq!(lease["metadata"]["resourceVersion"], "1");
    assert_eq!(lease["spec"]["holderIdentity"], "");
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 1);
}

#[tokio::test(start_paused = true)]
async fn resigning_ends_though_the_api_server_is_silent() {
    let cluster = Cluster::new(Fake::default());
    let mut election = cluster.stand();
    leads(&mut election).await;
    cluster.fake.lock().unwrap().silent = true;
    election.resign().await;
}

#[tokio::test(start_paused = true)]
async fn without_answers_leadership_ends() {
    let cluster = Cluster::new(Fake::default());
    let mut election = cluster.stand();
    leads(&mut election).await;
    cluster.fake.lock().unwrap().silent = true;
    follows(&mut election, None).await;
}

#[tokio::test(start_paused = true)]
async fn a_release_seen_by_the_watch_is_taken_long_before_the_lease_would_expire() {
    let start = Instant::now();
    let released = json!({"type": "MODIFIED", "object": held_by("", 8)});
    let mut cluster = Cluster::new(Fake {
        lease: Some(held_by("other", 7)),
        version: 7,
        shown: Some(released),
        ..Fake::default()
    });
    cluster.fake.lock().unwrap().version = 8;
    let _election = cluster.stand();
    let (_method, lease) = cluster.written().await;
    assert_eq!(lease["metadata"]["resourceVersion"], "8");
    assert_eq!(lease["spec"]["leaseTransitions"], 4);
    assert!(start.elapsed() < Terms::DEFAULT.retry_period);
}

#[tokio::test(start_paused = true)]
async fn without_a_watch_an_expired_lease_is_read_and_claimed() {
    let start = Instant::now();
    let mut cluster = Cluster::new(Fake {
        lease: Some(held_by("other", 7)),
        version: 7,
        ..Fake::default()
    });
    let mut election = cluster.stand();
    follows(&mut election, Some("other")).await;
    let (_method, lease) = cluster.written().await;
    assert_eq!(lease["metadata"]["resourceVersion"], "7");
    assert!(start.elapsed() >= Terms::DEFAULT.lease_duration);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_refuses_every_list_is_asked_for_the_lease_ever_more_seldom() {
    let cluster = Cluster::new(Fake {
        refuses: true,
        ..Fake::default()
    });
    let _election = cluster.stand();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let lists = cluster.fake.lock().unwrap().lists;
    // Each delay is 7.5 s at least, but for the first seven, which take 12.7 s together.
    assert!((40..=87).contains(&lists), "{lists} lists");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_election_ends_without_giving_the_lease_back() {
    let mut cluster = Cluster::new(Fake::default());
    let mut election = cluster.stand();
    leads(&mut election).await;
    let mut leadership = election.leadership.clone();
    drop(election);
    while leadership.changed().await.is_ok() {}
    assert!(!leadership.borrow().may_write(super::super::now()));
    let _created = cluster.written().await;
    assert!(cluster.written.try_recv().is_err());
}

#[test]
fn identities_of_one_pod_differ() {
    assert_ne!(identity("controller-0"), identity("controller-0"));
}

#[tokio::test(start_paused = true)]
async fn what_a_leader_leaves_goes_with_the_lease_to_the_next_one() {
    let mut cluster = Cluster::new(Fake::default());
    let mut first = cluster.stand();
    leads(&mut first).await;
    first.legacy.send_replace(Some("this".to_owned()));
    let _created = cluster.written().await;
    first.resign().await;
    let (_, given_back) = cluster.written().await;
    assert_eq!(
        given_back["metadata"]["annotations"]["ferrolb.io/given-back"],
        "this"
    );
    let mut next = cluster.stand();
    leads(&mut next).await;
    assert_eq!(next.inherited.borrow().as_deref(), Some("this"));
}
