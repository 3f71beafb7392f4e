//! The Kubernetes client of a daemon.
//!
//! It differs from the client `kube` builds by default, on purpose:
//! - No automatic retry. `kube` repeats any request up to 15 times on 429, 503 and 504, waiting up to 1000 s in
//!   between: a status write decided on an old snapshot would be sent again minutes later. Retrying is the caller's.
//! - A response must begin within [`RESPONSE_TIMEOUT`]; `kube` sets no such limit.
//! - A watch that ends at once is not asked for again at once ([`watches`]).
//! - TCP keep-alives: an API server that vanished without a word is noticed after about [`DEAD_PEER_TIMEOUT`] on an idle
//!   watch; by default only the watch's own limit of 295 s ends it.
//!
//! It speaks HTTP/1.1, as `kube` does: HTTP/2 was tried and took more of the processor; requests share no write
//! (`findings/hyper-http2-a-write-a-request.sh`), and of a watch that is read late all other requests would wait.
//! There is no limit of requests per second on this side.

use std::path::Path;
use std::time::Duration;

use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use secrecy::ExposeSecret;
use tower::{BoxError, ServiceBuilder};

use crate::args::ClusterArgs;

mod watches;
pub(crate) use watches::PacedWatches;

/// The longest wait for the beginning of a response. A list or watch may then take as long as it needs.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// After how long without any sign of life a connection counts as dead.
pub const DEAD_PEER_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest wait for a connection. Short, because the next attempt may reach another API server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The kubeconfig named, or the one in the home directory, cannot be used.
    #[error("cannot use the kubeconfig")]
    Kubeconfig(#[from] KubeconfigError),
    /// `KUBERNETES_SERVICE_HOST` is set, but the service account cannot be used.
    #[error("cannot use the pod's service account")]
    InCluster(#[from] kube::config::InClusterError),
    /// Certificates, keys or credentials cannot be used.
    #[error("cannot set up the connection to the API server")]
    Connection(#[from] kube::Error),
}

/// Makes *ring* the cryptography of this process. Call it first in `main`; calling it again does nothing.
pub fn install_crypto() {
    // The only error is that a provider is installed already.
    let _installed = rustls::crypto::ring::default_provider().install_default();
}

/// Connects to the API server that `args` name. Nothing is sent yet.
///
/// # Errors
/// The configuration cannot be read or used.
pub async fn connect(args: &ClusterArgs) -> Result<Client, ClientError> {
    install_crypto();
    let config = config(args.kubeconfig.as_deref()).await?;
    Ok(client(config)?)
}

/// The bearer token that the kubeconfig or the service account has, if it has one. A program that gives tokens is not asked.
///
/// # Errors
/// The configuration cannot be read.
pub async fn token(args: &ClusterArgs) -> Result<Option<String>, ClientError> {
    let auth = config(args.kubeconfig.as_deref()).await?.auth_info;
    let of_file = || std::fs::read_to_string(auth.token_file.as_deref()?).ok();
    let token = auth.token.as_ref().map(|token| token.expose_secret().to_owned());
    Ok(token.or_else(of_file).map(|token| token.trim().to_owned()))
}

/// The asked-for kubeconfig; else, in a pod, its service account; else `~/.kube/config`.
async fn config(kubeconfig: Option<&Path>) -> Result<Config, ClientError> {
    let options = KubeConfigOptions::default();
    match kubeconfig.filter(|path| !path.as_os_str().is_empty()) {
        Some(paths) => Ok(Config::from_custom_kubeconfig(read(paths)?, &options).await?),
        None if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() => Ok(Config::incluster()?),
        None => Ok(Config::from_kubeconfig(&options).await?),
    }
}

/// Reads a list of files separated by colons, as kubectl reads `KUBECONFIG`; the first to say something wins.
fn read(paths: &Path) -> Result<Kubeconfig, KubeconfigError> {
    std::env::split_paths(paths)
        .filter(|path| !path.as_os_str().is_empty())
        .try_fold(Kubeconfig::default(), |merged, path| {
            merged.merge(Kubeconfig::read_from(path)?)
        })
}

fn client(config: Config) -> Result<Client, kube::Error> {
    let https = config.rustls_https_connector_with_connector(connector())?;
    let http: HttpClient<_, Body> = HttpClient::builder(TokioExecutor::new()).build(https);
    let service = ServiceBuilder::new()
        // Outermost: its delay is no part of the time that a response may take.
        .layer_fn(PacedWatches::around)
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .timeout(RESPONSE_TIMEOUT)
        .service(http);
    Ok(Client::new(service, config.default_namespace))
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let probe = DEAD_PEER_TIMEOUT / (KEEPALIVE_PROBES + 1);
    connector.set_keepalive(Some(probe));
    connector.set_keepalive_interval(Some(probe));
    connector.set_keepalive_retries(Some(KEEPALIVE_PROBES));
    // Keep-alives are not sent while data waits for an acknowledgement; this covers that case (tcp(7)).
    connector.set_tcp_user_timeout(Some(DEAD_PEER_TIMEOUT));
    connector
}

#[cfg(test)]
mod tests;
