use futures::future::join;
use http::Response;
use k8s_openapi::api::core::v1::Service;
use kube::client::Body;
use rstest::rstest;
use serde_json::json;
use tower_test::mock;

use super::*;

type Server = mock::Handle<http::Request<Body>, Response<Body>>;

fn writer() -> Writer {
    let counter = |name| IntCounter::new(name, "test").unwrap();
    let counters = WriteCounters {
        updates: counter("updates"),
        errors: counter("errors"),
    };
    Writer::new("ferrolb-controller", Duration::from_secs(5), counters)
}

fn services() -> (Api<Service>, Server) {
    let (service, server) = mock::pair();
    (
        Api::namespaced(kube::Client::new(service, "default"), "shop"),
        server,
    )
}

fn body() -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"resourceVersion": "7"},
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1", "ipMode": "VIP"}]}}})
}

fn answer(code: u16, body: &Value) -> Response<Body> {
    Response::builder()
        .status(code)
        .body(Body::from(serde_json::to_vec(body).unwrap()))
        .unwrap()
}

/// What a status write leads to when the API server answers so.
async fn outcome(code: u16, response: &Value) -> (Outcome, Writer) {
    let (api, mut server) = services();
    let writer = writer();
    let body = body();
    let call = writer.apply_status(&api, "web", &body, Ownership::Respect);
    let serve = async {
        let (_request, send) = server.next_request().await.unwrap();
        send.send_response(answer(code, response));
    };
    let (outcome, ()) = join(call, serve).await;
    (outcome, writer)
}

fn failure(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code})
}

async fn request_of(ownership: Ownership) -> http::Request<Body> {
    let (api, mut server) = services();
    let writer = writer();
    let body = body();
    let call = writer.apply_status(&api, "web", &body, ownership);
    let serve = async {
        let (request, send) = server.next_request().await.unwrap();
        send.send_response(answer(200, &json!({"metadata": {"resourceVersion": "8"}})));
        request
    };
    join(call, serve).await.1
}

#[tokio::test]
async fn a_status_is_applied_to_the_subresource_by_our_field_manager() {
    let request = request_of(Ownership::Respect).await;
    assert_eq!(request.method(), "PATCH");
    assert_eq!(
        request.uri().path(),
        "/api/v1/namespaces/shop/services/web/status"
    );
    assert_eq!(
        request.uri().query(),
        Some("&fieldManager=ferrolb-controller&fieldValidation=Ignore")
    );
    assert_eq!(
        request.headers()["accept"],
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    );
    assert_eq!(request.headers()["content-type"], "application/apply-patch+yaml");
    let sent: Value = serde_json::from_slice(&request.into_body().collect_bytes().await.unwrap()).unwrap();
    assert_eq!(sent, body());
}

#[tokio::test]
async fn fields_are_taken_over_only_when_asked() {
    let query = request_of(Ownership::Take)
        .await
        .uri()
        .query()
        .unwrap()
        .to_owned();
    assert!(query.contains("force=true"), "{query}");
}

#[tokio::test]
async fn a_whole_object_is_applied_to_the_object_itself() {
    let (api, mut server) = services();
    let writer = writer();
    let body = body();
    let call = writer.apply(&api, "web", &body, Ownership::Respect);
    let serve = async {
        let (request, send) = server.next_request().await.unwrap();
        send.send_response(answer(201, &json!({"metadata": {"resourceVersion": "1"}})));
        request.uri().path().to_owned()
    };
    let (outcome, path) = join(call, serve).await;
    assert_eq!(path, "/api/v1/namespaces/shop/services/web");
    assert_eq!(outcome, Outcome::Applied("1".into()));
}

#[tokio::test]
async fn a_write_that_succeeds_names_the_new_version_even_if_the_object_cannot_be_decoded() {
    let object = json!({"metadata": {"resourceVersion": "8"}, "spec": {"ports": "not a list"}});
    let (outcome, writer) = outcome(200, &object).await;
    assert_eq!(outcome, Outcome::Applied("8".into()));
    assert_eq!(
        (writer.counters.updates.get(), writer.counters.errors.get()),
        (1, 0)
    );
}

#[tokio::test]
async fn a_stale_version_is_a_conflict_without_owners() {
    let message = "Operation cannot be fulfilled on services \"web\": the object has been modified; \
        please apply your changes to the latest version and try again";
    let mut status = failure(409, "Conflict", message);
    status["details"] = json!({"name": "web", "kind": "services"});
    let (outcome, writer) = outcome(409, &status).await;
    assert_eq!(outcome, Outcome::Conflict(Conflict::StaleVersion));
    assert_eq!(
        (writer.counters.updates.get(), writer.counters.errors.get()),
        (1, 1)
    );
}

#[tokio::test]
async fn a_field_of_another_manager_names_it() {
    let mut status = failure(
        409,
        "Conflict",
        "Apply failed with 1 conflict: conflict with \"metallb\" with subresource \"status\" using v1: \
         .status.loadBalancer.ingress",
    );
    status["details"] = json!({"causes": [{
        "reason": "FieldManagerConflict",
        "message": "conflict with \"metallb\" with subresource \"status\" using v1 at 2026-01-02T03:04:05Z",
        "field": ".status.loadBalancer.ingress",
    }]});
    let (outcome, _) = outcome(409, &status).await;
    let Outcome::Conflict(conflict) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(conflict.managers(), ["metallb"].into());
    let field = OwnedField {
        manager: "metallb".into(),
        field: ".status.loadBalancer.ingress".into(),
    };
    assert_eq!(conflict, Conflict::OwnedBy(vec![field]));
}

#[rstest]
#[case(404, "NotFound", Outcome::Gone)]
#[case(400, "BadRequest", Outcome::Rejected("why".into()))]
#[case(403, "Forbidden", Outcome::Rejected("why".into()))]
#[case(422, "Invalid", Outcome::Rejected("why".into()))]
#[case(429, "TooManyRequests", Outcome::Rejected("why".into()))]
#[case(500, "InternalError", Outcome::Unknown("why".into()))]
#[case(504, "Timeout", Outcome::Unknown("why".into()))]
#[tokio::test]
async fn an_error_tells_whether_it_was_certainly_not_written(
    #[case] code: u16,
    #[case] reason: &str,
    #[case] expected: Outcome,
) {
    assert_eq!(outcome(code, &failure(code, reason, "why")).await.0, expected);
}

#[tokio::test]
async fn a_broken_connection_leaves_it_unknown() {
    let (api, mut server) = services();
    let writer = writer();
    let body = body();
    let call = writer.apply_status(&api, "web", &body, Ownership::Respect);
    let serve = async {
        let (_request, send) = server.next_request().await.unwrap();
        send.send_error("connection reset by peer");
    };
    let (outcome, ()) = join(call, serve).await;
    let Outcome::Unknown(message) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(message.contains("connection reset by peer"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn no_answer_in_time_leaves_it_unknown() {
    let (api, _server) = services();
    let writer = writer();
    let outcome = writer
        .apply_status(&api, "web", &body(), Ownership::Respect)
        .await;
    assert_eq!(outcome, Outcome::Unknown("no answer within 5s".into()));
    assert_eq!(writer.counters.errors.get(), 1);
}
