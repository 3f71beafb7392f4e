//! The only wiring: watches, the loop, and what it keeps between two passes.

mod wire;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use ferrolb_crds::domain::{Component, ConfigurationReport, NodeName};
use ferrolb_crds::names;
use ferrolb_rawlink::links::{self};
use ferrolb_runtime::backoff::Jitter;
use ferrolb_runtime::dirty::Wakes;
use ferrolb_runtime::events;
use ferrolb_runtime::idle::at;
use ferrolb_runtime::patch::Writer;
use ferrolb_runtime::process::Process;
use ferrolb_runtime::ready::Readiness;
use ferrolb_runtime::shutdown::Shutdown;
use ferrolb_runtime::upkeep::Upkeep;
use k8s_openapi::jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use crate::act::{Actor, Done, Target, WRITE_TIMEOUT};
use crate::announce::News;
use crate::args::{Args, LivenessSource};
use crate::condition::{self, Known, Statement};
use crate::election::{Elections, Note, Options, Precedents, Ranking, elect_with};
use crate::interfaces;
use crate::membership::{self, Membership};
use crate::metrics::Metrics;
use crate::plan::{Announced, Place, Plan, plan};
use crate::report::{self, Due, Owner};
use crate::resend::Resend;
use crate::snapshot::{Reader, Snapshot};
use crate::tell::{self, Told, ToldFaults};
use crate::watch::Stores;
use wire::Wire;

/// How long after SIGTERM addresses are held that nobody takes over.
const DRAIN: Duration = Duration::from_millis(1500);
/// How long queued events may take after that.
const LAST_EVENTS: Duration = Duration::from_millis(300);

/// Runs the speaker until SIGTERM or SIGINT.
///
/// # Errors
/// There is no way to reach the cluster, the port is taken, or the interfaces of the node cannot be read.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let process = Process::start(&args.daemon, events::SPEAKER, args.pod_name.clone()).await?;
    let Process {
        shutdown,
        readiness,
        registry,
        client,
        namespace,
        reports,
        wakes,
        events,
        events_task,
    } = process;
    let reported = Readiness::new();
    let beacons = args.liveness == LivenessSource::Beacons;
    let stores = Stores::watch(&client, &namespace, &reports, &reported, beacons);
    let node = NodeName::from(args.node_name.as_str());
    let metrics = Metrics::register(&registry, node.clone())?;
    let links = links::watch().await.context("cannot read the interfaces")?;
    let (membership, protocol) = membership::join(&args, &client, &registry).await?.unzip();
    let protocol = protocol.context("only beacons say what is held")?;
    let (wire, news) = Wire::start(links, &registry, protocol)?;
    tracing::info!(%node, namespace, class = args.lb_class, "speaker started");
    let options = Options {
        class: args.lb_class,
        ignore_exclude_label: args.ignore_exclude_lb,
        ranking: if beacons { Ranking::Seated } else { Ranking::Stable },
    };
    let configuration = Upkeep {
        client: client.clone(),
        namespace: namespace.clone(),
        name: Component::Speaker(node.clone()).object_name(),
        writer: Writer::new(names::SPEAKER_MANAGER, WRITE_TIMEOUT, metrics.writes.clone()),
        metrics: reports.metrics.clone(),
    };
    let actor = Actor::new(client, &namespace, metrics.writes.clone(), events);
    let speaker = Speaker {
        configuration: configuration
            .start(|report: &ConfigurationReport, seen| report.object(seen, Timestamp::now())),
        node,
        pod_name: args.pod_name.clone(),
        stores,
        reader: Reader::new(namespace, args.pod_name, options),
        reported,
        announced: Announced::default(),
        told: None,
        faults: ToldFaults::default(),
        notes: BTreeSet::new(),
        due: Due::default(),
        stated: Resend::default(),
        precedents: Precedents::default(),
        metrics,
        actor,
        wire,
        membership,
    };
    // Who decides before everything is listed may announce what another node announces.
    tokio::select! {
        () = readiness.all_ready() => speaker.run(wakes, news, &shutdown).await,
        () = shutdown.draining() => drop(speaker),
    }
    let _late = timeout(LAST_EVENTS, events_task).await;
    Ok(())
}

struct Speaker {
    /// Keeps the object that shows what is wrong.
    configuration: watch::Sender<Option<ConfigurationReport>>,
    node: NodeName,
    pod_name: Option<String>,
    stores: Stores,
    reader: Reader,
    /// Ready once the `ServiceL2Status` objects are listed.
    reported: Readiness,
    announced: Announced,
    /// None until then: what an earlier process told is read from them.
    told: Option<Told>,
    faults: ToldFaults,
    notes: BTreeSet<Note>,
    due: Due,
    /// What was said in the conditions of Services.
    stated: Resend<Statement>,
    precedents: Precedents,
    metrics: Metrics,
    actor: Actor,
    wire: Wire,
    /// Where beacons say who is alive.
    membership: Option<Membership>,
}

async fn changed(membership: &mut Option<Membership>) {
    match membership {
        Some(membership) => membership.changed().await,
        None => std::future::pending().await,
    }
}

impl Speaker {
    async fn run(mut self, mut wakes: Wakes, mut news: mpsc::Receiver<News>, shutdown: &Shutdown) {
        let mut heard = tell::Heard::default();
        let mut give_up = None;
        self.pass();
        loop {
            let keys_change = self.membership.as_ref().and_then(Membership::next);
            tokio::select! {
                () = wakes.wait() => {}
                Ok(()) = self.wire.links.changed() => {}
                () = at(self.due.next(Instant::now())) => {}
                () = at(self.stated.next()) => {}
                () = changed(&mut self.membership) => {}
                () = at(keys_change) => {}
                done = self.actor.next() => {
                    self.ended(&done);
                    continue;
                }
                Some(news) = news.recv() => {
                    heard.log(news);
                    continue;
                }
                () = shutdown.draining(), if give_up.is_none() => give_up = Some(self.leave()),
                () = at(give_up) => break,
                () = shutdown.aborted() => break,
            }
            self.pass();
            // Others see that our Pod is ending and take over; what is left then nobody else can have.
            if give_up.is_some() && self.has_left() {
                break;
            }
        }
        if let Some(membership) = &self.membership {
            membership.quit().await;
        }
    }

    /// Hands over what is held. Returns when this process ends at the latest.
    fn leave(&self) -> Instant {
        match &self.membership {
            Some(membership) => membership.leave(),
            None => Instant::now() + DRAIN,
        }
    }

    fn has_left(&self) -> bool {
        match &self.membership {
            Some(membership) => membership.has_left(),
            None => self.announced.0.is_empty(),
        }
    }

    /// Snapshot, decide, plan, act: once over everything. What is held comes first; nothing waits for the API server.
    fn pass(&mut self) {
        let mut snapshot = self.reader.read(&self.stores);
        if let Some(membership) = &mut self.membership {
            membership.begin(&mut snapshot, &self.node);
        }
        let mut elections = elect_with(&snapshot.view, &mut self.precedents);
        let links = interfaces::read(&self.wire.links.borrow_and_update());
        let place = Place {
            node: &self.node,
            interfaces: &links,
            exclude: &snapshot.exclude,
        };
        let plan = match &mut self.membership {
            Some(membership) => membership.plan(&mut elections, &snapshot.view, &place),
            None => plan(&elections, &place, &self.announced),
        };
        tell::log(&self.announced, &plan.announced);
        self.metrics
            .show(&elections, &plan.announced, snapshot.faults.len());
        tell::log_news(&mut self.notes, elections.notes.clone());
        for notice in self.faults.notices(&snapshot, &self.node) {
            self.actor.tell(notice);
        }
        self.show_faults(&snapshot);
        self.report(&snapshot, &elections, &plan);
        self.state(&snapshot, &elections, &plan);
        self.announced = plan.announced;
    }

    /// `ConfigurationState`.
    fn show_faults(&self, snapshot: &Snapshot) {
        let report = ConfigurationReport {
            component: Component::Speaker(self.node.clone()),
            pod: self.pod_name.clone().zip(snapshot.pod_uid.clone()),
            faults: snapshot.faults.iter().map(ToString::to_string).collect(),
        };
        self.configuration.send_if_modified(|shown| {
            let differs = shown.as_ref() != Some(&report);
            *shown = Some(report);
            differs
        });
    }

    /// Events and `ServiceL2Status`.
    fn report(&mut self, snapshot: &Snapshot, elections: &Elections, plan: &Plan) {
        if !self.reported.missing().is_empty() {
            return;
        }
        let told = self
            .told
            .get_or_insert_with(|| Told::before(report::services_of(&snapshot.statuses, &self.node)));
        for notice in told.notices(plan, &self.node, &snapshot.services) {
            self.actor.tell(notice);
        }
        let owner = self.pod_name.clone().zip(snapshot.pod_uid.clone());
        let owner = owner.map(|(name, uid)| Owner { name, uid });
        let wanted = report::wanted(&plan.announced, &self.node, owner.as_ref());
        let announces = |service: &_, node: &_| {
            let candidate = snapshot.view.services.get(service);
            candidate.is_some_and(|one| elections.announces(&one.service, node))
        };
        let succeeded = |service: &_, node: &_| {
            let candidate = snapshot.view.services.get(service);
            candidate.is_none_or(|one| elections.have_moved_from(&one.service, node))
        };
        let changes = report::changes(&wanted, &snapshot.statuses, &self.node, announces);
        let changes = self.due.allowed(changes, &wanted, &snapshot.statuses, succeeded);
        for (name, change) in self.due.take(changes, Instant::now()) {
            self.actor.change(name, change);
        }
    }

    /// Conditions of Services.
    fn state(&mut self, snapshot: &Snapshot, elections: &Elections, plan: &Plan) {
        let known = Known {
            node: &self.node,
            options: &snapshot.view.options,
            liveness: &snapshot.view.liveness,
            elections,
            plan,
        };
        let writes = condition::writes(&known, &snapshot.shown, Timestamp::now());
        let asked_for: BTreeSet<String> = writes.iter().map(|one| one.service.to_string()).collect();
        self.stated.prune(|service| asked_for.contains(service));
        for write in writes {
            let service = write.service.to_string();
            if self.stated.send(&service, &write.statement, Instant::now()) {
                self.actor.state(write);
            }
        }
    }

    fn ended(&mut self, done: &Done) {
        let (landed, now, jitter) = (done.landed, Instant::now(), Jitter::random());
        match &done.target {
            Target::Status(name) => self.due.ended(name, landed, now, jitter),
            Target::Condition(service) => self.stated.ended(service, landed, now, jitter),
        }
    }
}
