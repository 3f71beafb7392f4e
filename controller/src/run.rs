//! The only wiring: watches, the loop, and what it keeps between two passes.

use std::collections::BTreeSet;
use std::time::Duration;

use ferrolb_crds::domain::{PoolName, ServiceKey};
use ferrolb_runtime::backoff::Jitter;
use ferrolb_runtime::dirty::Wakes;
use ferrolb_runtime::events::{self, Notice};
use ferrolb_runtime::idle::at;
use ferrolb_runtime::process::Process;
use ferrolb_runtime::shutdown::Shutdown;
use k8s_openapi::jiff::Timestamp;
use kube::Resource;
use kube::runtime::events::EventType;
use tokio::time::{Instant, timeout};

use crate::act::{Actor, Disputes, Done, Verdict};
use crate::alloc::decide;
use crate::args::Args;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::pending::{Ending, Pending};
use crate::plan::{pool_writes, service_writes};
use crate::snapshot::{Fault, Reader, Snapshot};
use crate::watch::Stores;

/// How long writes under way and queued events may take after SIGTERM.
const DRAIN: Duration = Duration::from_secs(5);
/// A pool's counters are written at most this often while they keep changing.
const POOL_STATUS_PACE: Duration = Duration::from_secs(1);

/// Runs the controller until SIGTERM or SIGINT.
///
/// # Errors
/// The cluster cannot be reached at all, or the port is taken.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let process = Process::start(&args.daemon, events::CONTROLLER, args.pod_name.clone()).await?;
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
    let stores = Stores::watch(&client, &namespace, &reports);
    let metrics = Metrics::register(&registry)?;
    let actor = Actor::new(client, metrics.writes.clone(), events);
    tracing::info!(namespace, class = args.lb_class, "controller started");
    let controller = Controller {
        stores,
        reader: Reader::new(args.lb_class),
        memory: Memory::new(Duration::from_secs(args.address_cooldown_seconds)),
        pending: Pending::default(),
        disputes: Disputes::default(),
        pool_writes: PoolWrites::default(),
        told: BTreeSet::new(),
        metrics,
        actor,
    };
    // Whoever allocates before everything is listed may give away an address that is in use.
    tokio::select! {
        () = readiness.all_ready() => controller.run(wakes, &shutdown).await,
        () = shutdown.draining() => drop(controller),
    }
    let _late = timeout(DRAIN, events_task).await;
    Ok(())
}

struct Controller {
    stores: Stores,
    reader: Reader,
    memory: Memory,
    pending: Pending,
    disputes: Disputes,
    pool_writes: PoolWrites,
    /// Faults that were told, so that each is told once.
    told: BTreeSet<String>,
    metrics: Metrics,
    actor: Actor,
}

/// Which pools are being written, and from when on the next write may go out.
#[derive(Default)]
struct PoolWrites {
    under_way: BTreeSet<PoolName>,
    not_before: Option<Instant>,
}

impl Controller {
    async fn run(mut self, mut wakes: Wakes, shutdown: &Shutdown) {
        self.pass();
        loop {
            let by_time = self.next_wake();
            tokio::select! {
                () = wakes.wait() => {}
                done = self.actor.next() => self.ended(done),
                () = at(by_time) => {}
                () = shutdown.draining() => break,
            }
            self.pass();
        }
        self.finish().await;
    }

    /// Snapshot, decide, plan, act: once over everything.
    fn pass(&mut self) {
        let now = Instant::now();
        let mut snapshot = self.reader.read(&self.stores, &self.pending);
        self.memory.recall(&mut snapshot.world, now);
        let decision = decide(&snapshot.world);
        self.memory.note(&snapshot.world, &decision, now);
        self.metrics.show(&decision, snapshot.faults.len());
        self.tell_faults(&snapshot.faults);
        for write in service_writes(&snapshot, &decision, Timestamp::now()) {
            if self.pending.may_send(&write.service, &write.version, now) {
                self.pending.sent(
                    write.service.clone(),
                    write.version.clone(),
                    write.assumed.clone(),
                );
                let ownership = self.disputes.ownership(&write.service);
                self.actor.write_service(write, ownership);
            }
        }
        self.write_pools(&snapshot, &decision, now);
        self.forget(&snapshot, now);
    }

    /// Counters of pools come after the Services that are waiting.
    fn write_pools(&mut self, snapshot: &Snapshot, decision: &crate::alloc::Decision, now: Instant) {
        if self.pending.in_flight() || self.pool_writes.not_before.is_some_and(|time| now < time) {
            return;
        }
        for write in pool_writes(snapshot, &decision.usage) {
            if self.pool_writes.under_way.insert(write.pool.clone()) {
                self.pool_writes.not_before = Some(now + POOL_STATUS_PACE);
                self.actor.write_pool(write);
            }
        }
    }

    fn forget(&mut self, snapshot: &Snapshot, now: Instant) {
        let version = |service: &ServiceKey| {
            snapshot
                .services
                .get(service)
                .map(|seen| seen.observed.resource_version.as_str())
        };
        self.pending.prune(version, now);
        self.disputes
            .prune(|service| snapshot.services.contains_key(service));
    }

    fn ended(&mut self, done: Done) {
        match done {
            Done::Pool { pool, landed } => {
                self.pool_writes.under_way.remove(&pool);
                if !landed {
                    tracing::debug!(%pool, "counters of the pool not written");
                }
            }
            Done::Service {
                service,
                ending,
                owners,
            } => {
                let ending = if owners.is_empty() {
                    ending
                } else {
                    self.disputed(&service, owners)
                };
                self.pending
                    .ended(&service, ending, Instant::now(), Jitter::random());
            }
        }
    }

    fn disputed(&mut self, service: &ServiceKey, owners: Vec<String>) -> Ending {
        match self.disputes.met(service, owners) {
            Verdict::Take => return Ending::Stale,
            Verdict::GiveUp => self.tell_dispute(service),
            Verdict::LeaveAlone => {}
        }
        Ending::Refused
    }

    fn tell_dispute(&self, service: &ServiceKey) {
        let owners = self.disputes.owners(service);
        tracing::warn!(%service, owners, "another controller keeps writing the status; it is left alone");
        let snapshot = self.stores.services.snapshot();
        let key = ferrolb_runtime::reflect::ObjectKey::new(service.namespace.clone(), service.name.clone());
        let object = snapshot.get(&key).and_then(|entry| entry.object());
        if let Some(object) = object {
            self.actor.tell(Notice {
                regarding: object.object_ref(&()),
                severity: EventType::Warning,
                reason: "StatusDisputed".to_owned(),
                note: format!("{owners} keeps writing the status of this Service, which is left alone"),
            });
        }
    }

    fn tell_faults(&mut self, faults: &[Fault]) {
        let texts: BTreeSet<String> = faults.iter().map(ToString::to_string).collect();
        for fault in faults
            .iter()
            .filter(|fault| !self.told.contains(&fault.to_string()))
        {
            tracing::warn!(%fault, "object skipped in whole or in part");
            self.actor.tell(Notice {
                regarding: fault.object.clone(),
                severity: EventType::Warning,
                reason: "InvalidConfiguration".to_owned(),
                note: fault.message.clone(),
            });
        }
        self.told = texts;
    }

    /// When something changes by time alone.
    fn next_wake(&self) -> Option<Instant> {
        let pools = self.pool_writes.not_before.filter(|time| *time > Instant::now());
        [self.memory.next_change(), self.pending.next_try(), pools]
            .into_iter()
            .flatten()
            .min()
    }

    /// Waits for the writes under way: whoever comes after us should find their outcome.
    async fn finish(mut self) {
        let writes = async {
            while self.pending.in_flight() {
                let done = self.actor.next().await;
                self.ended(done);
            }
        };
        if timeout(DRAIN, writes).await.is_err() {
            tracing::warn!("stopped with writes under way");
        }
    }
}
