//! The command line.

use ferrolb_runtime::process::DaemonArgs;

/// Elect the announcing node of each address and answer ARP and NDP for those that this node won.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of the node we run on
    #[arg(long, env = "METALLB_NODE_NAME", value_name = "NAME")]
    pub node_name: String,

    /// Name of our pod: the owner of what we report, and the instance that events come from
    #[arg(long, env = "METALLB_POD_NAME", value_name = "NAME")]
    pub pod_name: Option<String>,

    /// Announce only Services of this loadBalancerClass; without it, only Services without a class
    #[arg(long, env = "FERROLB_LB_CLASS", value_name = "CLASS")]
    pub lb_class: Option<String>,

    /// Announce also from nodes labelled node.kubernetes.io/exclude-from-external-load-balancers
    #[arg(long, env = "FERROLB_IGNORE_EXCLUDE_LB")]
    pub ignore_exclude_lb: bool,

    #[command(flatten)]
    #[expect(
        missing_docs,
        reason = "documented at the type, and a doc comment here would become help text"
    )]
    pub daemon: DaemonArgs,
}
