#!/bin/bash
# hyper 1.12.0 with h2 0.4.20 (Rust, what the Kubernetes client `kube` stands on): requests over one HTTP/2 connection
# share no write, as soon as each carries 256 bytes.
#
# A controller that sends many small writes to an API server at once, sixteen at a time, say, holds as many HTTP/1.1
# connections. A good guess is that HTTP/2 is cheaper for it: one connection, one handshake, and what several requests
# want to send at the same moment goes out in one system call and one TLS record, as the frames are written to a common
# buffer. That holds for requests without a body, and for small bodies: sixteen requests that are ready together are one
# write, or two, the headers and the bodies. A body from 256 bytes on is not copied into the buffer but chained to it, and
# a chained frame is written out before the next one is encoded: sixteen requests are seventeen writes, one for the headers
# and one for each body, where sixteen connections of HTTP/1.1 take sixteen.
#
# A Kubernetes object is never that small. A controller that writes a status and an event for each of 1,000 Services over
# TLS took a sixth more of the processor with HTTP/2 than with sixteen connections, handshakes counted.
#
# Needs cargo and a registry of crates. Prints what was seen; fails if it is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "writes"
version = "0.0.0"
edition = "2024"

[dependencies]
bytes = "=1.11.0"
futures-util = "=0.3.31"
h2 = "=0.4.20"
http = "=1.5.0"
http-body-util = "=0.1.3"
hyper = { version = "=1.12.0", features = ["client", "server", "http2"] }
hyper-util = { version = "=0.1.21", features = ["tokio"] }
tokio = { version = "1.47", features = ["net", "rt"] }
TOML
cat > "$folder/src/main.rs" <<'RUST'
use std::convert::Infallible;
use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2 as client;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http2 as server;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

const AT_ONCE: usize = 16;
const WAVES: usize = 100;

/// A connection that counts what is written.
struct Counted(TokioIo<TcpStream>, Arc<AtomicUsize>);

impl Read for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl Write for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.1.fetch_add(1, Relaxed);
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }
    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize>> {
        self.1.fetch_add(1, Relaxed);
        Pin::new(&mut self.0).poll_write_vectored(cx, parts)
    }
    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

async fn answer(request: http::Request<Incoming>) -> std::result::Result<http::Response<Full<Bytes>>, Infallible> {
    request.into_body().collect().await.unwrap();
    Ok(http::Response::new(Full::new(Bytes::from_static(b"{}"))))
}

/// How many writes of the client a wave of requests with bodies of this length takes; the least of many waves, since
/// acknowledgements of what comes in are written too.
async fn writes(length: usize) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let serving = server::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service_fn(answer));
        drop(serving.await);
    });
    let count = Arc::new(AtomicUsize::new(0));
    let stream = Counted(TokioIo::new(TcpStream::connect(to).await.unwrap()), count.clone());
    let (sender, connection) = client::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(async move { drop(connection.await) });
    let mut least = usize::MAX;
    for _ in 0..WAVES {
        let before = count.load(Relaxed);
        let wave = (0..AT_ONCE).map(|_| {
            let mut sender = sender.clone();
            async move {
                let body = Full::new(Bytes::from(vec![b'x'; length]));
                let request = http::Request::patch("http://localhost/status").body(body).unwrap();
                sender.send_request(request).await.unwrap().into_body().collect().await.unwrap();
            }
        });
        join_all(wave).await;
        least = least.min(count.load(Relaxed) - before);
    }
    least
}

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut seen = Vec::new();
    for length in [0, 128, 255, 256, 1500] {
        let writes = runtime.block_on(writes(length));
        println!("{AT_ONCE} requests at once with bodies of {length:>4} bytes: at least {writes:>2} writes");
        seen.push(writes);
    }
    let (small, large) = seen.split_at(3);
    assert!(small.iter().all(|writes| *writes <= 3), "small bodies no longer share writes");
    assert!(large.iter().all(|writes| *writes >= AT_ONCE), "large bodies share writes now");
}
RUST
cd "$folder"
cargo run --quiet
