//! What the workload says.

use std::net::{IpAddr, SocketAddr};

/// The pod that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The environment variable `POD_NAME`, else the pod's host name, which is the pod's name.
    pub pod: String,
    /// The node's name, from the environment variable `NODE_NAME`; may be empty.
    pub node: String,
}

impl Identity {
    /// This process' identity.
    #[must_use]
    pub fn own() -> Self {
        let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let pod = std::env::var("POD_NAME").unwrap_or_else(|_| host());
        Self {
            pod: pod.trim().to_owned(),
            node: std::env::var("NODE_NAME").unwrap_or_default(),
        }
    }

    /// One line: pod, node and the address of whoever asked. An IPv4 address that came through an IPv6 socket is
    /// written as IPv4.
    #[must_use]
    pub fn answer(&self, asker: SocketAddr) -> String {
        format!("pod={} node={} from={}\n", self.pod, self.node, plain(asker))
    }
}

fn plain(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4),
        v4 @ IpAddr::V4(_) => v4,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("192.0.2.1:7", "pod=p node=n from=192.0.2.1:7\n")]
    #[case("[::ffff:192.0.2.1]:7", "pod=p node=n from=192.0.2.1:7\n")]
    #[case("[2001:db8::1]:7", "pod=p node=n from=[2001:db8::1]:7\n")]
    fn an_answer_names_the_asker(#[case] asker: &str, #[case] said: &str) {
        let identity = Identity {
            pod: "p".into(),
            node: "n".into(),
        };
        assert_eq!(identity.answer(asker.parse().unwrap()), said);
    }
}
