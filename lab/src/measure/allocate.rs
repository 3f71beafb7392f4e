//! How fast a controller gives addresses to many Services that wait for one, and what that costs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::audit::{AuditLog, Write};
use super::handover::{self, Restart};
use super::services::{Requests, Seen, Set, Watch, Written};
use crate::error::{Error, Result};
use crate::lab::{Lab, LabConfig};
use crate::pki;
use crate::process::Process;
use crate::program::Implementation;
use crate::source;

/// The longest wait for all Services.
const ALL: Duration = Duration::from_secs(600);
/// The longest wait for one.
pub(super) const ONE: Duration = Duration::from_secs(120);

/// Those that wait for an address.
pub(super) const WAITING: Set = Set {
    name: "waiting",
    class: None,
};
/// Those whose status a client writes by itself; nobody else touches them.
const REFERENCE: Set = Set {
    name: "reference",
    class: Some("example.com/reference"),
};

pub(super) const POOL: &str = r#"
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: measured, namespace: metallb-system}
spec: {addresses: [10.100.0.0/16]}
"#;

/// What was measured. The cluster has no node, so the API server has nobody else to serve.
#[derive(Debug, Clone, Serialize)]
pub struct Allocation {
    /// How many Services waited.
    pub services: usize,
    /// From the start of the controller until the last address was in a status.
    pub seconds: f64,
    /// A client that applies as many statuses to other Services, as many at a time as the controller, in the same lab, until the same
    /// watch has seen the last of them.
    pub reference_seconds: f64,
    /// The same where the client writes all that the controller of this tree writes: an annotation and a condition too.
    pub whole_reference_seconds: f64,
    /// All requests of the controller that are to change something, until nothing trails any more.
    pub api_writes: usize,
    /// The same for each Service.
    pub api_writes_per_service: f64,
    /// The same by verb and resource, refused ones by themselves.
    pub api_writes_by_kind: BTreeMap<String, usize>,
    /// Processor time of the controller until then, its start included.
    pub controller_cpu_seconds: f64,
    /// Resident memory of the controller then.
    pub controller_rss_bytes: u64,
    /// Writes to the status of Services after one Service was deleted, until one created after that has its address
    /// and nothing trails; the write of that one is not counted.
    pub writes_after_one_deletion: usize,
    /// From SIGTERM to the controller until a Service created at that moment has an address.
    pub restart_seconds: f64,
    /// The program that gives that address.
    pub restart: Restart,
}

/// Everything that takes part.
pub(super) struct Scene {
    pub(super) lab: Lab,
    pub(super) requests: Requests,
    pub(super) watch: Watch,
    pub(super) command: String,
    audit: AuditLog,
}

/// Measures in a lab of this name, made for it. By default with the controller of this tree.
///
/// # Errors
/// If the lab does not start, the controller ends or does not do its work, or an address is given twice.
pub fn allocate(name: &str, services: usize, implementation: &Implementation) -> Result<Allocation> {
    let command = match &implementation.controller {
        Some(command) => command.clone(),
        None => format!("{} controller", source::static_program("ferrolb")?.display()),
    };
    let lab = Lab::up(&LabConfig {
        name: name.to_owned(),
        nodes: 0,
        clients: 1,
    })?;
    lab.apply_definitions(implementation.manifests.clone())?;
    lab.apply(POOL)?;
    let requests = Requests::of(&lab)?;
    let references = [
        reference(&requests, services, Written::Bare)?,
        reference(&requests, services, Written::Whole)?,
    ];
    requests.create(WAITING, 0..services)?;
    let watch = requests.watch(WAITING, ONE)?;
    let audit = AuditLog::of(pki::account("controller"), lab.state().log("audit"));
    let scene = Scene {
        lab,
        requests,
        watch,
        command,
        audit,
    };
    let measured = scene.measure(services, references)?;
    Ok(measured)
}

fn reference(requests: &Requests, services: usize, written: Written) -> Result<Duration> {
    let names = requests.create(REFERENCE, 0..services)?;
    let watch = requests.watch(REFERENCE, ONE)?;
    let began = Instant::now();
    requests.apply_statuses(&names, written)?;
    let last = last_of(&watch, services)?;
    requests.delete_set(REFERENCE)?;
    Ok(last - began)
}

/// When the last of so many addresses was seen.
fn last_of(watch: &Watch, services: usize) -> Result<Instant> {
    let last = |seen: &Seen| {
        let all = seen.addresses.len() >= services;
        all.then(|| seen.addresses.values().map(|(_, at)| *at).max())
    };
    let last = watch.until("an address for each Service", ALL, last)?;
    Ok(last.expect("there is at least one Service"))
}

impl Scene {
    fn measure(mut self, services: usize, [bare, whole]: [Duration; 2]) -> Result<Allocation> {
        let began = Instant::now();
        let controller = handover::start(&self, 1)?;
        let last = self.all_served(&controller, services)?;
        self.audit.settle()?;
        let (usage, writes) = (controller.usage()?, self.audit.writes.clone());
        let after_deletion = self.writes_after_a_deletion(services)?;
        let (restart, restarted) = handover::measure(&self, controller, services + 1)?;
        self.lab.down()?;
        Ok(Allocation {
            services,
            seconds: to_a_millisecond(last.duration_since(began)),
            reference_seconds: to_a_millisecond(bare),
            whole_reference_seconds: to_a_millisecond(whole),
            api_writes: writes.len(),
            api_writes_per_service: per_service(writes.len(), services),
            api_writes_by_kind: by_kind(&writes),
            controller_cpu_seconds: usage.cpu_seconds,
            controller_rss_bytes: usage.rss_bytes,
            writes_after_one_deletion: after_deletion,
            restart_seconds: to_a_millisecond(restarted),
            restart,
        })
    }

    /// When the last address was seen.
    fn all_served(&self, controller: &Process, services: usize) -> Result<Instant> {
        let last = last_of(&self.watch, services);
        let last = last.map_err(|late| late.with_log(&self.lab.state().log(controller.name())))?;
        self.watch
            .until("the addresses", ONE, |seen| Some(no_address_twice(seen)))??;
        Ok(last)
    }

    fn writes_after_a_deletion(&mut self, marker: usize) -> Result<usize> {
        let before = self.audit.writes.len();
        self.requests.delete(&format!("{}-0", WAITING.name))?;
        let marker = self.requests.create(WAITING, marker..marker + 1)?.remove(0);
        self.served(&marker)?;
        self.audit.settle()?;
        let since = self.audit.writes[before..].iter();
        let others = since.filter(|write| write.resource == "services/status" && write.name != marker);
        Ok(others.count())
    }

    /// When a Service's address was seen.
    pub(super) fn served(&self, service: &str) -> Result<Instant> {
        let at = |seen: &Seen| seen.addresses.get(service).map(|(_, at)| *at);
        self.watch.until(&format!("an address for {service}"), ONE, at)
    }
}

fn no_address_twice(seen: &Seen) -> Result<()> {
    let mut given = BTreeSet::new();
    match seen
        .addresses
        .values()
        .find(|(address, _)| !given.insert(address))
    {
        Some((twice, _)) => Err(Error::Refused(format!("{twice} was given twice"))),
        None => Ok(()),
    }
}

fn by_kind(writes: &[Write]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for write in writes {
        *kinds.entry(write.kind()).or_default() += 1;
    }
    kinds
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn per_service(writes: usize, services: usize) -> f64 {
    (writes as f64 / services as f64 * 1000.0).round() / 1000.0
}

fn to_a_millisecond(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

impl Allocation {
    /// The figures, one a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let kinds: String = self
            .api_writes_by_kind
            .iter()
            .map(|(kind, count)| format!("\n  {count:6} {kind}"))
            .collect();
        format!(
            "{} Services served {:.3} s after the controller's start\n\
             {:.3} s for as many bare status applies by a client: factor {:.2}\n\
             {:.3} s for as many with an annotation and a condition: factor {:.2}\n\
             {} API writes, {:.3} per Service{kinds}\n\
             controller: {:.2} s CPU, {:.1} MiB resident\n\
             {} status writes after one deletion\n\
             restart ({}): {:.3} s from SIGTERM to the address of a new Service",
            self.services,
            self.seconds,
            self.reference_seconds,
            self.seconds / self.reference_seconds,
            self.whole_reference_seconds,
            self.seconds / self.whole_reference_seconds,
            self.api_writes,
            self.api_writes_per_service,
            self.controller_cpu_seconds,
            mebibytes(self.controller_rss_bytes),
            self.writes_after_one_deletion,
            self.restart.in_words(),
            self.restart_seconds,
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
