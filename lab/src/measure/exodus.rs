//! What happens when a node dies that holds a thousand addresses: when each is announced by another, by which one, and what
//! that costs the API server.

mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant, SystemTime};

use super::Place;
use super::audit::{AuditLog, Write};
use super::failover::milliseconds;
use super::stage::{Holders, Size, Stage, spread};
use super::ticker::Ticker;
use super::trace::{Line, Marks};
use crate::error::{Error, Result};
use crate::pki;
use crate::probe::{Announcement, Announcements};
use crate::program::Implementation;
use crate::wait;

pub use report::{Exoduses, Move};

/// A stall shortly before the cut delays what follows.
const BEFORE: Duration = Duration::from_millis(100);

/// How long two may answer for an address, or a question may be lost.
const ANSWERING: Duration = Duration::from_secs(2);

/// What is measured.
#[derive(Debug, Clone)]
pub struct Exodus {
    /// How many runs count.
    pub runs: usize,
    /// Nodes of a lab made for it, at least three.
    pub nodes: u8,
    /// How many addresses the dead node holds, or a few more.
    pub addresses: u16,
    /// Another speaker than this tree's.
    pub implementation: Implementation,
    /// How long a run waits for the last announcement.
    pub limit: Duration,
    /// A run in which this machine stood still for longer is thrown away.
    pub stall_limit: Duration,
}

/// Measures; `tell` hears of each run as it ends.
///
/// There are as many addresses as all nodes but one hold together at this number each. The last node starts empty, and so
/// does each that comes back: nothing moves without a reason. So the node that dies, which is the one with the most, always
/// holds that number at least, and most of it goes to the one that is empty.
///
/// # Errors
/// If the lab does not start, or is not whole again after a run.
pub fn exodus(place: &Place, what: &Exodus, mut tell: impl FnMut(&str)) -> Result<Exoduses> {
    let others = u16::from(what.nodes.saturating_sub(1));
    let Some(addresses) = what.addresses.checked_mul(others).filter(|_| others > 1) else {
        return Error::refused("this needs three nodes, and not more than 65,535 addresses in all");
    };
    let size = Size {
        nodes: what.nodes,
        clients: 1,
        addresses,
    };
    let stage = Stage::set(place, size, &what.implementation)?;
    let audit = AuditLog::of(pki::account("speaker"), stage.lab.state().log("audit"));
    let mut scene = Scene { stage, audit };
    scene.begin()?;
    let mut all = Exoduses::new(what, usize::from(addresses));
    while all.wants_more() {
        let run = scene.run(what.limit)?;
        tell(&run.in_words());
        all.take(run, what.stall_limit);
    }
    scene.stage.strike()?;
    Ok(all)
}

struct Scene {
    stage: Stage,
    audit: AuditLog,
}

/// What is watched while it happens.
struct Watch {
    announcements: Announcements,
    ticker: Ticker,
    marks: Marks,
    writes_before: usize,
    at: Instant,
    clock: SystemTime,
}

/// The node that dies, and what it held.
struct Victim {
    node: u8,
    held: BTreeSet<Ipv4Addr>,
}

/// The first announcement of each address by another node.
type Firsts = BTreeMap<Ipv4Addr, Announcement>;

impl Scene {
    /// Starts all but the last, and then the last.
    fn begin(&mut self) -> Result<()> {
        let nodes: Vec<u8> = self.stage.lab.plan().nodes().collect();
        let (last, others) = nodes.split_last().expect("there are three nodes");
        others.iter().try_for_each(|node| self.stage.start(*node))?;
        self.stage.settle()?;
        self.stage.start(*last)
    }

    fn run(&mut self, limit: Duration) -> Result<Move> {
        let holders = self.stage.settle()?;
        self.audit.settle()?;
        let victim = fullest(&holders, self.stage.lab.plan().nodes());
        let watch = Watch {
            announcements: self.stage.lab.hear_all_announcements()?,
            ticker: Ticker::start(),
            marks: Marks::now(&self.stage.lab),
            writes_before: self.audit.writes.len(),
            at: Instant::now(),
            clock: SystemTime::now(),
        };
        self.stage.lab.cut(victim.node)?.leave();
        let firsts = self.announced(&watch, &victim, limit)?;
        let stall = watch
            .ticker
            .longest(watch.at.checked_sub(BEFORE).unwrap_or(watch.at), Instant::now());
        let answering = self.answered()?;
        self.audit.settle()?;
        let run = self.figures(&watch, &victim, &firsts, &answering, stall);
        self.stage.lab.boot(victim.node)?;
        self.stage.start(victim.node)?;
        Ok(run)
    }

    /// Waits for the last; without one, what there is in the end.
    fn announced(&self, watch: &Watch, victim: &Victim, limit: Duration) -> Result<Firsts> {
        let dead = self.stage.lab.node_mac(victim.node);
        let firsts = || {
            let heard = watch.announcements.heard();
            let by_others = heard.iter().filter(|one| one.at > watch.at && one.mac != dead);
            first_of_each(by_others, &victim.held)
        };
        let all = wait::until("the announcements of all addresses", limit, || {
            Ok(Some(firsts()).filter(|firsts| firsts.len() == victim.held.len()))
        });
        match all {
            Err(Error::Late { .. }) => Ok(firsts()),
            other => other,
        }
    }

    /// Once one answers for each; else what there is in the end.
    fn answered(&self) -> Result<BTreeMap<Ipv4Addr, BTreeSet<u8>>> {
        let mut last = BTreeMap::new();
        let all = wait::until("one to answer for each address", ANSWERING, || {
            last = self.stage.answering()?;
            let by_one = last.values().filter(|nodes| nodes.len() == 1).count();
            Ok((by_one == self.stage.addresses.len()).then_some(()))
        });
        match all {
            Ok(()) | Err(Error::Late { .. }) => Ok(last),
            Err(other) => Err(other),
        }
    }

    fn figures(
        &self,
        watch: &Watch,
        victim: &Victim,
        firsts: &Firsts,
        answering: &BTreeMap<Ipv4Addr, BTreeSet<u8>>,
        stall: Duration,
    ) -> Move {
        let lab = &self.stage.lab;
        let since = |one: &Announcement| one.at - watch.at;
        let last = firsts.values().map(since).max().unwrap_or_default();
        let alive = || lab.plan().nodes().filter(|node| *node != victim.node);
        let one_other =
            |nodes: &BTreeSet<u8>| nodes.len() == 1 && nodes.iter().all(|node| *node != victim.node);
        let answered: Holders = answering
            .iter()
            .filter(|(_, nodes)| one_other(nodes))
            .filter_map(|(address, nodes)| Some((*address, *nodes.first()?)))
            .collect();
        let writes = &self.audit.writes[watch.writes_before..];
        let names = |counts: BTreeMap<u8, usize>| counts.into_iter().map(|(n, c)| (lab.node_name(n), c));
        Move {
            victim: lab.node_name(victim.node),
            moved: victim.held.len(),
            announced: firsts.len(),
            first_ms: milliseconds(firsts.values().map(since).min().unwrap_or_default()),
            last_ms: milliseconds(last),
            announce_ms: alive()
                .map(|node| self.longest_announcement(watch, node, firsts))
                .collect::<Option<Vec<_>>>()
                .map(|longest| milliseconds(longest.into_iter().max().unwrap_or_default())),
            answered_by_one: answered.len(),
            spread: names(spread(&answered, alive())).collect(),
            writes: writes.iter().filter(|write| !is_event(write)).count(),
            events: writes.iter().filter(|write| is_event(write)).count(),
            writes_by_kind: by_kind(writes),
            early_writes: early(writes, watch.clock + last),
            first_write_ms: first_write(writes, watch.clock).map(milliseconds),
            stall_ms: milliseconds(stall),
        }
    }

    /// From a decision of the node to claim until the announcement of each address that it was about; nothing if it does
    /// not say when it decided.
    fn longest_announcement(&self, watch: &Watch, node: u8, firsts: &Firsts) -> Option<Duration> {
        let decided = decisions(&watch.marks.lines_since(&self.stage.lab, node));
        let mac = self.stage.lab.node_mac(node);
        let mine = firsts.iter().filter(|(_, first)| first.mac == mac);
        let took = |(address, first): (&Ipv4Addr, &Announcement)| {
            let announced = watch.clock + (first.at - watch.at);
            Some(
                announced
                    .duration_since(*decided.get(address)?)
                    .unwrap_or_default(),
            )
        };
        let longest: Option<Vec<Duration>> = mine.map(took).collect();
        longest.map(|longest| longest.into_iter().max().unwrap_or_default())
    }
}

fn fullest(holders: &Holders, nodes: impl Iterator<Item = u8>) -> Victim {
    let spread = spread(holders, nodes);
    let fullest = spread.iter().max_by_key(|(_, count)| **count);
    let node = fullest.map_or(0, |(node, _)| *node);
    let held = holders.iter().filter(|(_, holder)| **holder == node);
    Victim {
        node,
        held: held.map(|(address, _)| *address).collect(),
    }
}

fn first_of_each<'a>(
    heard: impl Iterator<Item = &'a Announcement>,
    addresses: &BTreeSet<Ipv4Addr>,
) -> Firsts {
    let mut firsts = Firsts::new();
    for one in heard {
        if let IpAddr::V4(address) = one.address
            && addresses.contains(&address)
        {
            firsts.entry(address).or_insert(*one);
        }
    }
    firsts
}

/// When the claim of each address was decided: a decision is told before the claims that come of it.
fn decisions(lines: &[Line]) -> BTreeMap<Ipv4Addr, SystemTime> {
    let mut decided = BTreeMap::new();
    let mut last = None;
    for line in lines {
        match line.step.as_str() {
            "decide" => last = Some(line.at),
            "claim" => {
                let address = line.address.as_ref().and_then(|text| text.parse().ok());
                decided.extend(address.zip(last));
            }
            _ => {}
        }
    }
    decided
}

fn by_kind(writes: &[Write]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for write in writes {
        *kinds.entry(write.kind()).or_default() += 1;
    }
    kinds
}

fn is_event(write: &Write) -> bool {
    write.resource == "events"
}

/// How many the API server received before then.
fn early(writes: &[Write], then: SystemTime) -> usize {
    let received = writes.iter().filter_map(|write| write.received);
    received.filter(|received| *received < then).count()
}

fn first_write(writes: &[Write], cut: SystemTime) -> Option<Duration> {
    let first = writes.iter().filter_map(|write| write.received).min()?;
    first.duration_since(cut).ok()
}

#[cfg(test)]
mod tests;
