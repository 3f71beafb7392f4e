//! The command line.

use ferrolb_runtime::process::DaemonArgs;

/// A month: longer than any address needs to rest, and short enough for every clock.
const MOST_SECONDS: u64 = 31 * 24 * 60 * 60;

/// Assign external addresses from IPAddressPools to Services of type LoadBalancer.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Handle only Services of this loadBalancerClass; without it, only Services without a class
    #[arg(long, env = "FERROLB_LB_CLASS", value_name = "CLASS")]
    pub lb_class: Option<String>,

    /// Seconds for which an address that was given back waits for its last owner while others are free
    #[arg(
        long,
        env = "FERROLB_ADDRESS_COOLDOWN_SECONDS",
        value_name = "SECONDS",
        default_value_t = 300,
        value_parser = clap::value_parser!(u64).range(..=MOST_SECONDS)
    )]
    pub address_cooldown_seconds: u64,

    /// Name of our pod, the instance that events come from
    #[arg(long, env = "METALLB_POD_NAME", value_name = "NAME")]
    pub pod_name: Option<String>,

    /// Uid of our pod, with which the ConfigurationState goes
    #[arg(long, env = "METALLB_POD_UID", value_name = "UID")]
    pub pod_uid: Option<String>,

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

    fn parse(value: &str) -> Result<u64, clap::Error> {
        let flag = format!("--address-cooldown-seconds={value}");
        Daemon::try_parse_from(["controller", &flag]).map(|daemon| daemon.args.address_cooldown_seconds)
    }

    #[rstest]
    #[case::not_at_all("0", 0)]
    #[case::longest("2678400", MOST_SECONDS)]
    fn the_cool_down_lasts_a_month_at_most(#[case] value: &str, #[case] seconds: u64) {
        assert_eq!(parse(value).unwrap(), seconds);
    }

    #[rstest]
    #[case::a_second_too_long("2678401")]
    #[case::beyond_every_clock("18446744073709551615")]
    #[case::beyond_the_type("18446744073709551616")]
    #[case::negative("-1")]
    #[case::no_number("5m")]
    fn a_cool_down_out_of_range_is_refused_by_name_and_value(#[case] value: &str) {
        let message = parse(value).unwrap_err().to_string();
        assert!(
            message.contains("--address-cooldown-seconds") && message.contains(value),
            "{message}"
        );
    }
}
