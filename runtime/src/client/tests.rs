use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// An API server that gives every request the same answer. Returns its URL and how many requests came.
async fn answering(answer: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            while connection.read(&mut request).await.unwrap() > 0 {
                count.fetch_add(1, Ordering::SeqCst);
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    (url, requests)
}

fn to(url: &str) -> Client {
    install_crypto();
    client(Config::new(url.parse().unwrap())).unwrap()
}

fn kubeconfig(server: &str, context: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let content = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {context}\n\
         clusters: [{{name: {context}, cluster: {{server: \"{server}\"}}}}]\n\
         users: [{{name: {context}, user: {{token: secret}}}}]\n\
         contexts: [{{name: {context}, context: {{cluster: {context}, user: {context}}}}}]\n"
    );
    std::fs::write(file.path(), content).unwrap();
    file
}

fn args(kubeconfig: impl AsRef<Path>) -> ClusterArgs {
    ClusterArgs {
        kubeconfig: Some(kubeconfig.as_ref().to_owned()),
        namespace: None,
    }
}

#[tokio::test]
async fn an_overloaded_api_server_is_asked_once() {
    let (url, requests) =
        answering("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n").await;
    let error = Api::<Node>::all(to(&url)).get("n1").await.unwrap_err();
    assert!(
        matches!(&error, kube::Error::Api(status) if status.code == 503),
        "{error}"
    );
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_kubeconfig_leads_to_its_server() {
    let (url, requests) = answering(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 25\r\n\r\n{\"metadata\":{\"name\":\"n\"}}",
    )
    .await;
    let file = kubeconfig(&url, "here");
    let client = connect(&args(file.path())).await.unwrap();
    let node = Api::<Node>::all(client).get("n1").await.unwrap();
    assert_eq!(node.metadata.name.as_deref(), Some("n"));
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[test]
fn of_several_kubeconfigs_the_first_names_the_context() {
    let (first, second) = (
        kubeconfig("https://192.0.2.1", "first"),
        kubeconfig("https://192.0.2.2", "second"),
    );
    let paths = std::env::join_paths([first.path(), second.path()]).unwrap();
    let merged = read(Path::new(&paths)).unwrap();
    assert_eq!(merged.current_context.as_deref(), Some("first"));
    assert_eq!(merged.clusters.len(), 2);
}

#[tokio::test]
async fn a_kubeconfig_that_is_not_there_is_an_error() {
    let Err(error) = connect(&args("/nowhere/kubeconfig")).await else {
        panic!("connected")
    };
    assert!(matches!(error, ClientError::Kubeconfig(_)), "{error}");
}
