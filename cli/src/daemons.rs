//! How the daemons are set, for the tools that decide as they do.

use ferrolb_speaker::may::Options;

/// As for the controller: which Services are ours.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ClassArgs {
    /// As for the daemons: the class of Services that are ours; without it, those without a class
    #[arg(long, env = "FERROLB_LB_CLASS", value_name = "CLASS")]
    pub(crate) lb_class: Option<String>,
}

/// As for both daemons.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DaemonArgs {
    #[command(flatten)]
    class: ClassArgs,

    /// As for the speaker: nodes labelled exclude-from-external-load-balancers announce too
    #[arg(long)]
    ignore_exclude_lb: bool,
}

impl DaemonArgs {
    /// What the speakers go by.
    pub(crate) fn options(&self) -> Options {
        Options {
            class: self.class.lb_class.clone(),
            ignore_exclude_label: self.ignore_exclude_lb,
        }
    }
}
