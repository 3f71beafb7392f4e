//! How long nobody serves an address after something has happened to its holder.

mod fault;
pub(super) mod report;
mod scene;
mod stream;

use std::time::{Duration, Instant, SystemTime};

use super::Place;
use super::ticker::Ticker;
use super::trace::Marks;
use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::plan::Machine;
use crate::probe::{Announcement, Announcements};
use crate::program::Implementation;
use crate::wait;
use scene::{PORT, Scene};
use stream::{PATIENCE, Stream, outage};

pub use fault::Kind;
pub use report::{Failovers, Run};

/// How long the client must be served without a gap before a run and at its end.
const SERVED: Duration = Duration::from_millis(200);
const SOON: Duration = Duration::from_secs(30);
/// A stall shortly before the fault delays what follows.
const BEFORE: Duration = Duration::from_millis(100);

/// What is measured.
#[derive(Debug, Clone)]
pub struct Failover {
    /// What happens to the holder.
    pub kind: Kind,
    /// How many runs count.
    pub runs: usize,
    /// Nodes of a lab made for it.
    pub nodes: u8,
    /// Run controller and speakers as plain processes, on bare nodes if the lab is made for it.
    pub plain: bool,
    /// What is run instead of this tree's controller and speaker. Commands are for plain processes only.
    pub implementation: Implementation,
    /// More variables of the speakers, name and value.
    pub variables: Vec<(String, String)>,
    /// Stop the API server and etcd before each fault, until the run is over.
    pub without_api: bool,
    /// Measure on an IPv6 address.
    pub ipv6: bool,
    /// How long a run waits for a new holder.
    pub limit: Duration,
    /// A run in which this machine stood still for longer is thrown away.
    pub stall_limit: Duration,
}

/// What became of one fault.
struct Fallout {
    run: Run,
    stall: Duration,
}

/// Measures; `tell` hears of each run as it ends. A run that nobody serves in the end counts with the time until
/// then. When more than one run in five was thrown away, it stops: see
/// [`Failovers::verdict`].
///
/// # Errors
/// If the lab does not start, or is not whole again after a run.
pub fn failover(place: &Place, what: &Failover, mut tell: impl FnMut(&str)) -> Result<Failovers> {
    let mut scene = Scene::set(place, what)?;
    let mut all = Failovers::new(what, scene.nodes());
    while all.wants_more() {
        let fallout = scene.run(what, all.tries())?;
        if fallout.stall > what.stall_limit {
            tell(&format!("repeated: stood still for {:.1?}", fallout.stall));
            all.repeat();
        } else {
            tell(&fallout.run.in_words());
            all.count(fallout.run);
        }
    }
    scene.strike_the_set()?;
    Ok(all)
}

/// What is watched while something happens.
struct Watch {
    announcements: Announcements,
    ticker: Ticker,
    stream: Stream,
}

/// The moment just before a fault is made.
struct Before {
    at: Instant,
    clock: SystemTime,
    marks: Marks,
}

impl Before {
    fn now(lab: &Lab) -> Self {
        let marks = Marks::now(lab);
        Self {
            at: Instant::now(),
            clock: SystemTime::now(),
            marks,
        }
    }
}

impl Scene {
    fn run(&mut self, what: &Failover, number: usize) -> Result<Fallout> {
        let holder = self.settle()?;
        let watch = Watch::start(self)?;
        if what.without_api {
            self.lab.stop_control_plane()?.leave();
        }
        let before = Before::now(&self.lab);
        let struck = self.strike(what.kind, holder, number);
        let fallout = struck.and_then(|struck| {
            let excluded = struck.excluded(what.kind);
            let first = watch.await_successor(what.limit, &excluded, before.at)?;
            let fallout = self.fallout(&watch, &before, first, &struck.victims)?;
            Ok((struck, fallout))
        });
        drop(watch);
        if what.without_api {
            self.lab.start_control_plane()?;
        }
        let (struck, fallout) = fallout?;
        self.repair(what.kind, struck)?;
        Ok(fallout)
    }

    /// The figures of a run that is over, before anything is mended.
    fn fallout(
        &self,
        watch: &Watch,
        before: &Before,
        first: Option<Announcement>,
        victims: &[u8],
    ) -> Result<Fallout> {
        let end = Instant::now();
        let since = first.map_or(before.at, |first| first.at);
        let served = watch.stream.flows(since, SERVED);
        let server = self.learned()?.filter(|_| served);
        let stall = watch
            .ticker
            .longest(before.at.checked_sub(BEFORE).unwrap_or(before.at), end);
        let steps = server.map(|node| {
            let address = self.address.to_string();
            before.marks.since(&self.lab, node, &address, before.clock)
        });
        let steps = steps.unwrap_or_default();
        let run = Run {
            unanswered: watch.stream.unanswered(before.at, end - PATIENCE),
            outage_ms: milliseconds(outage(&watch.stream.answered(), before.at, end - PATIENCE)),
            detect_ms: steps.detected.map(milliseconds),
            claim_ms: steps.claimed.map(milliseconds),
            gratuitous_ms: first.map(|first| milliseconds(first.at - before.at)),
            answered_by: server.map(|node| self.lab.node_name(node)),
            stall_ms: milliseconds(stall),
            victims: victims.iter().map(|node| self.lab.node_name(*node)).collect(),
        };
        Ok(Fallout { run, stall })
    }
}

impl Watch {
    /// Starts to watch, and waits until the client is served.
    fn start(scene: &Scene) -> Result<Self> {
        let began = Instant::now();
        let watch = Self {
            announcements: scene.lab.hear_announcements(scene.address)?,
            ticker: Ticker::start(),
            stream: Stream::start(&scene.lab, scene.address, PORT)?,
        };
        wait::until("the client to be served without a gap", SOON, || {
            Ok(watch.stream.flows(began, SERVED).then_some(()))
        })?;
        Ok(watch)
    }

    /// The first announcement of a new holder, once the client is served again; none if that takes too long.
    fn await_successor(
        &self,
        limit: Duration,
        excluded: &[Machine],
        fault: Instant,
    ) -> Result<Option<Announcement>> {
        let of_another =
            |one: &Announcement| one.at > fault && !excluded.iter().any(|victim| victim.mac() == one.mac);
        let first = || self.announcements.heard().into_iter().find(of_another);
        let served = wait::until("a new holder", limit, || {
            Ok(first().filter(|first| self.stream.flows(first.at, SERVED)))
        });
        match served {
            Ok(first) => Ok(Some(first)),
            Err(Error::Late { .. }) => Ok(first()),
            Err(other) => Err(other),
        }
    }
}

/// To a tenth.
pub(super) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

/// The node at whose MAC the first client's kernel believes the address to be.
fn learned(lab: &Lab, address: std::net::IpAddr) -> Result<Option<u8>> {
    let told = lab.client(&["ip", "neigh", "show", "to", &address.to_string(), "dev", "eth0"])?;
    let mut words = told.split_whitespace().skip_while(|word| *word != "lladdr");
    Ok(words.nth(1).and_then(|mac| lab.node_number(mac)))
}
