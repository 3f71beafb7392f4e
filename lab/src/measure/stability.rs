//! What moves when something happens to speakers that go on living.

mod history;
mod report;
mod scene;
mod upset;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::Place;
use super::ticker::Ticker;
use super::trace::{Marks, Said};
use crate::error::Result;
use crate::mac::Mac;
use crate::plan::Machine;
use crate::program::Implementation;
use history::{Answer, History, last_of, longest_silence, stale};
use scene::{Holders, Scene};
use upset::Past;

pub use report::{Stabilities, UpsetRun};
pub use upset::{Role, Upset};

/// How many addresses the nodes hold together.
const ADDRESSES: u8 = 12;
/// So much of the quiet before an upset is looked at too: a node that held an address does not answer any
/// more when it is stopped.
const QUIETLY: Duration = Duration::from_millis(200);
/// How long is watched after an upset.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// What is measured.
#[derive(Debug, Clone)]
pub struct Stability {
    /// What happens, one after the other.
    pub upsets: Vec<Upset>,
    /// How many runs of each count.
    pub runs: usize,
    /// Nodes of a lab made for it.
    pub nodes: u8,
    /// What is run instead of this tree's controller and speaker.
    pub implementation: Implementation,
    /// More variables of the speakers, name and value.
    pub variables: Vec<(String, String)>,
    /// A run in which this machine stood still for longer is thrown away, unless it is one of loss: those are long.
    pub stall_limit: Duration,
}

/// Measures each upset; `tell` hears of each run as it ends. When more than one run in five of an upset was thrown
/// away, there are no more of it: see [`Stabilities::verdict`].
///
/// # Errors
/// If the lab does not start, or is not whole before a run.
pub fn stability(place: &Place, what: &Stability, mut tell: impl FnMut(&str)) -> Result<Vec<Stabilities>> {
    let scene = Scene::set(place, what)?;
    let upsets = what.upsets.iter();
    let all = upsets
        .map(|upset| scene.runs(*upset, what, &mut tell))
        .collect::<Result<_>>()?;
    scene.strike_the_set()?;
    Ok(all)
}

/// The moment just before an upset.
struct Before {
    at: Instant,
    clock: SystemTime,
    marks: Marks,
    holders: Holders,
}

impl Scene {
    fn runs(&self, upset: Upset, what: &Stability, tell: &mut impl FnMut(&str)) -> Result<Stabilities> {
        let mut all = Stabilities::new(upset, what, self.lab.plan().nodes().count());
        while all.wants_more() {
            let (run, stall) = self.run(upset, all.tries())?;
            tell(&run.in_words());
            let is_long = matches!(upset, Upset::Loss { .. });
            if stall > what.stall_limit && !is_long {
                tell("repeated: this machine stood still");
                all.repeat();
            } else {
                all.count(run);
            }
        }
        Ok(all)
    }

    fn run(&self, upset: Upset, number: usize) -> Result<(UpsetRun, Duration)> {
        let holders = self.settle()?;
        let ticker = Ticker::start();
        let before = Before {
            marks: Marks::now(&self.lab),
            at: Instant::now(),
            clock: SystemTime::now(),
            holders,
        };
        let past = self.upset(upset, &before.holders, number)?;
        thread::sleep(AFTERWARDS);
        let stall = ticker.longest(before.at, Instant::now());
        let answers = self
            .wire
            .since(before.at.checked_sub(QUIETLY).unwrap_or(before.at));
        // what waits to be heard is not silence, unless it is all
        let end = answers.last().map_or(before.at, |last| last.at);
        let mut run = self.figures(&before, &past, &answers, end, stall);
        let said = before.marks.all(&self.lab, before.clock);
        run.steps = by_step(&said);
        let is_calm = run.moves == 0 || (upset == Upset::Partition && run.broken(upset, false).is_empty());
        if !is_calm {
            run.trace.extend(said.iter().map(in_words));
        }
        Ok((run, stall))
    }

    fn figures(
        &self,
        before: &Before,
        past: &Past,
        answers: &[Answer],
        end: Instant,
        stall: Duration,
    ) -> UpsetRun {
        let history = History::of(answers);
        let moves = history.moves();
        let victims: BTreeSet<Mac> = past
            .victims
            .iter()
            .map(|node| Machine::Node(*node).mac())
            .collect();
        let last_loser = history.last_loser(end);
        let lasted = |last: Option<Instant>| {
            let after = last.map_or(Duration::ZERO, |last| last.saturating_duration_since(past.mended));
            milliseconds(after)
        };
        let held = |holders: &Holders| {
            let of_victims = holders.values().filter(|node| past.victims.contains(node));
            of_victims.count()
        };
        UpsetRun {
            victims: past.victims.iter().map(|node| format!("n{node}")).collect(),
            held_before: held(&before.holders),
            held_after: held(&self.by_node(&history, end)),
            moves: moves.values().sum(),
            foreign_moves: foreign(&moves, &before.holders, &past.victims),
            double_ms: milliseconds(history.longest_double()),
            one_holder_ms: last_loser.clone().ok().map(lasted),
            mending_ms: milliseconds(past.mending),
            answering_ms: last_of(answers, &victims, past.mended)
                .map(|last| milliseconds(last.saturating_duration_since(past.began))),
            stale_answers: stale(answers, &victims),
            silent_ms: milliseconds(longest_silence(answers)),
            stall_ms: milliseconds(stall),
            steps: BTreeMap::new(),
            trace: last_loser.err().into_iter().collect(),
        }
    }
}

/// The moves of addresses that no victim held.
fn foreign(moves: &BTreeMap<Ipv4Addr, usize>, holders: &Holders, victims: &[u8]) -> usize {
    let is_foreign = |address: &Ipv4Addr| holders.get(address).is_none_or(|node| !victims.contains(node));
    let foreign = moves.iter().filter(|(address, _)| is_foreign(address));
    foreign.map(|(_, moves)| moves).sum()
}

fn by_step(said: &[Said]) -> BTreeMap<String, usize> {
    let mut steps = BTreeMap::new();
    for Said { step, .. } in said {
        *steps.entry(step.clone()).or_default() += 1;
    }
    steps
}

fn in_words(said: &Said) -> String {
    let about = said.about.as_deref().unwrap_or_default();
    let after_ms = milliseconds(said.after);
    format!("{after_ms} ms: n{} {} {about}", said.node, said.step)
}

/// To a tenth.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
