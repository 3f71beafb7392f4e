use http::{Request, Response};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::client::Body;
use serde_json::{Value, json};
use tower_test::mock;

use super::*;
use crate::{dirty, metrics};

type Server = mock::Handle<Request<Body>, Response<Body>>;

fn client() -> (Client, Server) {
    let (service, server) = mock::pair();
    (Client::new(service, "default"), server)
}

fn reports() -> (Reports, dirty::Wakes) {
    let (dirty, wakes) = dirty::channel();
    let metrics = WatchMetrics::register(&metrics::registry()).unwrap();
    (
        Reports {
            dirty,
            readiness: Readiness::default(),
            metrics,
        },
        wakes,
    )
}

/// Answers the next request with these JSON documents, one a line; returns what was asked.
async fn answer(server: &mut Server, documents: &[Value]) -> String {
    let (request, send) = server.next_request().await.unwrap();
    let lines: String = documents.iter().map(|document| format!("{document}\n")).collect();
    send.send_response(Response::new(Body::from(lines.into_bytes())));
    request.uri().to_string()
}

fn list(items: &[Value]) -> Value {
    json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": items})
}

fn pod(name: &str, version: &str, spec: &Value) -> Value {
    json!({"metadata": {"name": name, "namespace": "lb", "resourceVersion": version}, "spec": spec})
}

#[tokio::test]
async fn a_list_and_a_watch_fill_the_snapshot() {
    let (client, mut server) = client();
    let (reports, mut wakes) = reports();
    let pods = Watch::<Pod>::namespace(client, "lb")
        .labels("app=metallb")
        .start(&reports);

    let fine = json!({"containers": []});
    let asked = answer(
        &mut server,
        &[list(&[pod("a", "1", &fine), pod("b", "2", &json!("odd"))])],
    )
    .await;
    assert!(asked.starts_with("/api/v1/namespaces/lb/pods?"), "{asked}");
    assert!(asked.contains("labelSelector=app%3Dmetallb"), "{asked}");
    reports.readiness.all_ready().await;
    wakes.wait().await;
    let snapshot = pods.snapshot();
    assert!(snapshot[&ObjectKey::new("lb", "a")].object().is_some());
    assert!(snapshot[&ObjectKey::new("lb", "b")].undecodable().is_some());

    let events = [
        json!({"type": "MODIFIED", "object": pod("a", "8", &json!({"containers": "odd"}))}),
        json!({"type": "DELETED", "object": pod("b", "9", &json!("odd"))}),
        json!({"type": "ADDED", "object": pod("c", "10", &fine)}),
    ];
    let asked = answer(&mut server, &events).await;
    assert!(
        asked.contains("watch=true") && asked.contains("resourceVersion=7"),
        "{asked}"
    );
    let resumed = answer(&mut server, &[]).await;
    assert!(resumed.contains("resourceVersion=10"), "{resumed}");
    let snapshot = pods.snapshot();
    let names: Vec<String> = snapshot.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["lb/a", "lb/c"]);
    assert!(snapshot[&ObjectKey::new("lb", "a")].undecodable().is_some());
}

#[tokio::test]
async fn a_resource_without_namespace_is_watched_in_the_cluster() {
    let (client, mut server) = client();
    let (reports, _wakes) = reports();
    let nodes = Watch::<Node>::cluster(client)
        .fields("metadata.name=n1")
        .start(&reports);
    let node = json!({"metadata": {"name": "n1", "resourceVersion": "1"}});
    let asked = answer(&mut server, &[list(&[node])]).await;
    assert!(
        asked.starts_with("/api/v1/nodes?") && asked.contains("fieldSelector=metadata.name%3Dn1"),
        "{asked}"
    );
    reports.readiness.all_ready().await;
    assert!(nodes.snapshot().contains_key(&ObjectKey::new("", "n1")));
}
