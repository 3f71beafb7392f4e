//! What is wrong with a node's kube-proxy.

use strum::Display;

/// What its health check says (`/livez` of `healthzBindAddress`, by default port 10256).
#[derive(Clone, Copy, Debug, Display, Eq, Ord, PartialEq, PartialOrd)]
pub enum ProxyFault {
    /// It answered once, and does not any more.
    #[strum(to_string = "does not answer its health check any more")]
    Silent,
    /// It answers that it has not written its rules for too long.
    #[strum(to_string = "says that it is not healthy")]
    Unhealthy,
}
