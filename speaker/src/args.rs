//! The command line.

use ferrolb_runtime::process::DaemonArgs;

/// A day: longer than any node takes to be drained, and short enough for every clock.
const MOST_SECONDS: u64 = 24 * 60 * 60;

/// How the speakers' protocol is carried on a segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum TransportName {
    /// Ethernet frames of its own EtherType, to all speakers at once.
    Raw,
    /// UDP datagrams to the addresses of the other nodes on the segment.
    Udp,
    /// Ethernet frames, and datagrams too where those are not heard.
    Auto,
}

/// What the sides of a segment do that do not hear each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum PolicyName {
    /// Each side elects a holder of each address.
    Availability,
    /// Only the side with more than half of the speakers does; to replace a dead holder takes a second.
    SingleOwner,
}

/// Agree with the other speakers who holds each address, and answer ARP and NDP for those that this node holds.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of the node we run on
    #[arg(long, env = "METALLB_NODE_NAME", value_name = "NAME")]
    pub node_name: String,

    /// Name of our pod: the owner of what we report, and the instance that events come from
    #[arg(long, env = "METALLB_POD_NAME", value_name = "NAME")]
    pub pod_name: Option<String>,

    /// Uid of our pod, with which what we report goes; without it, it stays when the pod is gone
    #[arg(long, env = "FERROLB_POD_UID", value_name = "UID")]
    pub pod_uid: Option<String>,

    /// Announce only Services of this loadBalancerClass; without it, only Services without a class
    #[arg(long, env = "FERROLB_LB_CLASS", value_name = "CLASS")]
    pub lb_class: Option<String>,

    /// Announce also from nodes labelled node.kubernetes.io/exclude-from-external-load-balancers
    #[arg(long, env = "FERROLB_IGNORE_EXCLUDE_LB")]
    pub ignore_exclude_lb: bool,

    /// Milliseconds between two beacons
    #[arg(long, env = "FERROLB_BEACON_INTERVAL_MS", value_name = "MILLISECONDS", default_value_t = 100,
        value_parser = clap::value_parser!(u64).range(5..=10_000))]
    pub beacon_interval_ms: u64,

    /// After so many intervals without a beacon a speaker is suspected
    #[arg(long, env = "FERROLB_BEACON_MULTIPLIER", value_name = "NUMBER", default_value_t = 3,
        value_parser = clap::value_parser!(u8).range(2..=20))]
    pub beacon_multiplier: u8,

    /// What the sides of a segment do that do not hear each other: each elects, or only the one with more than half of
    /// the speakers
    #[arg(long, env = "FERROLB_PARTITION_POLICY", value_name = "POLICY", value_enum, default_value_t = PolicyName::Availability)]
    pub partition_policy: PolicyName,

    /// How speakers talk to each other on a segment: Ethernet frames of an EtherType of their own, UDP datagrams between
    /// node addresses on the segment, or the former and also the latter where the former are not heard
    #[arg(long, env = "FERROLB_SEGMENT_TRANSPORT", value_name = "TRANSPORT", value_enum, default_value_t = TransportName::Raw)]
    pub segment_transport: TransportName,

    /// Seconds for which other nodes are preferred over one that just returned, doubled with each return; 0 for never
    #[arg(
        long,
        env = "FERROLB_HOLD_DOWN_SECONDS",
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(..=MOST_SECONDS)
    )]
    pub hold_down_seconds: u64,

    /// Seconds after SIGTERM until addresses are given up that nobody took over
    #[arg(
        long,
        env = "FERROLB_DRAIN_TIMEOUT_SECONDS",
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(..=MOST_SECONDS)
    )]
    pub drain_timeout_seconds: u64,

    #[command(flatten)]
    #[expect(
        missing_docs,
        reason = "documented at the type, and a doc comment here would become help text"
    )]
    pub daemon: DaemonArgs,
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rstest::rstest;

    use super::*;

    #[derive(Debug, Parser)]
    struct Daemon {
        #[command(flatten)]
        args: Args,
    }

    fn parse(option: &str, value: &str) -> Result<Args, clap::Error> {
        let flag = format!("{option}={value}");
        Daemon::try_parse_from(["speaker", "--node-name=n1", &flag]).map(|daemon| daemon.args)
    }

    #[rstest]
    #[case("--beacon-interval-ms", 5, 10_000)]
    #[case("--beacon-multiplier", 2, 20)]
    #[case("--hold-down-seconds", 0, MOST_SECONDS)]
    #[case("--drain-timeout-seconds", 0, MOST_SECONDS)]
    fn a_number_out_of_range_is_refused_by_name_and_value(
        #[case] option: &str,
        #[case] least: u64,
        #[case] most: u64,
    ) {
        for fits in [least, most] {
            parse(option, &fits.to_string()).unwrap();
        }
        let below = i128::from(least) - 1;
        let above = most + 1;
        for value in [
            &below.to_string(),
            &above.to_string(),
            &u64::MAX.to_string(),
            "1s",
            "",
        ] {
            let message = parse(option, value).unwrap_err().to_string();
            assert!(message.contains(option) && message.contains(value), "{message}");
        }
    }
}
