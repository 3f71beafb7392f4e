//! The only wiring: watches, the loop, and what it keeps between two passes.

pub(crate) mod keeping;
mod pass;
mod routers;
mod routing;

use std::time::Duration;

use anyhow::Context;
use ferrolb_crds::domain::NodeName;
use ferrolb_crds::names;
use ferrolb_rawlink::links::{self, LinkTable};
use ferrolb_runtime::dirty::Wakes;
use ferrolb_runtime::idle::at;
use ferrolb_runtime::process::Process;
use ferrolb_runtime::ready::Readiness;
use ferrolb_runtime::shutdown::Shutdown;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};

use crate::args::Args;
use crate::facts::{FactsPage, Sources};
use crate::flows::{self, Flows};
use crate::history::History;
use crate::layer2::announce::{Announcer, LayerTwoMetrics, News};
use crate::layer2::{self, Fresh, Membership, burst};
use crate::may::{Memory, Options};
use crate::metrics::Metrics;
use crate::peers;
use crate::see::dataplane::{self, Dataplane};
use crate::see::snapshot::Reader;
use crate::see::watch::Stores;
use crate::tell::condition::{Settling, Statement};
use crate::tell::events::{Heard, Logged, Told, ToldContested, ToldProblems};
use crate::tell::l2_status::Due;
use crate::tell::resend::Resend;
use crate::tell::sessions;
use crate::tell::status_object::Owner;
use crate::tell::write::Actor;
pub(crate) use keeping::Keeping;
use pass::Input;
use routers::Routers;
pub(crate) use routing::Routing;

/// News of the wire that may wait; it is dropped and counted when the loop is behind.
const NEWS: usize = 64;
/// How long sessions may take to say goodbye.
const LAST_SESSIONS: Duration = Duration::from_secs(3);
/// How long queued events may take after the end.
const LAST_EVENTS: Duration = Duration::from_millis(300);
/// The loop spends at most one part in so many of its time on passes, however often the cluster changes; the wire does not
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
    let pod = args.pod_name.clone();
    let node = NodeName::from(args.node_name.as_str());
    let history = History::of(node.clone());
    let facts = FactsPage::default();
    let more = history.routes().merge(facts.routes());
    let process = Process::start(&args.daemon, names::SPEAKER_EVENTS, pod, more).await?;
    let reported = Readiness::default();
    let routed = Readiness::default();
    let stores = Stores::watch(&process, args.lb_class.clone(), &reported, &routed);
    let metrics = Metrics::register(&process.registry, node.clone())?;
    let links = links::watch().await.context("cannot read the interfaces")?;
    let unknown = process.readiness.part("cluster");
    let cluster = tokio::select! {
        cluster = layer2::cluster(&process.client) => cluster,
        () = process.shutdown.draining() => return Ok(()),
    };
    unknown.done();
    let (membership, protocol) = layer2::join(&args, cluster, &process.registry, history.clone())?;
    let dataplane = dataplane::watch(links.clone(), protocol.views.clone());
    facts.show(Sources {
        node: node.clone(),
        links: links.clone(),
        dataplane: dataplane.clone(),
        protocol: protocol.clone(),
    });
    let (news, heard) = mpsc::channel(NEWS);
    let announcer = Announcer {
        links: links.clone(),
        pace: burst::Pace::default(),
        metrics: LayerTwoMetrics::register(&process.registry)?,
        news,
        liveness: process.liveness.clone(),
        protocol,
    };
    let ended = announcer.start().context("cannot start the thread of the wire")?;
    let Routers {
        routing,
        news: of_peers,
        no_bfd,
        mut no_bgp,
    } = routers::start(&process, &links)?;
    tracing::info!(%node, namespace = process.namespace, class = args.lb_class, "speaker started");
    let options = Options {
        class: args.lb_class,
        ignore_exclude_label: args.ignore_exclude_lb,
    };
    let keeping = Keeping::start(&process, &node, &metrics.writes);
    let actor = Actor::new(
        process.client,
        &process.namespace,
        metrics.writes.clone(),
        process.events,
    );
    let mut speaker = Speaker {
        keeping,
        node,
        pod: args
            .pod_name
            .zip(args.pod_uid)
            .map(|(name, uid)| Owner { name, uid }),
        stores,
        reader: Reader::new(options),
        memory: Memory::default(),
        fresh: Fresh::default(),
        reported,
        routed,
        routing,
        input: None,
        history,
        said: Said::default(),
        metrics,
        actor,
        links,
        dataplane,
        membership,
        flows: flows::may_forget().then(Flows::default),
    };
    // What is decided before everything is listed may be what another node announces.
    let speaking = async {
        tokio::select! {
            () = process.readiness.all_ready() => {
                speaker.membership.await_key(process.readiness.part("key"));
                speaker.run(process.wakes, heard, of_peers, &process.shutdown).await;
            }
            () = process.shutdown.draining() => drop(speaker),
        }
    };
    while_on_the_wire(speaking, ended, no_bfd, &mut no_bgp).await?;
    let _late = timeout(LAST_SESSIONS, no_bgp).await;
    let _late = timeout(LAST_EVENTS, process.events_task).await;
    Ok(())
}

/// Does the work as long as the threads of the wire and of the sessions live.
///
/// # Errors
/// One has ended: nothing would be answered or told any more. A process that ends is started again, and fails its probes
/// until then.
async fn while_on_the_wire(
    work: impl Future<Output = ()>,
    ended: oneshot::Receiver<()>,
    no_bfd: oneshot::Receiver<()>,
    no_bgp: &mut oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    tokio::select! {
        biased;
        () = work => Ok(()),
        _ = ended => anyhow::bail!("the thread of the wire has ended"),
        _ = no_bfd => anyhow::bail!("the thread of BFD has ended"),
        _ = no_bgp => anyhow::bail!("the thread of BGP has ended"),
    }
}

/// What the loop works with.
pub(crate) struct Speaker {
    /// Keeps the objects that show what it is at.
    pub(crate) keeping: Keeping,
    pub(crate) node: NodeName,
    /// Our own Pod; none outside of a Pod.
    pub(crate) pod: Option<Owner>,
    pub(crate) stores: Stores,
    pub(crate) reader: Reader,
    pub(crate) memory: Memory,
    pub(crate) fresh: Fresh,
    /// Ready once the `ServiceL2Status` objects are listed.
    pub(crate) reported: Readiness,
    /// Ready once the objects of BGP are listed.
    pub(crate) routed: Readiness,
    pub(crate) routing: Routing,
    /// What the last pass saw.
    pub(crate) input: Option<Input>,
    /// What happened of late.
    pub(crate) history: History,
    pub(crate) said: Said,
    pub(crate) metrics: Metrics,
    pub(crate) actor: Actor,
    pub(crate) links: watch::Receiver<LinkTable>,
    pub(crate) dataplane: watch::Receiver<Dataplane>,
    pub(crate) membership: Membership,
    /// None if this process may not forget any.
    pub(crate) flows: Option<Flows>,
}

/// What was said, so that it is said once.
#[derive(Default)]
pub(crate) struct Said {
    logged: Logged,
    /// None until the statuses are listed: what an earlier process told is read from them.
    told: Option<Told>,
    problems: ToldProblems,
    /// That every node is excluded.
    all_excluded: bool,
    due: Due,
    /// What was said in the conditions of Services.
    stated: Resend<Statement>,
    settling: Settling,
    contested: ToldContested,
    /// What was told of the sessions.
    sessions: sessions::Told,
}

impl Said {
    /// When something is to be said although nothing changed.
    fn next(&self, now: Instant) -> Option<Instant> {
        let told = self.told.as_ref().and_then(Told::next);
        let sessions = self.sessions.next();
        let times = [
            self.due.next(now),
            self.stated.next(),
            self.settling.next(),
            told,
            sessions,
        ];
        times.into_iter().flatten().min()
    }
}

impl Speaker {
    /// Runs until it is told to stop.
    async fn run(
        mut self,
        mut wakes: Wakes,
        mut news: mpsc::Receiver<News>,
        mut of_peers: mpsc::Receiver<peers::News>,
        shutdown: &Shutdown,
    ) {
        let mut heard = Heard::default();
        let mut give_up = None;
        let mut rested = self.pass();
        loop {
            let keys_change = self.membership.next();
            tokio::select! {
                () = wakes.wait() => {}
                Ok(()) = self.links.changed() => {}
                Ok(()) = self.dataplane.changed() => {}
                () = at(self.said.next(Instant::now())) => {}
                () = at(self.reader.next()) => {}
                () = at(self.routing.next()) => {}
                () = self.membership.changed() => {}
                () = self.routing.changed() => {}
                () = at(keys_change) => {}
                () = at(self.flows.as_ref().and_then(Flows::next)) => {}
                done = self.actor.next() => {
                    self.ended(&done);
                    continue;
                }
                Some(news) = news.recv() => {
                    heard.log(news, &self.history);
                    continue;
                }
                Some(news) = of_peers.recv() => {
                    self.tell_of_peer(&news);
                    continue;
                }
                () = shutdown.draining(), if give_up.is_none() => give_up = Some(self.membership.leave()),
                () = at(give_up) => break,
                () = shutdown.aborted() => break,
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
        self.routing.leave(&self.node);
        self.membership.quit().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_speaker_whose_thread_of_the_wire_ends_says_so_and_ends() {
        let (alive, ended) = oneshot::channel();
        drop(alive);
        let (_watches, watching) = oneshot::channel();
        let (_lives, mut sessions) = oneshot::channel();
        let failed = while_on_the_wire(std::future::pending(), ended, watching, &mut sessions)
            .await
            .unwrap_err();
        assert_eq!(failed.to_string(), "the thread of the wire has ended");
    }

    #[tokio::test]
    async fn a_speaker_that_was_told_to_stop_has_not_failed_although_the_thread_of_the_wire_ends_with_it() {
        let (alive, ended) = oneshot::channel();
        let (_watches, watching) = oneshot::channel();
        let (_lives, mut sessions) = oneshot::channel();
        while_on_the_wire(async { drop(alive) }, ended, watching, &mut sessions)
            .await
            .unwrap();
    }
}
