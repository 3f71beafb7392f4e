//! The command line.

use ferrolb_runtime::process::DaemonArgs;

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
        value_parser = clap::value_parser!(u64).range(..=86_400)
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
