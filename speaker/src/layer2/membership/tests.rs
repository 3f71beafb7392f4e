use http::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tower_test::mock;

use super::*;

fn answer(code: u16, body: &Value) -> Response<Body> {
    let body = Body::from(serde_json::to_vec(body).unwrap());
    Response::builder().status(code).body(body).unwrap()
}

/// An API server that gives these answers, one after the other, and says nothing at all in place of none.
fn api_server(answers: Vec<Option<Response<Body>>>) -> Client {
    let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
    tokio::spawn(async move {
        let mut unanswered = Vec::new();
        for answer in answers {
            let (_, respond) = handle.next_request().await.unwrap();
            match answer {
                Some(answer) => respond.send_response(answer),
                None => unanswered.push(respond),
            }
        }
    });
    Client::new(service, "metallb-system")
}

#[tokio::test(start_paused = true)]
async fn a_speaker_that_starts_while_the_api_server_is_away_waits_for_it() {
    let refused = |code, reason: &str| {
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
            "reason": reason, "message": reason});
        Some(answer(code, &status))
    };
    let namespace = json!({"metadata": {"name": "kube-system", "uid": "of-the-cluster"}});
    let client = api_server(vec![
        None,
        refused(503, "ServiceUnavailable"),
        refused(429, "TooManyRequests"),
        refused(403, "Forbidden"),
        Some(answer(200, &namespace)),
    ]);
    assert_eq!(cluster(&client).await, "of-the-cluster");
}
