//! The only wiring: watches, the loop, and what it keeps between two passes.

mod pass;
mod wire;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use ferrolb_crds::domain::{Component, ConfigurationReport, NodeName};
use ferrolb_crds::names;
use ferrolb_rawlink::links;
use ferrolb_runtime::dirty::Wakes;
use ferrolb_runtime::idle::at;
use ferrolb_runtime::patch::Writer;
use ferrolb_runtime::process::Process;
use ferrolb_runtime::ready::Readiness;
use ferrolb_runtime::shutdown::Shutdown;
use ferrolb_runtime::upkeep::Upkeep;
use k8s_openapi::jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use crate::args::Args;
use crate::layer2::announce::News;
use crate::layer2::{self, Membership};
use crate::may::{Memory, Note, Options};
use crate::metrics::Metrics;
use crate::see::snapshot::Reader;
use crate::see::watch::Stores;
use crate::tell::condition::{Settling, Statement};
use crate::tell::events::{Heard, Logged, Told, ToldFaults};
use crate::tell::l2_status::{Due, Owner};
use crate::tell::resend::Resend;
use crate::tell::write::{Actor, WRITE_TIMEOUT};
use wire::Wire;

/// How long queued events may take after the end.
const LAST_EVENTS: Duration = Duration::from_millis(300);
/// Of its time the loop spends at most one part in so many on passes, however often the cluster changes; the wire does not
/// wait for it.
const SHARE: u32 = 20;
/// A pass is put off no longer than this.
const PUT_OFF_AT_MOST: Duration = Duration::from_millis(500);

/// Runs the speaker until SIGTERM or SIGINT.
///
/// # Errors
/// There is no way to reach the cluster, the port is taken, the interfaces of the node cannot be read, or the thread of
/// the wire ended.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let process = Process::start(&args.daemon, names::SPEAKER_EVENTS, args.pod_name.clone()).await?;
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
    let stores = Stores::watch(&client, &namespace, &reports, &reported);
    let node = NodeName::from(args.node_name.as_str());
    let metrics = Metrics::register(&registry, node.clone())?;
    let links = links::watch().await.context("cannot read the interfaces")?;
    let unknown = readiness.part("cluster");
    let cluster = tokio::select! {
        cluster = layer2::cluster(&client) => cluster,
        () = shutdown.draining() => return Ok(()),
    };
    unknown.done();
    let (membership, protocol) = layer2::join(&args, cluster, &registry)?;
    let (wire, news) = Wire::start(links, &registry, protocol)?;
    tracing::info!(%node, namespace, class = args.lb_class, "speaker started");
    let options = Options {
        class: args.lb_class,
        ignore_exclude_label: args.ignore_exclude_lb,
    };
    let configuration = Upkeep {
        client: client.clone(),
        namespace: namespace.clone(),
        name: Component::Speaker(node.clone()).object_name(),
        writer: Writer::new(names::SPEAKER_MANAGER, WRITE_TIMEOUT, metrics.writes.clone()),
        metrics: reports.metrics.clone(),
    };
    let actor = Actor::new(client, &namespace, metrics.writes.clone(), events);
    let mut speaker = Speaker {
        configuration: configuration
            .start(|report: &ConfigurationReport, seen| report.object(seen, Timestamp::now())),
        node,
        pod: args
            .pod_name
            .zip(args.pod_uid)
            .map(|(name, uid)| Owner { name, uid }),
        stores,
        reader: Reader::new(options),
        memory: Memory::default(),
        reported,
        logged: Logged::default(),
        told: None,
        faults: ToldFaults::default(),
        notes: BTreeSet::new(),
        due: Due::default(),
        stated: Resend::default(),
        settling: Settling::default(),
        metrics,
        actor,
        wire,
        membership,
    };
    // What is decided before everything is listed may be what another node announces.
    tokio::select! {
        () = readiness.all_ready() => {
            speaker.membership.await_key(readiness.part("key"));
            speaker.run(wakes, news, &shutdown).await?;
        }
        () = shutdown.draining() => drop(speaker),
    }
    let _late = timeout(LAST_EVENTS, events_task).await;
    Ok(())
}

struct Speaker {
    /// Keeps the object that shows what is wrong.
    configuration: watch::Sender<Option<ConfigurationReport>>,
    node: NodeName,
    /// Our own Pod; none outside of a Pod.
    pod: Option<Owner>,
    stores: Stores,
    reader: Reader,
    memory: Memory,
    /// Ready once the `ServiceL2Status` objects are listed.
    reported: Readiness,
    logged: Logged,
    /// None until then: what an earlier process told is read from them.
    told: Option<Told>,
    faults: ToldFaults,
    notes: BTreeSet<Note>,
    due: Due,
    /// What was said in the conditions of Services.
    stated: Resend<Statement>,
    settling: Settling,
    metrics: Metrics,
    actor: Actor,
    wire: Wire,
    membership: Membership,
}

impl Speaker {
    /// Runs until it is told to stop.
    ///
    /// # Errors
    /// The thread of the wire is gone: nothing would be answered any more.
    async fn run(
        mut self,
        mut wakes: Wakes,
        mut news: mpsc::Receiver<News>,
        shutdown: &Shutdown,
    ) -> anyhow::Result<()> {
        let mut heard = Heard::default();
        let mut give_up = None;
        let mut rested = self.pass();
        loop {
            let keys_change = self.membership.next();
            tokio::select! {
                () = wakes.wait() => {}
                Ok(()) = self.wire.links.changed() => {}
                () = at(self.due.next(Instant::now())) => {}
                () = at(self.stated.next()) => {}
                () = at(self.settling.next()) => {}
                () = self.membership.changed() => {}
                () = at(keys_change) => {}
                done = self.actor.next() => {
                    self.ended(&done);
                    continue;
                }
                Some(news) = news.recv() => {
                    heard.log(news);
                    continue;
                }
                () = shutdown.draining(), if give_up.is_none() => give_up = Some(self.membership.leave()),
                () = at(give_up) => break,
                () = shutdown.aborted() => break,
                _ = &mut self.wire.ended => anyhow::bail!("the thread of the wire has ended"),
            }
            // What comes meanwhile is taken along.
            if give_up.is_none() {
                tokio::time::sleep_until(rested).await;
            }
            rested = self.pass();
            // What is left once all was handed over, nobody else can have.
            if give_up.is_some() && self.membership.has_left() {
                break;
            }
        }
        self.membership.quit().await;
        Ok(())
    }
}
