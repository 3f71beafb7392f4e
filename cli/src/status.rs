//! `ferrolb status`: which node announces which address, how full the pools are, and how the speakers do.
//!
//! All of it is what the daemons wrote; `ferrolb explain` says why something is not as it should be.

mod read;
mod rows;
mod table;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::cluster::{self, Cluster, Place};
use crate::daemons::ClassArgs;
use crate::explain::case::Evidence;
use read::Followed;
use rows::{Seen, Status};
use table::Look;

/// The shortest pause between two pictures of a cluster that does not rest.
const PAUSE: Duration = Duration::from_millis(250);
/// To the upper left, and everything gone.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// Show which node announces which address, how full the pools are, and how the speakers do.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Namespace of the Services; without it that of the kubeconfig's context
    #[arg(short, long, value_name = "NAMESPACE", conflicts_with = "all_namespaces")]
    namespace: Option<String>,

    /// Services of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,

    /// Form of the answer
    #[arg(short, long, value_enum, default_value = "table")]
    output: Form,

    /// Go on, and show it again at each change
    #[arg(short, long)]
    watch: bool,

    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    class: ClassArgs,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Form {
    Table,
    Wide,
    Json,
    Yaml,
}

/// Reads and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    cluster::block_on(async {
        let cluster = Cluster::connect(&args.place.access()).await?;
        let context = cluster.client.default_namespace();
        let here = args.namespace.as_deref().unwrap_or(context);
        let namespace = (!args.all_namespaces).then_some(here);
        let mut shown = args.text(&read::read(&cluster, namespace).await?)?;
        args.show(&shown)?;
        if !args.watch {
            return Ok(ExitCode::SUCCESS);
        }
        let mut followed = Followed::start(&cluster)?;
        loop {
            followed.changed().await;
            let text = args.text(&followed.seen(namespace))?;
            if text != shown {
                args.show(&text)?;
                shown = text;
            }
            tokio::time::sleep(PAUSE).await;
        }
    })
}

impl Args {
    fn text(&self, seen: &Seen) -> anyhow::Result<String> {
        let status = Status::of(seen, self.class.lb_class.as_deref());
        Ok(match self.output {
            Form::Json => serde_json::to_string_pretty(&status)? + "\n",
            Form::Yaml => serde_saphyr::to_string(&serde_json::to_value(&status)?)?,
            Form::Table | Form::Wide => table::render(&status, self.look()),
        })
    }

    fn look(&self) -> Look {
        Look {
            wide: self.output == Form::Wide,
            colour: io::stdout().is_terminal() && may_colour(std::env::var("NO_COLOR").ok().as_deref()),
            now: Timestamp::now(),
        }
    }

    fn show(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.watch && out.is_terminal() {
            out.write_all(CLEAR.as_bytes())?;
        }
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

/// All Services, as `-A` shows them.
pub(crate) struct Shown {
    pub(crate) json: Value,
    /// The wide table.
    pub(crate) table: String,
}

/// What would be shown of these objects.
pub(crate) fn of_evidence(evidence: &Evidence, class: Option<&str>) -> Shown {
    let seen = Seen {
        objects: evidence.objects.clone(),
        pods: evidence.live.as_ref().and_then(|live| live.pods.clone()),
        problems: evidence.problems.clone(),
        namespace: None,
    };
    let status = Status::of(&seen, class);
    let look = Look {
        wide: true,
        colour: false,
        now: evidence.now,
    };
    Shown {
        table: table::render(&status, look),
        json: serde_json::json!(status),
    }
}

/// As <https://no-color.org> has it: any value but an empty one.
fn may_colour(no_color: Option<&str>) -> bool {
    no_color.is_none_or(str::is_empty)
}
