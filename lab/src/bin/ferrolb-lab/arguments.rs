//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::bgp::BgpArguments;
use crate::stability::StabilityArguments;

/// A real multi-node Kubernetes on this machine, without a container engine.
#[derive(Debug, Parser)]
#[command(name = "ferrolb-lab", version)]
pub(crate) struct Arguments {
    /// The lab's name; labs of different names run side by side.
    #[arg(long, global = true, env = "FERROLB_LAB", default_value = "dev")]
    pub(crate) name: String,
    #[command(subcommand)]
    pub(crate) task: Task,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Build Kubernetes and the lab's workload; quick if they are built.
    Build,
    /// Write those files of `deploy/` that are made from others.
    Manifests,
    /// Start a lab and wait until its nodes are Ready.
    Up {
        #[command(flatten)]
        size: Size,
        /// Nodes of kube-proxy alone, without kubelet and pods.
        #[arg(long)]
        bare: bool,
        /// Stay until interrupted, and end the lab then.
        #[arg(long)]
        foreground: bool,
    },
    /// End a lab and remove everything of it.
    Down,
    /// Show the labs of this machine.
    List,
    /// Run kubectl as the cluster's administrator.
    #[command(disable_help_flag = true)]
    Kubectl {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run a command inside a node, in all its namespaces and in its cgroup.
    Exec {
        node: String,
        #[arg(required = true, last = true)]
        command: Vec<String>,
    },
    /// Run a command of this machine on a client's network.
    Client {
        /// Which machine, if not the first client: `client2`, `cp`, `n1`.
        #[arg(long, default_value = "client")]
        machine: String,
        #[arg(required = true, last = true)]
        command: Vec<String>,
    },
    #[command(flatten)]
    Break(Break),
    /// Load an image into every node.
    Load { image: PathBuf },
    /// Write an image that holds one static program.
    Image {
        /// The program.
        program: PathBuf,
        /// `localhost/NAME:TAG`; with a tag other than `latest`, no node tries to pull it.
        image: String,
        /// The tar file to write.
        out: PathBuf,
        /// User and group that run it; root if not given.
        #[arg(long, default_value = "")]
        user: String,
    },
    /// Build FerroLB and install it the way a user does; or install another implementation of the same API.
    Install {
        /// A folder with a `kustomization.yaml` to apply instead of this tree's.
        #[arg(long, requires = "image")]
        manifests: Option<PathBuf>,
        /// Images to load instead of FerroLB's.
        #[arg(long, requires = "manifests")]
        image: Vec<PathBuf>,
    },
    /// Run any implementation of the MetalLB API as plain processes until interrupted.
    ///
    /// Each command is one command of the shell, which fills in `METALLB_NODE_NAME`, `METALLB_POD_NAME`,
    /// `METALLB_NAMESPACE`, `METALLB_HOST` and `KUBECONFIG`. The logs are `controller`, `speaker-n1` and so on.
    Run {
        /// Run once, on the control plane's network.
        #[arg(long, value_name = "COMMAND", required_unless_present = "speaker")]
        controller: Option<String>,
        /// Run once in each node.
        #[arg(long, value_name = "COMMAND")]
        speaker: Option<String>,
        /// A file or folder to apply first, instead of this tree's namespace and resource definitions.
        #[arg(long)]
        manifests: Option<PathBuf>,
    },
    /// Start a lab, install FerroLB, show the examples at work, and end the lab.
    Demo {
        #[command(flatten)]
        size: Size,
    },
    /// Walk through `docs/tour.md` on a lab of its own: each command, and whether it prints what the page shows.
    Tour {
        #[command(flatten)]
        tour: TourArguments,
    },
    /// Install Contour, an implementation of Ingress and Gateway API.
    Contour,
    /// Measure what is promised, on labs made for it.
    Measure {
        #[command(subcommand)]
        what: Figure,
    },
    /// Print a log, or the names of all logs.
    Logs { log: Option<String> },
}

/// How the tour is walked.
#[derive(Debug, Args)]
pub(crate) struct TourArguments {
    /// Wait for the return key after each step.
    #[arg(long)]
    pub(crate) pause: bool,
    /// Only up to this step.
    #[arg(long, value_name = "STEP")]
    pub(crate) until: Option<u8>,
    /// Write what is printed into the page.
    #[arg(long)]
    pub(crate) write: bool,
}

/// What is broken, or mended.
#[derive(Debug, Subcommand)]
pub(crate) enum Break {
    /// Cut a node's power; its disk stays.
    Cut { node: String },
    /// Switch a node on and wait until it is Ready.
    Boot { node: String },
    /// Take a node's switch port down.
    Unplug { node: String },
    /// Take a node's switch port up.
    Plug { node: String },
    /// Let two groups of nodes not hear each other, as in `partition n1,n2 n3`.
    Partition {
        /// Nodes, with commas.
        left: String,
        /// The others.
        right: String,
    },
    /// Lose a part of the frames that nodes send.
    Loss {
        /// How many of a hundred.
        percent: f64,
    },
    /// Undo every partition and loss.
    Heal,
    /// Stop a node's speaker where it is.
    PauseSpeaker { node: String },
    /// Let a node's speaker go on.
    ResumeSpeaker { node: String },
    /// Kill a node's speaker.
    KillSpeaker { node: String },
    /// Kill the API server and etcd; what they stored stays.
    StopControlPlane,
    /// Start the API server and etcd that were killed and wait until they are ready.
    StartControlPlane,
    /// Kill the API server; what it stored stays.
    KillApiServer,
    /// Start the API server that was killed and wait until it is ready.
    StartApiServer,
    /// Stop etcd where it is: nothing can be written.
    PauseEtcd,
    /// Let etcd go on.
    ResumeEtcd,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Figure {
    /// Whole lives of a lab: up, install, demo, down, and what is left behind.
    Rounds {
        /// How many, one after the other.
        #[arg(long, default_value_t = 20)]
        runs: u32,
        #[command(flatten)]
        size: Size,
        /// Form of the answer.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Output,
    },
    /// What breaks without each verb of each rule that the daemons have.
    Privileges {
        /// Only rights whose text, `speaker Role secrets/memberlist: list`, contains this.
        #[arg(long, default_value = "")]
        only: String,
        /// Form of the answer.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Output,
    },
    /// How long nobody serves an address after something has happened to its holder.
    Failover(FailoverArguments),
    /// What becomes of traffic that routers spread over nodes when something happens to one of these.
    Bgp(BgpArguments),
    /// A node dies that holds many addresses: when each is announced by another, and what the speakers write.
    Exodus(ExodusArguments),
    /// What is written to the API server while nothing happens.
    Rest(RestArguments),
    /// What a speaker takes while endpoints of Services come and go.
    Churn(ChurnArguments),
    /// Frames of a station on the segment that has no key: nothing may move, and it may not cost much.
    Adversary(AdversaryArguments),
    /// What moves when something happens to speakers that go on living.
    Stability(StabilityArguments),
    /// A controller that starts on many Services without an address: time, writes, cost, restart.
    Allocate {
        /// How many Services.
        #[arg(long, default_value_t = 1000)]
        services: usize,
        /// Another implementation's controller instead of this tree's, as one command of the shell.
        #[arg(long, value_name = "COMMAND")]
        controller: Option<String>,
        /// A file or folder to apply first, instead of this tree's namespace and resource definitions.
        #[arg(long)]
        manifests: Option<PathBuf>,
        /// Form of the answer.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Output,
    },
    /// The status page of a controller: what those cost who look at it.
    Viewers {
        /// How many Services are there at first.
        #[arg(long, default_value_t = 5000)]
        services: usize,
        /// How many look.
        #[arg(long, default_value_t = 50)]
        viewers: usize,
        /// How long each of the two parts takes.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
        seconds: u64,
        /// Form of the answer.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Output,
    },
    /// How long those wait who ask: `ferrolb status` and `explain` among many Services.
    Questions {
        /// How many Services have an address.
        #[arg(long, default_value_t = 5000)]
        services: usize,
        /// How often each question is asked.
        #[arg(long, default_value_t = 10)]
        runs: usize,
        /// Form of the answer.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Output,
    },
    /// A speaker under a flood of ARP requests for addresses that it does not hold, and asked for those that it holds.
    Flood {
        /// How many addresses it holds.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        held: u16,
        /// Requests a second.
        #[arg(long, default_value_t = 100_000)]
        rate: u32,
        /// How long each flood takes, and the questions for what is held.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
        seconds: u64,
        /// Another implementation's speaker instead of this tree's, as one command of the shell.
        #[arg(long, value_name = "COMMAND")]
        speaker: Option<String>,
        /// A file or folder to apply first, instead of this tree's namespace and resource definitions.
        #[arg(long)]
        manifests: Option<PathBuf>,
        /// Form of the answer.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Output,
    },
}

/// What `measure failover` is told.
#[derive(Debug, Args)]
pub(crate) struct FailoverArguments {
    /// How many runs count.
    #[arg(long, default_value_t = 50)]
    pub(crate) runs: usize,
    /// What happens to the holder.
    #[arg(long, value_enum)]
    pub(crate) kind: Fault,
    /// Number of nodes of the lab made for it.
    #[arg(long, default_value_t = 3)]
    pub(crate) nodes: u8,
    /// Measure in a lab that runs, with what is installed there.
    #[arg(long, value_name = "NAME")]
    pub(crate) lab: Option<String>,
    /// Run controller and speakers as plain processes, on bare nodes if the lab is made for it.
    #[arg(long)]
    pub(crate) plain: bool,
    /// Another implementation's controller, as one command of the shell.
    #[arg(long, value_name = "COMMAND", requires = "plain")]
    pub(crate) controller: Option<String>,
    /// Another implementation's speaker, as one command of the shell.
    #[arg(long, value_name = "COMMAND", requires = "plain")]
    pub(crate) speaker: Option<String>,
    /// A file or folder to apply first, instead of this tree's namespace and resource definitions.
    #[arg(long, requires = "plain")]
    pub(crate) manifests: Option<PathBuf>,
    /// A further variable of the speakers; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) env: Vec<(String, String)>,
    /// Stop the API server and etcd before each fault, until the run is over.
    #[arg(long)]
    pub(crate) without_api: bool,
    /// Measure on an IPv6 address.
    #[arg(long)]
    pub(crate) ipv6: bool,
    /// How long a run waits for a new holder.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) limit: u64,
    /// A run in which this machine stood still for longer is thrown away and repeated.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 30)]
    pub(crate) stall_ms: u64,
    /// Form of the answer.
    #[arg(short, long, value_enum, default_value = "text")]
    pub(crate) output: Output,
}

/// Where many addresses are held, and by which nodes.
#[derive(Debug, Args)]
pub(crate) struct Many {
    /// Measure in a lab of bare nodes that runs, and without speakers.
    #[arg(long, value_name = "NAME")]
    pub(crate) lab: Option<String>,
    /// Number of nodes of the lab.
    #[arg(long, default_value_t = 3)]
    pub(crate) nodes: u8,
    /// Another implementation's speaker instead of this tree's, as one command of the shell.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) speaker: Option<String>,
    /// A file or folder to apply first, instead of this tree's namespace and resource definitions.
    #[arg(long)]
    pub(crate) manifests: Option<PathBuf>,
    /// Form of the answer.
    #[arg(short, long, value_enum, default_value = "text")]
    pub(crate) output: Output,
}

/// What `measure exodus` is told.
#[derive(Debug, Args)]
pub(crate) struct ExodusArguments {
    #[command(flatten)]
    pub(crate) many: Many,
    /// How many runs count.
    #[arg(long, default_value_t = 20)]
    pub(crate) runs: usize,
    /// How many addresses the node that dies holds, or a few more.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) addresses: u16,
    /// How long a run waits for the last announcement.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) limit: u64,
    /// A run in which this machine stood still for longer is thrown away and repeated.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 30)]
    pub(crate) stall_ms: u64,
}

/// What `measure rest` is told.
#[derive(Debug, Args)]
pub(crate) struct RestArguments {
    #[command(flatten)]
    pub(crate) many: Many,
    /// How long.
    #[arg(long, default_value_t = 3.0)]
    pub(crate) minutes: f64,
    /// How many addresses are held.
    #[arg(long, default_value_t = 300)]
    pub(crate) addresses: u16,
}

/// What `measure churn` is told.
#[derive(Debug, Args)]
pub(crate) struct ChurnArguments {
    #[command(flatten)]
    pub(crate) many: Many,
    /// Changes of `EndpointSlice`s a second.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) rate: u32,
    /// How long.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// How many Services have an address that the speakers hold.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) services: u16,
}

/// What `measure adversary` is told.
#[derive(Debug, Args)]
pub(crate) struct AdversaryArguments {
    #[command(flatten)]
    pub(crate) many: Many,
    /// Frames a second in each storm.
    #[arg(long, default_value_t = 50_000)]
    pub(crate) rate: u32,
    /// How long each storm lasts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// How many addresses are held.
    #[arg(long, default_value_t = 300)]
    pub(crate) addresses: u16,
}

/// What happens to the holder of an address.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Fault {
    /// The node's power goes.
    Cut,
    /// Its speaker is killed.
    Kill,
    /// Its speaker is stopped.
    Hang,
    /// Its switch port goes down.
    Carrier,
    /// The power of two nodes goes within 200 ms: the holder's and that of the next by rank.
    Twin,
}

pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Output {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Size {
    /// Number of nodes.
    #[arg(long, default_value_t = 3)]
    pub(crate) nodes: u8,
    /// Number of machines outside the cluster.
    #[arg(long, default_value_t = 1)]
    pub(crate) clients: u8,
}
