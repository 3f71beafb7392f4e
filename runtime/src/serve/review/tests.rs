use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use http::Response as HttpResponse;
use kube::client::Body;
use rstest::rstest;
use serde_json::{Value, json};
use tower::{ServiceExt, service_fn};

use super::*;

/// An API server that knows these tokens, and how often it was asked.
#[derive(Clone, Default)]
struct Server {
    asked: Arc<AtomicUsize>,
    fails: bool,
}

impl Server {
    fn answer(&self, path: &str, asked: &Value) -> Value {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let spec = &asked["spec"];
        if path.ends_with("/tokenreviews") {
            let token = spec["token"].as_str().unwrap();
            let user = json!({"username": token, "groups": ["system:authenticated"]});
            let status = json!({"authenticated": token != "forged", "user": user});
            return json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {}, "spec": spec, "status": status});
        }
        assert_eq!(
            spec["nonResourceAttributes"],
            json!({"path": "/metrics", "verb": "get"})
        );
        assert_eq!(spec["groups"], json!(["system:authenticated"]));
        let status = json!({"allowed": spec["user"] == "prometheus"});
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {}, "spec": spec, "status": status})
    }

    fn router(&self) -> Router {
        let server = self.clone();
        let service = service_fn(move |request: http::Request<Body>| {
            let server = server.clone();
            async move {
                let path = request.uri().path().to_owned();
                let body = request.into_body().collect_bytes().await?;
                let asked = serde_json::from_slice(&body).unwrap();
                let status = if server.fails { 500 } else { 201 };
                let answer = Body::from(server.answer(&path, &asked).to_string().into_bytes());
                Ok::<_, kube::Error>(HttpResponse::builder().status(status).body(answer).unwrap())
            }
        });
        let reviews = Arc::new(Reviews::by(Client::new(service, "default")));
        Router::new()
            .route("/metrics", get(async || "told\n"))
            .layer(from_fn_with_state(reviews, permitted))
    }
}

async fn status(router: &Router, authorization: Option<&str>) -> u16 {
    let mut request = Request::builder().uri("/metrics");
    if let Some(value) = authorization {
        request = request.header(AUTHORIZATION, value);
    }
    let request = request.body(axum::body::Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap().status().as_u16()
}

#[rstest]
#[case::no_token(None, 401)]
#[case::no_bearer(Some("Basic prometheus"), 401)]
#[case::empty(Some("Bearer "), 401)]
#[case::of_nobody(Some("Bearer forged"), 401)]
#[case::without_the_right(Some("Bearer visitor"), 403)]
#[case::with_the_right(Some("Bearer prometheus"), 200)]
#[case::scheme_in_lower_case(Some("bearer prometheus"), 200)]
#[tokio::test]
async fn metrics_are_for_accounts_with_the_right(#[case] authorization: Option<&str>, #[case] expected: u16) {
    assert_eq!(status(&Server::default().router(), authorization).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_asked_about_once_a_minute() {
    let server = Server::default();
    let router = server.router();
    for _ in 0..3 {
        assert_eq!(status(&router, Some("Bearer prometheus")).await, 200);
    }
    assert_eq!(
        server.asked.load(Ordering::Relaxed),
        2,
        "whose it is, and what it may"
    );
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(status(&router, Some("Bearer prometheus")).await, 200);
    assert_eq!(server.asked.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn without_an_answer_of_the_api_server_nobody_reads_the_metrics() {
    let server = Server {
        fails: true,
        ..Server::default()
    };
    assert_eq!(status(&server.router(), Some("Bearer prometheus")).await, 503);
}

#[tokio::test]
async fn a_token_of_absurd_length_is_not_asked_about() {
    let server = Server::default();
    let long = format!("Bearer {}", "x".repeat(TOKEN_AT_MOST + 1));
    assert_eq!(status(&server.router(), Some(&long)).await, 401);
    assert_eq!(server.asked.load(Ordering::Relaxed), 0);
}
