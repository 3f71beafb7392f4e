//! Whether this node's kube-proxy says that it is well.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::facts::KubeProxy;

/// Where kube-proxy answers unless told otherwise (`healthzBindAddress`).
const PORT: u16 = 10256;
/// Unlike `/healthz` it says nothing of the node, which an autoscaler may be about to delete (KEP-3836).
const REQUEST: &[u8] = b"GET /livez HTTP/1.0\r\n\r\n";
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(1);
/// As long as `HTTP/1.0 200`.
const STATUS_LINE_BYTES: usize = 12;
/// One that is started anew is away for a moment.
const MOST_IN_A_ROW: u32 = 3;

/// What was found by asking once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    Well,
    Unwell,
    /// Nobody answers.
    None,
    /// Something else answers, or a kube-proxy from before `/livez`.
    Other,
}

/// What was found of late.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    state: KubeProxy,
    in_a_row: u32,
}

impl Pulse {
    /// Takes an answer in, and returns what it comes to.
    pub(super) fn take(&mut self, answer: Answer) -> KubeProxy {
        let worse = match (answer, self.state) {
            (Answer::Unwell, _) => Some(KubeProxy::Unhealthy),
            (Answer::None, KubeProxy::Unknown) => Some(KubeProxy::Unknown),
            (Answer::None, _) => Some(KubeProxy::Silent),
            (Answer::Well | Answer::Other, _) => None,
        };
        self.in_a_row = worse.map_or(0, |_| self.in_a_row + 1);
        self.state = match worse {
            Some(worse) if self.in_a_row >= MOST_IN_A_ROW => worse,
            Some(_) => self.state,
            None if answer == Answer::Well => KubeProxy::Healthy,
            None => KubeProxy::Unknown,
        };
        self.state
    }
}

/// Asks kube-proxy.
pub(super) async fn ask() -> Answer {
    let mut answer = [0; STATUS_LINE_BYTES];
    let exchange = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, PORT)).await?;
        stream.write_all(REQUEST).await?;
        stream.read_exact(&mut answer).await
    };
    match timeout(ANSWER, exchange).await {
        Ok(Ok(_)) => read(&answer),
        Ok(Err(_)) | Err(_) => Answer::None,
    }
}

fn read(status_line: &[u8]) -> Answer {
    match status_line.strip_prefix(b"HTTP/1.") {
        Some([_, b' ', b'2', ..]) => Answer::Well,
        Some([_, b' ', b'5', ..]) => Answer::Unwell,
        _ => Answer::Other,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::well(&[Answer::Well], KubeProxy::Healthy)]
    #[case::never_there(&[Answer::None; 9], KubeProxy::Unknown)]
    #[case::started_anew(&[Answer::Well, Answer::None, Answer::None, Answer::Well, Answer::None], KubeProxy::Healthy)]
    #[case::gone(&[Answer::Well, Answer::None, Answer::None, Answer::None], KubeProxy::Silent)]
    #[case::back(&[Answer::Well, Answer::None, Answer::None, Answer::None, Answer::Well], KubeProxy::Healthy)]
    #[case::unwell(&[Answer::Unwell; 3], KubeProxy::Unhealthy)]
    #[case::unwell_for_a_moment(&[Answer::Unwell; 2], KubeProxy::Unknown)]
    #[case::something_else(&[Answer::Other; 9], KubeProxy::Unknown)]
    fn what_answers_come_to(#[case] answers: &[Answer], #[case] expected: KubeProxy) {
        let mut pulse = Pulse::default();
        let states = answers.iter().map(|answer| pulse.take(*answer));
        assert_eq!(states.last(), Some(expected));
    }

    #[rstest]
    #[case("HTTP/1.0 200", Answer::Well)]
    #[case("HTTP/1.1 503", Answer::Unwell)]
    #[case("HTTP/1.0 404", Answer::Other)]
    #[case("SSH-2.0-Open", Answer::Other)]
    fn a_status_line_is_read(#[case] line: &str, #[case] expected: Answer) {
        assert_eq!(read(line.as_bytes()), expected);
    }
}
