#!/bin/bash
# kube-runtime 5.0.0 (Rust): a watcher with default_backoff() does not back off in the two outages that a client of the
# API server meets most.
#
# WatchStreamExt::default_backoff() promises client-go's behaviour: 0.8 s after the first failure, doubled up to 30 s. A
# good guess is therefore that a hundred watchers of an API server that is ill ask it ever more rarely, and never in a
# loop without a pause. Neither holds:
#
#   1. The list fails (500, 429, 403 ...). The adapter takes each Ok item for a success and resets itself. Each attempt
#      to list begins with Ok(Event::Init), before the request is sent: so every failure is "the first" and the pause
#      stays between 0.8 and 1.6 s for as long as the outage lasts.
#   2. The watch is accepted and ends at once without an error (a proxy that closes idle streams, a server that is
#      shutting down). A clean end is no error, so no adapter sees it, and the watcher asks again without any pause:
#      thousands of requests a second from one watcher.
#
# What helps: a back-off around the whole attempt, reset by what arrives from the server and not by Init.
#
# Needs cargo and a registry of crates. Prints what was seen; fails if it is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "watcher-backoff"
version = "0.0.0"
edition = "2024"

[dependencies]
futures = "=0.3.31"
http = "1"
k8s-openapi = { version = "=0.29.0", features = ["v1_35"] }
kube = { version = "=5.0.0", default-features = false, features = ["client", "runtime"] }
tokio = { version = "1", features = ["io-util", "macros", "net", "rt", "sync", "time"] }
TOML
cat > "$folder/src/main.rs" <<'RUST'
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Service;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Times = Arc<Mutex<Vec<Instant>>>;

const EMPTY_LIST: &str = r#"{"apiVersion":"v1","kind":"ServiceList","metadata":{"resourceVersion":"1"},"items":[]}"#;
const FAILURE: &str = r#"{"apiVersion":"v1","kind":"Status","status":"Failure","reason":"InternalError","code":500}"#;

/// Answers each request on the connection, and notes when it came.
async fn serve(mut connection: TcpStream, lists: bool, times: Times) -> std::io::Result<()> {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let length = connection.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        request.extend_from_slice(&piece[..length]);
        if !request.ends_with(b"\r\n\r\n") {
            continue;
        }
        let is_watch = String::from_utf8_lossy(&request).contains("watch=true");
        request.clear();
        times.lock().unwrap().push(Instant::now());
        let (status, body) = match (lists, is_watch) {
            (false, _) => ("500 Internal Server Error", FAILURE),
            (true, false) => ("200 OK", EMPTY_LIST),
            (true, true) => ("200 OK", ""),
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        connection.write_all(format!("{head}{body}").as_bytes()).await?;
    }
}

/// When one watcher of Services asks a server whose lists fail, or whose watches end at once.
async fn requests(lists: bool, lasting: Duration) -> Vec<Instant> {
    let times = Times::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let noted = times.clone();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(serve(connection, lists, noted.clone()));
        }
    });
    let client = Client::try_from(Config::new(format!("http://{address}").parse().unwrap())).unwrap();
    let mut events = watcher(Api::<Service>::all(client), watcher::Config::default()).default_backoff().boxed();
    let _ = tokio::time::timeout(lasting, async { while events.next().await.is_some() {} }).await;
    times.lock().unwrap().clone()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let failing = requests(false, Duration::from_secs(14)).await;
    let pauses: Vec<f64> = failing.windows(2).map(|two| (two[1] - two[0]).as_secs_f64()).collect();
    println!("every list fails: pauses in seconds {pauses:.1?}");
    println!("a back-off that doubles would have paused for more than 4 s by the fourth");
    let ending = requests(true, Duration::from_secs(3)).await;
    println!("every watch ends at once: {} requests a second", ending.len() / 3);
    assert!(pauses.len() >= 6 && pauses.iter().all(|pause| *pause < 2.5), "the pauses grow now");
    assert!(ending.len() > 300, "there are pauses now");
}
RUST
cd "$folder"
cargo run --quiet
