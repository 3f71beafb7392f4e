use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

const ANY_V6: &str = "[::]:9120";

/// Serves on a free loopback port and says where.
async fn started(readiness: Readiness) -> SocketAddr {
    serving(Served {
        readiness,
        ..served()
    })
}

fn served() -> Served {
    Served {
        registry: crate::metrics::registry(),
        ..Served::default()
    }
}

fn serving(served: Served) -> SocketAddr {
    let listener = open("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, served, None));
    address
}

/// The whole answer to a GET: status line, headers and body.
async fn answer(server: SocketAddr, path: &str) -> String {
    let mut connection = TcpStream::connect(server).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn metrics_come_with_the_content_type_of_prometheus() {
    let answer = answer(started(Readiness::default()).await, "/metrics").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4"),
        "{answer}"
    );
    assert!(answer.contains("ferrolb_build_info{"), "{answer}");
}

#[tokio::test]
async fn a_serving_process_is_healthy() {
    let answer = answer(started(Readiness::default()).await, "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_process_of_which_a_part_is_stuck_is_not_healthy_and_names_it() {
    let liveness = Liveness::default();
    let _port = liveness.part("port eth0");
    let server = serving(Served { liveness, ..served() });
    assert!(answer(server, "/healthz").await.starts_with("HTTP/1.1 200"));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(12)).await;
    tokio::time::resume();
    let answer = answer(server, "/healthz").await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.ends_with("stuck: port eth0 for 12 s\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn what_a_daemon_adds_is_served_too() {
    let server = serving(Served {
        more: Router::new().route("/more", get(async || "more\n")),
        ..served()
    });
    assert!(answer(server, "/more").await.ends_with("more\n"));
}

#[tokio::test]
async fn readiness_names_what_is_missing_until_nothing_is() {
    let readiness = Readiness::default();
    let (nodes, services) = (readiness.part("nodes"), readiness.part("services"));
    let server = started(readiness).await;

    let before = answer(server, "/readyz").await;
    assert!(
        before.starts_with("HTTP/1.1 503") && before.ends_with("not ready: nodes, services\n"),
        "{before}"
    );

    nodes.done();
    services.done();
    let after = answer(server, "/readyz").await;
    assert!(after.starts_with("HTTP/1.1 200"), "{after}");
}

fn args(address: SocketAddr) -> ServeArgs {
    ServeArgs {
        port: address.port(),
        listen: address.ip(),
        metrics_tls: false,
        metrics_cert_dir: None,
    }
}

/// Open connections to the server that say nothing.
async fn idle(server: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(TcpStream::connect(server).await.unwrap());
    }
    all
}

#[tokio::test]
async fn idle_connections_keep_no_probe_from_its_answer() {
    let listener = open("127.0.0.1:0".parse().unwrap()).unwrap();
    let server = listener.local_addr().unwrap();
    let router = Router::new().route("/healthz", get(async || "ok\n"));
    tokio::spawn(serve_at_most(4, listener, router, None));
    let mut idle = idle(server, 40).await;
    let answer = answer(server, "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // Those that came first made room.
    let ended = idle[0].read(&mut [0]).await;
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_ends_by_itself() {
    let mut idle = idle(started(Readiness::default()).await, 1).await;
    let ended = idle[0].read(&mut [0]).await;
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

#[tokio::test]
async fn port_zero_serves_nothing() {
    assert!(listen(&args("[::]:0".parse().unwrap())).unwrap().is_none());
}

#[tokio::test]
async fn a_taken_port_is_named_in_the_error() {
    let taken = open("127.0.0.1:0".parse().unwrap()).unwrap().into_std().unwrap();
    let address = taken.local_addr().unwrap();
    let refusal = listen(&args(address)).unwrap_err();
    assert_eq!(refusal.to_string(), format!("cannot listen on {address}"));
    assert_eq!(refusal.source.kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn the_default_address_takes_ipv4() {
    let listener = open("[::]:0".parse().unwrap())
        .or_else(|_| open("0.0.0.0:0".parse().unwrap()))
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
}

#[rstest]
#[case::no_ipv6_socket(
    ANY_V6,
    io::Error::from_raw_os_error(libc::EAFNOSUPPORT),
    Some("0.0.0.0:9120")
)]
#[case::no_ipv6_address(
    ANY_V6,
    io::Error::from_raw_os_error(libc::EADDRNOTAVAIL),
    Some("0.0.0.0:9120")
)]
#[case::port_taken(ANY_V6, io::Error::from_raw_os_error(libc::EADDRINUSE), None)]
#[case::an_address_was_asked_for(
    "[2001:db8::1]:9120",
    io::Error::from_raw_os_error(libc::EADDRNOTAVAIL),
    None
)]
#[case::ipv4_was_asked_for("192.0.2.1:9120", io::Error::from_raw_os_error(libc::EADDRNOTAVAIL), None)]
fn without_ipv6_the_default_falls_back_to_ipv4(
    #[case] address: &str,
    #[case] refusal: io::Error,
    #[case] other: Option<&str>,
) {
    let expected = other.map(|address| address.parse().unwrap());
    assert_eq!(substitute(address.parse().unwrap(), &refusal), expected);
}
