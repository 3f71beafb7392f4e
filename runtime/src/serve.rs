//! `/metrics`, `/healthz`, `/readyz` and what a daemon adds, over plain HTTP, or over TLS with a question to the API server who may read metrics.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use kube::Client;
use prometheus::{Registry, TEXT_FORMAT};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::version::TLS13;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::alive::Liveness;
use crate::args::ServeArgs;
use crate::ready::Readiness;

mod certificate;
mod connections;
mod review;
pub use certificate::CertificateError;
use connections::Connections;
use review::Reviews;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 128;
/// How many may be open: many more than probes and scrapes need, and far fewer than a process may have descriptors.
const OPEN: usize = 64;
/// How long one may take, from its first byte to its last.
const LONGEST: Duration = Duration::from_secs(10);
/// The pause after the kernel refused to give a connection, as when the process has no descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// The socket could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ListenError {
    /// Where it should have listened.
    pub address: SocketAddr,
    /// What the kernel said.
    pub source: io::Error,
}

/// What is needed to serve over TLS: the certificate of now, and whom the API server lets read metrics.
pub struct Tls {
    acceptor: TlsAcceptor,
    reviews: Arc<Reviews>,
}

impl Tls {
    /// As `args` ask for it, or none. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// No certificate can be made. One in a folder that cannot be used is no error: it is logged, and looked at again.
    pub fn asked_for(args: &ServeArgs, client: Client) -> Result<Option<Self>, CertificateError> {
        if !args.metrics_tls && args.metrics_cert_dir.is_none() {
            return Ok(None);
        }
        let current = certificate::serve(args.metrics_cert_dir.as_deref())?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(current));
        Ok(Some(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            reviews: Arc::new(Reviews::by(client)),
        }))
    }
}

/// Opens the socket that `args` name, or none for port 0. Must be called inside a tokio runtime.
///
/// `[::]` takes IPv4 too, whatever `net.ipv6.bindv6only` says; where IPv6 is off, `0.0.0.0` takes its place.
///
/// # Errors
/// The port is taken, or the address is not ours.
pub fn listen(args: &ServeArgs) -> Result<Option<TcpListener>, ListenError> {
    if args.port == 0 {
        return Ok(None);
    }
    let address = SocketAddr::new(args.listen, args.port);
    let opened = open(address).or_else(|refusal| match substitute(address, &refusal) {
        Some(other) => open(other),
        None => Err(refusal),
    });
    opened.map(Some).map_err(|source| ListenError { address, source })
}

/// What is served.
#[derive(Clone, Debug, Default)]
pub struct Served {
    /// As `/metrics`.
    pub registry: Registry,
    /// As `/readyz`.
    pub readiness: Readiness,
    /// As `/healthz`.
    pub liveness: Liveness,
    /// What a daemon serves besides, to whom may read the metrics.
    pub more: Router,
}

/// Answers requests on `listener` for ever. Metrics outlive a drain: it ends with the process.
///
/// A connection carries one request and lasts no longer than that takes. When too many are open, those who opened the most
/// lose their oldest: whoever opens a thousand and says nothing keeps no probe from its answer.
///
/// With `tls`, every connection is encrypted, and all but health is for tokens of accounts that may get metrics. Health
/// stays open to everybody: the kubelet has no token.
pub async fn serve(listener: TcpListener, served: Served, tls: Option<Tls>) {
    let told = served
        .more
        .route("/metrics", get(metrics).with_state(served.registry));
    let (told, acceptor) = match tls {
        Some(tls) => (
            told.layer(from_fn_with_state(tls.reviews, review::permitted)),
            Some(tls.acceptor),
        ),
        None => (told, None),
    };
    let router = told
        .route("/healthz", get(healthz).with_state(served.liveness))
        .route("/readyz", get(readyz).with_state(served.readiness));
    serve_at_most(OPEN, listener, router, acceptor).await;
}

async fn serve_at_most(most: usize, listener: TcpListener, router: Router, acceptor: Option<TlsAcceptor>) {
    let mut connections = Connections::new(most);
    loop {
        connections.make_room();
        match listener.accept().await {
            Ok((stream, peer)) => {
                let answer = accepted(stream, acceptor.clone(), router.clone());
                let task = tokio::spawn(timeout(LONGEST, answer));
                connections.add(peer.ip(), task.abort_handle());
            }
            Err(error) => {
                tracing::debug!(%error, "no connection could be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn accepted(stream: TcpStream, acceptor: Option<TlsAcceptor>, router: Router) {
    let Some(acceptor) = acceptor else {
        return answer(stream, router).await;
    };
    match acceptor.accept(stream).await {
        Ok(stream) => answer(stream, router).await,
        Err(error) => tracing::debug!(%error, "no TLS connection came about"),
    }
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router) {
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a request came to nothing");
    }
}

/// Where to listen instead of `address` when the kernel has no IPv6.
fn substitute(address: SocketAddr, refusal: &io::Error) -> Option<SocketAddr> {
    let any_v6 = address.is_ipv6() && address.ip().is_unspecified();
    // The family is unknown (`ipv6.disable=1`), or known but without addresses.
    let off = matches!(
        refusal.raw_os_error(),
        Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)
    );
    (any_v6 && off).then(|| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port()))
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// The content type is required: Prometheus 3 refuses a scrape without it.
async fn metrics(State(registry): State<Registry>) -> Response {
    match crate::metrics::text(&registry) {
        Ok(text) => ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn healthz(State(liveness): State<Liveness>) -> Response {
    let stuck = liveness.stuck();
    if stuck.is_empty() {
        return "ok\n".into_response();
    }
    let each = stuck
        .iter()
        .map(|(name, silent)| format!("{name} for {} s", silent.as_secs()));
    let stuck: Vec<String> = each.collect();
    (
        StatusCode::SERVICE_UNAVAILABLE,
        format!("stuck: {}\n", stuck.join(", ")),
    )
        .into_response()
}

async fn readyz(State(readiness): State<Readiness>) -> Response {
    let missing = readiness.missing();
    if missing.is_empty() {
        return "ok\n".into_response();
    }
    (
        StatusCode::SERVICE_UNAVAILABLE,
        format!("not ready: {}\n", missing.join(", ")),
    )
        .into_response()
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
