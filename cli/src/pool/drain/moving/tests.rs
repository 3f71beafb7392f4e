//! Against an API server that knows one Service, and a controller that answers in its own way.

use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use kube::client::Body;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::service_fn;

use super::*;

/// What the controller does about a Service that is to give its address up.
#[derive(Clone, Copy)]
enum Controller {
    Moves,
    HasNoOther,
    IsAway,
    /// The Service is deleted meanwhile.
    SeesItGo,
    /// Somebody presses Ctrl-C meanwhile.
    IsInterrupted,
}

struct Server {
    controller: Controller,
    /// Answers every write with this status.
    refuses: Option<u16>,
    service: Mutex<Option<Value>>,
    version: Mutex<u64>,
    changed: Notify,
    stop: Shutdown,
    /// The values of the annotation that were written.
    written: Mutex<Vec<Value>>,
}

impl Server {
    fn new(controller: Controller, refuses: Option<u16>) -> Arc<Self> {
        let service = json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "namespace": "shop", "resourceVersion": "1", "annotations": {}},
            "spec": {"type": "LoadBalancer"},
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}});
        Arc::new(Self {
            controller,
            refuses,
            service: Mutex::new(Some(service)),
            version: Mutex::new(1),
            changed: Notify::new(),
            stop: Shutdown::default(),
            written: Mutex::new(Vec::new()),
        })
    }

    fn client(self: &Arc<Self>) -> Client {
        let server = self.clone();
        let answer = move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, std::convert::Infallible>(server.answer(request).await) }
        };
        Client::new(service_fn(answer), "default")
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        if request.method() == Method::PATCH {
            let body = request.into_body().collect_bytes().await.unwrap();
            return self.write(&serde_json::from_slice(&body).unwrap());
        }
        assert!(query.contains("fieldSelector=metadata.name%3Dweb"), "{query}");
        if query.contains("watch=true") {
            self.watch(&query).await
        } else {
            self.list()
        }
    }

    fn list(&self) -> Response<Body> {
        let items: Vec<Value> = self.service.lock().unwrap().iter().cloned().collect();
        let version = self.version.lock().unwrap().to_string();
        reply(
            200,
            &json!({"apiVersion": "v1", "kind": "ServiceList", "metadata": {"resourceVersion": version}, "items": items}),
        )
    }

    /// One event, once there is one, and the watch is over.
    async fn watch(&self, query: &str) -> Response<Body> {
        let since = query
            .split('&')
            .find_map(|part| part.strip_prefix("resourceVersion="));
        let since: u64 = since.unwrap().parse().unwrap();
        while *self.version.lock().unwrap() <= since {
            self.changed.notified().await;
        }
        let version = self.version.lock().unwrap().to_string();
        let gone = json!({"metadata": {"name": "web", "namespace": "shop", "resourceVersion": version}});
        let event = match self.service.lock().unwrap().clone() {
            Some(service) => json!({"type": "MODIFIED", "object": service}),
            None => json!({"type": "DELETED", "object": gone}),
        };
        reply(200, &event)
    }

    fn write(&self, patch: &Value) -> Response<Body> {
        let value = patch["metadata"]["annotations"][GIVE_UP].clone();
        assert_eq!(
            *patch,
            json!({"metadata": {"annotations": {GIVE_UP: value}}}),
            "nothing else"
        );
        self.written.lock().unwrap().push(value.clone());
        if let Some(code) = self.refuses {
            return reply(code, &failure(code));
        }
        let mut service = self.service.lock().unwrap();
        let Some(object) = service.as_mut() else {
            return reply(404, &failure(404));
        };
        object["metadata"]["annotations"][GIVE_UP] = value.clone();
        if !value.is_null() {
            self.react(&mut service);
        }
        let mut version = self.version.lock().unwrap();
        *version += 1;
        if let Some(object) = service.as_mut() {
            object["metadata"]["resourceVersion"] = json!(version.to_string());
        }
        self.changed.notify_waiters();
        reply(
            200,
            &json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {"name": "web"}}),
        )
    }

    fn react(&self, service: &mut Option<Value>) {
        match self.controller {
            Controller::IsAway => {}
            Controller::IsInterrupted => self.stop.drain(),
            Controller::SeesItGo => *service = None,
            Controller::Moves => {
                let status = &mut service.as_mut().unwrap()["status"];
                status["loadBalancer"]["ingress"] = json!([{"ip": "198.51.100.4"}]);
            }
            Controller::HasNoOther => {
                service.as_mut().unwrap()["status"]["conditions"] = json!([{"type": "ferrolb.io/Assigned",
                    "status": "True", "reason": "NoReplacement", "message": "there is no other",
                    "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
            }
        }
    }
}

fn failure(code: u16) -> Value {
    json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "message": "no", "reason": "No", "code": code})
}

fn reply(code: u16, body: &Value) -> Response<Body> {
    let body = Body::from(format!("{body}\n").into_bytes());
    Response::builder().status(code).body(body).unwrap()
}

async fn move_web(server: &Arc<Server>) -> anyhow::Result<Step> {
    let mover = Mover {
        client: server.client(),
        timeout: Duration::from_secs(30),
        stop: server.stop.clone(),
    };
    let addresses = BTreeSet::from(["192.0.2.7".parse().unwrap()]);
    mover.move_one(&ServiceKey::new("shop", "web"), &addresses).await
}

fn moved() -> Fate {
    Fate::Moved(["198.51.100.4".parse::<IpAddr>().unwrap()].into_iter().collect())
}

#[rstest]
#[case::moved(Controller::Moves, Step::Ended(moved()))]
#[case::no_other(Controller::HasNoOther, Step::Ended(Fate::NoReplacement("there is no other".to_owned())))]
#[case::no_answer(Controller::IsAway, Step::Ended(Fate::Late { seconds: 30, cause: None }))]
#[case::deleted(Controller::SeesItGo, Step::Ended(Fate::NothingLeft))]
#[case::interrupted(Controller::IsInterrupted, Step::Interrupted)]
#[tokio::test(start_paused = true)]
async fn the_annotation_is_taken_off_however_it_ends(#[case] controller: Controller, #[case] expected: Step) {
    let server = Server::new(controller, None);
    assert_eq!(move_web(&server).await.unwrap(), expected);
    assert_eq!(*server.written.lock().unwrap(), [json!("192.0.2.7"), Value::Null]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_no_longer_holds_the_address_is_not_asked() {
    let server = Server::new(Controller::Moves, None);
    *server.service.lock().unwrap() = None;
    assert_eq!(move_web(&server).await.unwrap(), Step::Ended(Fate::NothingLeft));
    assert_eq!(*server.written.lock().unwrap(), Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_missing_is_named_and_nothing_is_taken_off() {
    let server = Server::new(Controller::Moves, Some(403));
    let error = move_web(&server).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "may not patch services: no (RBAC: verb \"patch\" on resource \"services\")"
    );
    assert_eq!(*server.written.lock().unwrap(), [json!("192.0.2.7")]);
}
