//! The logs of our pods, current and previous, as much of each as is of use.

use std::pin::pin;

use futures::{AsyncRead, AsyncReadExt};
use k8s_openapi::api::core::v1 as kubernetes;
use k8s_openapi::jiff::SignedDuration;
use kube::Api;
use kube::api::LogParams;
use serde_json::Value;

use super::bundle::Bundle;
use crate::cluster::{AccessError, Cluster};

/// The last lines of each container.
const LINES: i64 = 10_000;
/// At most so much of the end of these lines is kept. The API server's own limit would cut the end off.
const MOST_BYTES: usize = 5 * 1024 * 1024;
/// All logs together are no longer than this; further ones are left out and named.
const ALL_BYTES: usize = 256 * 1024 * 1024;

/// Adds the logs of these pods.
pub(super) async fn add(
    cluster: &Cluster,
    pods: &[Value],
    since: Option<SignedDuration>,
    bundle: &mut Bundle,
) {
    let api: Api<kubernetes::Pod> = Api::namespaced(cluster.client.clone(), &cluster.namespace);
    let mut left = ALL_BYTES;
    for pod in pods {
        let Some(name) = pod["metadata"]["name"].as_str() else {
            continue;
        };
        for container in containers(pod) {
            for previous in [false, true] {
                if previous && restarts(pod, container) == 0 {
                    continue;
                }
                let is_of = if previous { ".previous" } else { "" };
                let what = format!("log of {name}, container {container}{}", is_of.replace('.', ", "));
                if left == 0 {
                    bundle.lacks(what, format!("the logs before it have {ALL_BYTES} bytes"));
                    continue;
                }
                let params = LogParams {
                    container: Some(container.to_owned()),
                    previous,
                    since_seconds: since.map(|since| since.as_secs().max(1)),
                    tail_lines: Some(LINES),
                    ..LogParams::default()
                };
                match read(&api, name, &params).await {
                    Ok(text) => {
                        left = left.saturating_sub(text.len());
                        let path = format!("logs/{name}.{container}{is_of}.log");
                        bundle.add_text(&path, "the last lines of a log", text);
                    }
                    Err(error) => {
                        let error = AccessError::of("get", "pods/log".to_owned(), &error);
                        bundle.lacks(what, error.to_string());
                    }
                }
            }
        }
    }
}

async fn read(api: &Api<kubernetes::Pod>, pod: &str, params: &LogParams) -> Result<String, kube::Error> {
    let stream = api.log_stream(pod, params).await?;
    end_of(stream, MOST_BYTES)
        .await
        .map_err(|error| kube::Error::Service(error.into()))
}

/// The end of a stream, from the beginning of a line on.
async fn end_of(stream: impl AsyncRead, most_bytes: usize) -> std::io::Result<String> {
    let mut stream = pin!(stream);
    let mut end = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    let mut is_cut = false;
    loop {
        let length = stream.read(&mut chunk).await?;
        if length == 0 {
            break;
        }
        end.extend_from_slice(&chunk[..length]);
        if end.len() > 2 * most_bytes {
            is_cut = true;
            end.drain(..end.len() - most_bytes);
        }
    }
    if end.len() > most_bytes {
        is_cut = true;
        end.drain(..end.len() - most_bytes);
    }
    if is_cut && let Some(line) = end.iter().position(|byte| *byte == b'\n') {
        end.drain(..=line);
    }
    Ok(String::from_utf8_lossy(&end).into_owned())
}

fn containers(pod: &Value) -> impl Iterator<Item = &str> {
    let lists = ["initContainers", "containers"].map(|list| pod["spec"][list].as_array());
    let all = lists.into_iter().flatten().flatten();
    all.filter_map(|container| container["name"].as_str())
}

fn restarts(pod: &Value, container: &str) -> u64 {
    let lists = ["initContainerStatuses", "containerStatuses"].map(|list| pod["status"][list].as_array());
    let mut all = lists.into_iter().flatten().flatten();
    let status = all.find(|status| status["name"] == container);
    status
        .and_then(|status| status["restartCount"].as_u64())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use futures::io::Cursor;

    use super::*;

    #[tokio::test]
    async fn of_a_log_that_is_too_long_the_last_whole_lines_are_kept() {
        let log: String = (0..100_000).map(|number| format!("line {number}\n")).collect();
        let end = end_of(Cursor::new(&log), 1000).await.unwrap();
        assert!(end.len() <= 1000 && end.len() > 980, "{}", end.len());
        assert!(end.starts_with("line ") && log.ends_with(&end));
        assert_eq!(end_of(Cursor::new("a\nb\n"), 1000).await.unwrap(), "a\nb\n");
    }
}
