//! Asks a daemon of ours on the port where it serves metrics and health, through the API server: a port-forward to its pod.
//! It needs a right, and no way to the nodes.

use std::sync::Arc;
use std::time::Duration;

use ferrolb_runtime::cause;
use ferrolb_runtime::client;
use http::header::{AUTHORIZATION, CONNECTION, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1 as kubernetes;
use kube::{Api, ResourceExt};
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::any_certificate;
use crate::cluster::{AccessError, Cluster};
use crate::speakers::{Door, Pod};

/// How long an answer may take, with all that comes before it.
const LONGEST: Duration = Duration::from_secs(10);
/// Metrics of a large cluster are some hundred kilobytes.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Why there is no answer. The sentences follow the name of who was asked.
#[derive(Debug, Error)]
pub(crate) enum AskError {
    /// Its pod has no readiness probe.
    #[error("its pod does not say where it is asked whether it is ready")]
    NoDoor,
    /// The API server makes no connection to it.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Nothing answers there, or no HTTP.
    #[error("no answer on port {port}: {cause}")]
    Silent { port: u16, cause: String },
    /// The answer took too long.
    #[error("no answer within {} s", LONGEST.as_secs())]
    Late,
    /// It answers, but not this.
    #[error("it answers {status}: {text}")]
    Refused { status: StatusCode, text: String },
}

/// What the daemon in this pod answers to a GET of `path`, as `/metrics`.
///
/// The bearer token of the kubeconfig goes along where the daemon speaks TLS, for it serves no one without. Nobody can
/// check its certificate, but the way is the API server's and the kubelet's.
pub(crate) async fn ask(cluster: &Cluster, pod: &Pod, path: &str) -> Result<Bytes, AskError> {
    let door = pod.door().ok_or(AskError::NoDoor)?;
    let name = pod.name_any();
    let answer = timeout(LONGEST, through(cluster, &name, door, path));
    answer.await.unwrap_or(Err(AskError::Late))
}

async fn through(cluster: &Cluster, pod: &str, door: Door, path: &str) -> Result<Bytes, AskError> {
    let pods: Api<kubernetes::Pod> = Api::namespaced(cluster.client.clone(), &cluster.namespace);
    let forwarded = pods.portforward(pod, &[door.port]).await;
    let mut forwarded =
        forwarded.map_err(|error| AccessError::of("create", "pods/portforward".to_owned(), &error))?;
    let silent = |cause: String| AskError::Silent {
        port: door.port,
        cause,
    };
    let said = forwarded.take_error(door.port);
    let Some(stream) = forwarded.take_stream(door.port) else {
        return Err(silent("no stream".to_owned()));
    };
    let token = match door.tls {
        true => client::token(&cluster.args).await.map_err(AccessError::Client)?,
        false => None,
    };
    let request = request(path, token.as_deref());
    let answer = match door.tls {
        true => over_tls(stream, request).await,
        false => exchange(stream, request).await,
    };
    // What the kubelet says of the connection, where it says something, is the better cause.
    forwarded.abort();
    let said = match said {
        Some(said) if answer.is_err() => said.await,
        _ => None,
    };
    let (status, body) = answer.map_err(|cause| silent(said.unwrap_or(cause)))?;
    match status {
        StatusCode::OK => Ok(body),
        status => Err(AskError::Refused {
            status,
            text: String::from_utf8_lossy(&body).trim().to_owned(),
        }),
    }
}

fn request(path: &str, token: Option<&str>) -> http::Result<Request<Empty<Bytes>>> {
    let mut request = Request::get(path)
        .header(HOST, "localhost")
        .header(CONNECTION, "close");
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    request.body(Empty::new())
}

type Asked = http::Result<Request<Empty<Bytes>>>;
/// Or one line that says what went wrong.
type Answer = Result<(StatusCode, Bytes), String>;

async fn over_tls(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, request: Asked) -> Answer {
    let config = any_certificate::config().map_err(|error| error.to_string())?;
    let name = ServerName::try_from("localhost").map_err(|error| error.to_string())?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    exchange(stream.map_err(|error| cause::chain(&error))?, request).await
}

async fn exchange(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, request: Asked) -> Answer {
    let request = request.map_err(|error| error.to_string())?;
    let connected = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connected.map_err(|error| cause::chain(&error))?;
    // It says the same as the request, which is looked at.
    let connection = tokio::spawn(async move { drop(connection.await) });
    let answer = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| cause::chain(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
        Ok((status, body.map_err(|error| error.to_string())?.to_bytes()))
    };
    let answer = answer.await;
    connection.abort();
    answer
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// What is sent, and what is made of this answer.
    async fn exchanged(token: Option<&str>, said: &str) -> (String, Answer) {
        let (ours, mut theirs) = duplex(4096);
        let said = said.to_owned();
        let server = tokio::spawn(async move {
            let mut asked = vec![0; 4096];
            let length = theirs.read(&mut asked).await.unwrap_or_default();
            theirs.write_all(said.as_bytes()).await.unwrap_or_default();
            String::from_utf8_lossy(&asked[..length]).into_owned()
        });
        let answer = exchange(ours, request("/history", token)).await;
        (server.await.unwrap(), answer)
    }

    #[tokio::test]
    async fn the_body_of_the_answer_is_what_is_told() {
        let (asked, answer) = exchanged(None, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        assert!(asked.starts_with("GET /history HTTP/1.1\r\n"), "{asked}");
        assert!(!asked.contains("authorization"), "{asked}");
        assert_eq!(answer.unwrap(), (StatusCode::OK, Bytes::from_static(b"ok")));
    }

    #[tokio::test]
    async fn a_token_goes_along() {
        let answer = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
        let (asked, answer) = exchanged(Some("secret"), answer).await;
        assert!(asked.contains("authorization: Bearer secret\r\n"), "{asked}");
        assert_eq!(answer.unwrap().0, StatusCode::FORBIDDEN);
    }

    #[tokio::test]
    async fn what_is_no_http_is_no_answer() {
        assert!(exchanged(None, "SSH-2.0\r\n\r\n").await.1.is_err());
    }
}
