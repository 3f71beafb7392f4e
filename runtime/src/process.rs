//! The start of a daemon: everything that is the same in both before they differ.

use axum::Router;
use kube::Client;
use prometheus::Registry;
use tokio::task::JoinHandle;

use crate::alive::Liveness;
use crate::args::{ClusterArgs, LogArgs, ServeArgs};
use crate::client::{self, ClientError};
use crate::dirty::{self, Wakes};
use crate::events::EventSink;
use crate::ready::Readiness;
use crate::reflect::{Reports, WatchMetrics};
use crate::serve::{self, CertificateError, ListenError, Served, Tls};
use crate::shutdown::Shutdown;
use crate::{log, metrics};

/// The flags that every daemon has.
#[derive(clap::Args, Clone, Debug)]
pub struct DaemonArgs {
    #[command(flatten)]
    #[expect(
        missing_docs,
        reason = "documented at the type, and a doc comment here would become help text"
    )]
    pub cluster: ClusterArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "as above")]
    pub serve: ServeArgs,

    #[command(flatten)]
    #[expect(missing_docs, reason = "as above")]
    pub log: LogArgs,
}

/// A daemon that logs, listens for signals, serves its metrics and can reach the API server.
pub struct Process {
    /// When to stop.
    pub shutdown: Shutdown,
    /// Ready once all watches are listed.
    pub readiness: Readiness,
    /// What must go on working, or the process is started again.
    pub liveness: Liveness,
    /// What is served as `/metrics`.
    pub registry: Registry,
    /// The API server.
    pub client: Client,
    /// Our own namespace.
    pub namespace: String,
    /// What watches report to.
    pub reports: Reports,
    /// Hears of changes in the watches.
    pub wakes: Wakes,
    /// Takes events.
    pub events: EventSink,
    /// Ends when all sinks are dropped and what was queued is told.
    pub events_task: JoinHandle<()>,
}

/// Why a daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Logging is set up already.
    #[error("cannot set up logging")]
    Log(#[from] tracing_subscriber::util::TryInitError),
    /// Signal handlers cannot be installed.
    #[error("cannot listen for signals")]
    Signals(#[from] std::io::Error),
    /// The cluster cannot be reached.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The port is taken.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// There is no certificate for the metrics.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A metric is registered twice.
    #[error("cannot register metrics")]
    Metrics(#[from] prometheus::Error),
}

impl Process {
    /// Starts as `controller`, the name that events come from; `pod` is the pod's name. `more` is served beside the metrics,
    /// to whom may read those. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// As [`StartError`] says.
    pub async fn start(
        args: &DaemonArgs,
        controller: &str,
        pod: Option<String>,
        more: Router,
    ) -> Result<Self, StartError> {
        log::init(&args.log)?;
        let shutdown = Shutdown::on_signals()?;
        let client = client::connect(&args.cluster).await?;
        let registry = metrics::registry();
        let (readiness, liveness) = (Readiness::default(), Liveness::default());
        if let Some(listener) = serve::listen(&args.serve)? {
            let tls = Tls::asked_for(&args.serve, client.clone())?;
            let served = Served {
                registry: registry.clone(),
                readiness: readiness.clone(),
                liveness: liveness.clone(),
                more,
            };
            tokio::spawn(serve::serve(listener, served, tls));
        }
        let (dirty, wakes) = dirty::channel();
        let reports = Reports {
            dirty,
            readiness: readiness.clone(),
            metrics: WatchMetrics::register(&registry)?,
        };
        let (events, events_task) = EventSink::start(client.clone(), controller, pod, &registry)?;
        Ok(Self {
            shutdown,
            readiness,
            liveness,
            registry,
            client,
            namespace: args.cluster.own_namespace(),
            reports,
            wakes,
            events,
            events_task,
        })
    }
}
