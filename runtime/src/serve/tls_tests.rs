use kube::client::Body;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tower_test::mock;

use super::*;

const NAME: &str = "metrics.example";

/// Serves with a certificate of a folder; says where, and how a client trusts it.
async fn started() -> (SocketAddr, TlsConnector) {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    std::fs::write(folder.path().join("tls.crt"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    let args = ServeArgs {
        port: 0,
        listen: Ipv4Addr::LOCALHOST.into(),
        metrics_tls: false,
        metrics_cert_dir: Some(folder.path().to_owned()),
    };
    // An API server that nobody asks.
    let (service, _requests) = mock::pair::<http::Request<Body>, http::Response<Body>>();
    let tls = Tls::asked_for(&args, Client::new(service, "default")).unwrap();
    assert!(tls.is_some(), "the folder alone turns TLS on");
    let listener = open("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let served = Served {
        registry: crate::metrics::registry(),
        more: Router::new().route("/more", get(async || "more\n")),
        ..Served::default()
    };
    tokio::spawn(serve(listener, served, tls));

    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (address, TlsConnector::from(Arc::new(config)))
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn over_tls_health_is_for_everybody_and_metrics_are_not() {
    let (server, connector) = started().await;
    let expected = [
        ("/healthz", "200"),
        ("/readyz", "200"),
        ("/metrics", "401"),
        ("/more", "401"),
    ];
    for (path, status) in expected {
        let stream = TcpStream::connect(server).await.unwrap();
        let name = ServerName::try_from(NAME).unwrap();
        let mut connection = connector.connect(name, stream).await.unwrap();
        connection.write_all(request(path).as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{path}: {answer}"
        );
    }
}

#[tokio::test]
async fn where_tls_is_asked_for_plain_http_gets_no_answer() {
    let (server, _) = started().await;
    let mut connection = TcpStream::connect(server).await.unwrap();
    connection
        .write_all(request("/healthz").as_bytes())
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _closed = connection.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
}
