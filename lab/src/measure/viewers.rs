//! What people who look at the status page cost a controller.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::allocate::{ONE, POOL, WAITING};
use super::services::{Requests, Seen};
use crate::error::{Error, Result};
use crate::lab::{Lab, LabConfig};
use crate::plan::Machine;
use crate::process::Process;
use crate::{source, wait};

/// The longest wait for the Services that are there at first.
pub(super) const ALL: Duration = Duration::from_secs(600);
/// How often a Service is added.
const EVERY: Duration = Duration::from_millis(100);
const PORT: u16 = 9120;
/// Longer than a stream is silent.
const SILENT: Duration = Duration::from_secs(12);

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub struct Viewers {
    /// Services that are there at first.
    pub services: usize,
    /// How many look.
    pub viewers: usize,
    /// How long, without them and with them.
    pub lasting: Duration,
}

/// What was measured. Ten Services a second get an address in both parts.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Viewed {
    /// Services that were there at first.
    pub services: usize,
    /// How many looked.
    pub viewers: usize,
    /// Of one core, while nobody looked.
    pub percent_without: f64,
    /// Of one core, while they looked.
    pub percent_with: f64,
    /// Services that were added while they looked.
    pub added: usize,
    /// How many of them the viewer was told of who was told of the fewest.
    pub fewest_told: usize,
    /// What one viewer was sent meanwhile, in bytes, without the page itself.
    pub bytes_per_viewer: usize,
    /// Resident memory of the controller in the end.
    pub controller_rss_bytes: u64,
}

/// What one viewer was told.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    services: usize,
    bytes: usize,
}

/// Measures in a lab of this name, made for it, with the controller of this tree.
///
/// # Errors
/// If the lab does not start, the controller does not do its work, or the page cannot be read.
pub fn viewers(name: &str, what: &Viewers) -> Result<Viewed> {
    let command = format!("{} controller", source::static_program("ferrolb")?.display());
    let lab = Lab::up(&LabConfig {
        name: name.to_owned(),
        nodes: 0,
        clients: 1,
    })?;
    lab.apply_definitions(None)?;
    lab.apply(POOL)?;
    let requests = Requests::of(&lab)?;
    requests.create(WAITING, 0..what.services)?;
    let watch = requests.watch(WAITING, ONE)?;
    let controller = lab.start_controller("controller", &command, &[])?;
    let served = |services: usize| {
        let all = move |seen: &Seen| (seen.addresses.len() >= services).then_some(());
        watch.until("an address for each Service", ALL, all)
    };
    served(what.services)?;
    rested(&controller)?;
    let (first, percent_without) = growing(&requests, &controller, what.services, what.lasting)?;
    served(first)?;
    let (reading, ended) = (AtomicUsize::new(what.viewers), AtomicBool::new(false));
    let (told, (last, percent_with)) = thread::scope(|scope| {
        let looking = scope.spawn(|| look(&lab, what.viewers, &reading, &ended));
        // They read the whole page first, which is not what is asked for.
        let all_read = wait::until("each viewer to have read the page", ONE, || {
            let is_over = reading.load(Ordering::Relaxed) == 0 || looking.is_finished();
            Ok(is_over.then_some(()))
        });
        let grown = all_read.and_then(|()| growing(&requests, &controller, first, what.lasting));
        thread::sleep(Duration::from_secs(1));
        ended.store(true, Ordering::Relaxed);
        let told = looking.join().expect("a viewer does not panic")?;
        Ok::<_, Error>((told, grown?))
    })?;
    let usage = controller.usage()?;
    lab.down()?;
    Ok(Viewed {
        services: what.services,
        viewers: what.viewers,
        percent_without,
        percent_with,
        added: last - first,
        fewest_told: told.iter().map(|one| one.services).min().unwrap_or_default(),
        bytes_per_viewer: told.iter().map(|one| one.bytes).max().unwrap_or_default(),
        controller_rss_bytes: usage.rss_bytes,
    })
}

/// Waits until the controller does nothing any more: of Services that got an address it tells in events for some seconds.
pub(super) fn rested(controller: &Process) -> Result<()> {
    let idle = |seconds: f64| (seconds < 0.01).then_some(());
    let mut before = controller.usage()?.cpu_seconds;
    wait::until("the controller to rest", ALL, || {
        thread::sleep(Duration::from_secs(1));
        let now = controller.usage()?.cpu_seconds;
        Ok(idle(now - std::mem::replace(&mut before, now)))
    })
}

/// Adds Services for so long; returns how many there are then, and what the controller used of a core.
fn growing(
    requests: &Requests,
    controller: &Process,
    from: usize,
    lasting: Duration,
) -> Result<(usize, f64)> {
    let (before, began) = (controller.usage()?.cpu_seconds, Instant::now());
    let mut next = from;
    while began.elapsed() < lasting {
        requests.create(WAITING, next..next + 1)?;
        next += 1;
        thread::sleep(EVERY);
    }
    let used = controller.usage()?.cpu_seconds - before;
    Ok((
        next,
        (used / began.elapsed().as_secs_f64() * 1000.0).round() / 10.0,
    ))
}

/// So many viewers at once, until it is over. `reading` counts those that have not read the page yet.
fn look(lab: &Lab, viewers: usize, reading: &AtomicUsize, ended: &AtomicBool) -> Result<Vec<Told>> {
    lab.in_machine(Machine::ControlPlane, || {
        thread::scope(|scope| {
            let viewers: Vec<_> = (0..viewers)
                .map(|_| scope.spawn(|| viewer(reading, ended)))
                .collect();
            let told = viewers
                .into_iter()
                .map(|one| one.join().expect("a viewer does not panic"));
            told.collect::<std::io::Result<_>>()
        })
    })?
    .map_err(|failed| Error::Refused(format!("cannot look at the page: {failed}")))
}

/// As a browser: the page once, then one stream after the other, each from where the last one ended.
fn viewer(reading: &AtomicUsize, ended: &AtomicBool) -> std::io::Result<Told> {
    let mut version = String::new();
    request("/", |line| {
        if let Some((_, rest)) = line.split_once("data-version=\"") {
            version = rest.split('"').next().unwrap_or_default().to_owned();
        }
    })?;
    reading.fetch_sub(1, Ordering::Relaxed);
    let mut told = Told::default();
    while !ended.load(Ordering::Relaxed) {
        request(&format!("/events?since={version}"), |line| {
            told.bytes += line.len();
            if let Some(id) = line.strip_prefix("id: ") {
                version = id.to_owned();
            }
            told.services += line.matches("\"section\":\"services\"").count();
        })?;
    }
    Ok(told)
}

fn request(path: &str, mut line: impl FnMut(&str)) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", PORT))?;
    stream.set_read_timeout(Some(SILENT))?;
    stream.write_all(
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    for read in BufReader::new(stream).lines() {
        line(&read?);
    }
    Ok(())
}

impl Viewed {
    /// For people.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "{} Services, ten more each second\n\
             nobody looks: {:.1} % of a core; {} look: {:.1} %: {:.1} % for all of them\n\
             {} added, at least {} changes told to each viewer in {} bytes",
            self.services,
            self.percent_without,
            self.viewers,
            self.percent_with,
            self.percent_with - self.percent_without,
            self.added,
            self.fewest_told,
            self.bytes_per_viewer,
        )
    }
}
