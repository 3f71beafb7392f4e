//! The only wiring: watches, the election, the loop, and what it keeps between two passes.

mod endings;
mod pass;

use std::time::Duration;

use ferrolb_crds::domain::{Component, ConfigurationReport};
use ferrolb_crds::names;
use ferrolb_runtime::dirty::Wakes;
use ferrolb_runtime::idle::at;
use ferrolb_runtime::patch::Writer;
use ferrolb_runtime::process::Process;
use ferrolb_runtime::shutdown::Shutdown;
use ferrolb_runtime::upkeep::{self, Objects, Upkeep, Wanted};
use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::account;
use crate::act::{Actor, WRITE_TIMEOUT};
use crate::args::Args;
use crate::lead::{self, Leadership, Terms};
use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::page::{Page, PageSources};
use crate::pending::Pending;
use crate::secret;
use crate::snapshot::Reader;
use crate::term::Term;
use crate::trailing::Trailing;
use crate::watch::Stores;

/// How long writes under way and queued events may take after SIGTERM.
const DRAIN: Duration = Duration::from_secs(5);

/// Runs the controller until SIGTERM or SIGINT.
///
/// # Errors
/// The cluster cannot be reached at all, or the port is taken.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let page = Page::default();
    let pod = args.pod_name.clone();
    let process = Process::start(&args.daemon, names::CONTROLLER_EVENTS, pod, page.routes()).await?;
    let Process {
        shutdown,
        readiness,
        liveness: _,
        registry,
        client,
        namespace,
        reports,
        wakes,
        events,
        events_task,
    } = process;
    let stores = Stores::watch(&client, &namespace, &reports);
    page.show(PageSources {
        client: client.clone(),
        namespace: namespace.clone(),
        class: args.lb_class.clone(),
        metrics: reports.metrics.clone(),
        services: stores.services.clone(),
        pools: stores.pools.clone(),
        nodes: stores.nodes.clone(),
    });
    let metrics = Metrics::register(&registry)?;
    let owner = account::own();
    tokio::spawn(secret::keep(client.clone(), namespace.clone(), owner.clone()));
    tracing::info!(namespace, class = args.lb_class, "controller started");
    // A leader that acts before everything is listed may give away an address that is in use.
    let listed = tokio::select! {
        () = readiness.all_ready() => true,
        () = shutdown.draining() => false,
    };
    if listed {
        let identity = lead::identity(args.pod_name.as_deref().unwrap_or(names::CONTROLLER_EVENTS));
        let election = lead::stand(
            client.clone(),
            &namespace,
            names::CONTROLLER_LEASE,
            owner,
            identity,
            Terms::DEFAULT,
        );
        let leadership = election.leadership.clone();
        let manager = names::controller_manager(&namespace);
        let writer = Writer::new(manager, WRITE_TIMEOUT, metrics.writes.clone());
        let state = Upkeep {
            client: client.clone(),
            namespace: namespace.clone(),
            objects: Objects::Named(Component::Controller.object_name()),
            writer: writer.clone(),
            interval: upkeep::INTERVAL,
            metrics: reports.metrics.clone(),
        };
        let controller = Controller {
            state: state.start(|report: &ConfigurationReport, seen| report.object(seen, Timestamp::now())),
            pod: args.pod_name.zip(args.pod_uid),
            actor: Actor::new(client, writer, events, leadership.clone()),
            stores,
            reader: Reader::new(args.lb_class),
            cooldown: Duration::from_secs(args.address_cooldown_seconds),
            pending: Pending::default(),
            trailing: Trailing::default(),
            term: None,
            pace: Pace::default(),
            metrics,
            leadership,
            legacy: election.legacy.clone(),
            inherited: election.inherited.clone(),
        };
        controller.run(wakes, &shutdown).await;
        election.resign().await;
    }
    let _late = timeout(DRAIN, events_task).await;
    Ok(())
}

struct Controller {
    stores: Stores,
    reader: Reader,
    cooldown: Duration,
    /// Our own writes, whatever the term they were sent in.
    pending: Pending,
    trailing: Trailing,
    /// None while another leads.
    term: Option<Term>,
    pace: Pace,
    metrics: Metrics,
    actor: Actor,
    /// Keeps the object that shows what is wrong; it gets a value only while we lead.
    state: watch::Sender<Wanted<ConfigurationReport>>,
    /// Name and uid of our Pod.
    pod: Option<(String, String)>,
    leadership: watch::Receiver<Leadership>,
    /// What the next leader should know; a value only while we lead.
    legacy: watch::Sender<Option<String>>,
    /// What the last leader left.
    inherited: watch::Receiver<Option<String>>,
}

impl Controller {
    async fn run(mut self, mut wakes: Wakes, shutdown: &Shutdown) {
        self.turn();
        loop {
            let by_time = self.next_wake();
            tokio::select! {
                () = wakes.wait() => self.pace.asked(),
                done = self.actor.next() => self.ended(done),
                // The only error is that the election is over, which is after this loop.
                Ok(()) = self.leadership.changed() => self.renewed(),
                () = at(by_time) => self.pace.asked(),
                () = shutdown.draining() => break,
            }
            if self.pace.is_due(self.actor.writes_wait(), Instant::now()) {
                self.turn();
            }
        }
        self.finish().await;
    }

    /// The Lease was won, lost or renewed. A renewal asks for a turn only after one that came too late to write in.
    fn renewed(&mut self) {
        let led = self.term.as_ref().map(|term| term.number);
        if self.leadership.borrow_and_update().is_news(led) {
            self.pace.asked_at_once();
        }
    }

    /// Leads or follows, as the Lease says.
    fn turn(&mut self) {
        let began = Instant::now();
        let leadership = self.leadership.borrow_and_update().clone();
        match leadership {
            Leadership::Lead { term, .. } if leadership.may_write(lead::now()) => self.lead(term, began),
            Leadership::Lead { .. } | Leadership::Follow { .. } => self.follow(),
        }
        self.pace.worked(began, Instant::now());
    }

    /// When something changes by time alone, or when what was asked for is due.
    fn next_wake(&self) -> Option<Instant> {
        let now = Instant::now();
        let term = self.term.as_ref().and_then(|term| term.next_wake(now));
        let tries = self.term.as_ref().and_then(|_| self.pending.next_try());
        let by_time = [term, tries].into_iter().flatten().min();
        self.pace.next_wake(self.actor.writes_wait(), by_time)
    }

    /// Waits for the writes under way: whoever comes after us should find their outcome.
    async fn finish(&mut self) {
        let writes = async {
            while self.pending.in_flight() {
                let done = self.actor.next().await;
                self.ended(done);
            }
        };
        if timeout(DRAIN, writes).await.is_err() {
            tracing::warn!("stopped with writes under way");
        }
        self.tell_trailing();
    }
}
