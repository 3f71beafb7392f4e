//! The election, model-checked: every order of events of a small world.
//!
//! A world is some candidates and one API server that compares and swaps. Time passes in whole seconds on each machine
//! by itself, within a bound on how far two clocks drift apart. A request may wait before it is served, its answer may
//! wait before it is heard, either may be lost, and a request that its sender gave up may still be served. A process
//! may stop at any time and start again under the same identity, may be stuck for any time, and may resign.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

use ferrolb_runtime::backoff::Jitter;
use rstest::rstest;
use stateright::{Checker, Model, Property};

use super::Terms;
use super::candidate::{Candidate, Next};
use super::record::{Outcome, Stamp, Version, Write};
use world::{Message, Process, World};

mod world;

const ONE_LEADER: &str = "never two processes that both may write";

/// What may happen how often.
#[derive(Clone)]
struct Rules {
    processes: usize,
    terms: Terms,
    /// How far two clocks may be apart, in seconds; 0: they tick together.
    drift: u8,
    /// When the world ends, in seconds of any clock.
    end: u8,
    /// How often a message may be lost, all processes together.
    losses: u8,
    crashes: u8,
    resignations: u8,
    mistake: Mistake,
}

/// A rule broken on purpose.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mistake {
    None,
    /// Leadership counts from the answer, not from the request.
    FromTheAnswer,
    /// An unknown outcome counts as success.
    TrustsTheUnknown,
    /// The API server stores whatever comes.
    NoCompare,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Tick,
    TickAlone(usize),
    Wake(usize),
    Watch(usize),
    Serve(usize),
    Hear(usize),
    GiveUp(usize),
    ServeAdrift(usize),
    Crash(usize),
    Resign(usize),
}

impl Rules {
    /// No faults, clocks that agree, and seconds for lease, deadline and end.
    const fn new(lease: u64, deadline: u64, end: u8) -> Self {
        Self {
            processes: 2,
            terms: Terms {
                lease_duration: Duration::from_secs(lease),
                renew_deadline: Duration::from_secs(deadline),
                retry_period: Duration::from_secs(1),
            },
            end,
            drift: 0,
            losses: 0,
            crashes: 0,
            resignations: 0,
            mistake: Mistake::None,
        }
    }

    fn candidate(&self, who: usize) -> Candidate {
        Candidate::new(who.to_string(), self.terms)
    }

    fn check(self) -> impl Checker<Self> {
        let threads = available_parallelism().map_or(1, NonZeroUsize::get);
        self.checker().threads(threads).spawn_bfs().join()
    }

    /// The candidates whose clocks may advance by a second.
    fn ticks(&self, world: &World) -> Vec<Action> {
        let clocks = || world.processes.iter().map(|process| process.clock);
        let slowest = clocks().min().unwrap_or(self.end);
        let ahead = |clock: u8| clock < self.end && clock - slowest < self.drift;
        match self.drift {
            0 if slowest < self.end => vec![Action::Tick],
            _ => (0..)
                .zip(clocks())
                .filter(|(_, clock)| ahead(*clock))
                .map(|(who, _)| Action::TickAlone(who))
                .collect(),
        }
    }

    fn serve_message(&self, world: &mut World, who: usize) {
        let message = std::mem::replace(&mut world.processes[who].message, Message::None);
        if let Message::Write(write) = message {
            let outcome = self.serve(world, write);
            world.processes[who].message = Message::Wrote(outcome);
        }
    }

    fn serve(&self, world: &mut World, write: Write) -> Outcome {
        if write.base != world.version() && self.mistake != Mistake::NoCompare {
            return Outcome::Conflict;
        }
        let resigned = world.stored.as_ref().is_some_and(|old| old.holder.is_none());
        let same = world
            .stored
            .as_ref()
            .is_some_and(|old| old.holder == write.record.holder);
        world.handed_over = resigned || (same && world.handed_over);
        world.stored = Some(write.record);
        world.writes += 1;
        Outcome::Landed(Version(world.writes.to_string()))
    }

    fn hear(&self, process: &mut Process) {
        let now = process.now();
        if let Message::Wrote(outcome) = std::mem::replace(&mut process.message, Message::None) {
            if self.mistake == Mistake::FromTheAnswer && matches!(outcome, Outcome::Landed(_)) {
                process.mistaken = Some(now + self.terms.renew_deadline);
            }
            process.candidate.wrote(outcome, now, Jitter::NONE);
        }
    }

    fn give_up(&self, world: &mut World, who: usize) {
        let process = &mut world.processes[who];
        let now = process.now();
        if self.mistake == Mistake::TrustsTheUnknown {
            process.mistaken = Some(now + self.terms.renew_deadline);
        }
        process.candidate.wrote(Outcome::Unknown, now, Jitter::NONE);
        if let Message::Write(write) = std::mem::replace(&mut process.message, Message::None) {
            world.adrift.push(write);
        }
    }

    /// The candidate goes on if no request of it is under way. A read is answered at once: an answer that comes late
    /// shows nothing that the watch does not show late.
    fn wake(&self, world: &mut World, who: usize) {
        let found = world.found();
        let process = &mut world.processes[who];
        // A wall clock that stands still.
        let wall = Stamp(process.incarnation.into());
        while process.message == Message::None {
            let now = process.now();
            match process.candidate.next(now, wall) {
                Next::Read => process.candidate.read(found.clone(), now),
                Next::Write(write) => process.message = Message::Write(write),
                Next::Wait(_) | Next::Done => break,
            }
        }
    }

    /// The process forgets everything; what it sent may still be served.
    fn crash(&self, world: &mut World, who: usize) {
        let old = &world.processes[who];
        let fresh = Process::new(self.candidate(who), old.clock, old.incarnation + 1);
        let old = std::mem::replace(&mut world.processes[who], fresh);
        if let Message::Write(write) = old.message {
            world.adrift.push(write);
        }
    }
}

impl Model for Rules {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let process = |who| Process::new(self.candidate(who), 0, 0);
        let mut world = World {
            stored: None,
            writes: 0,
            handed_over: false,
            processes: (0..self.processes).map(process).collect(),
            adrift: Vec::new(),
            losses: self.losses,
            crashes: self.crashes,
            resignations: self.resignations,
        };
        // It makes no difference which candidate creates the Lease.
        self.wake(&mut world, 0);
        self.serve_message(&mut world, 0);
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (who, process) in world.processes.iter().enumerate() {
            match process.message {
                Message::None => actions.push(Action::Wake(who)),
                Message::Write(_) => actions.push(Action::Serve(who)),
                Message::Wrote(_) => actions.push(Action::Hear(who)),
            }
            if process.message != Message::None && world.losses > 0 {
                actions.push(Action::GiveUp(who));
            }
            if world.crashes > 0 {
                actions.push(Action::Crash(who));
            }
            if world.resignations > 0 && world.led_by(who) {
                actions.push(Action::Resign(who));
            }
            actions.push(Action::Watch(who));
        }
        actions.extend(self.ticks(world));
        actions.extend((0..world.adrift.len()).map(Action::ServeAdrift));
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        match action {
            Action::Tick => world.processes.iter_mut().for_each(|process| process.clock += 1),
            Action::TickAlone(who) => world.processes[who].clock += 1,
            Action::Wake(who) => self.wake(&mut world, who),
            Action::Watch(who) => {
                let (version, record) = world.found()?;
                let process = &mut world.processes[who];
                let now = process.now();
                process.candidate.watched(version, record, now);
                self.wake(&mut world, who);
            }
            Action::Serve(who) => self.serve_message(&mut world, who),
            Action::Hear(who) => {
                self.hear(&mut world.processes[who]);
                self.wake(&mut world, who);
            }
            Action::GiveUp(who) => {
                world.losses -= 1;
                self.give_up(&mut world, who);
            }
            Action::ServeAdrift(which) => {
                let write = world.adrift.remove(which);
                self.serve(&mut world, write);
            }
            Action::Crash(who) => {
                world.crashes -= 1;
                self.crash(&mut world, who);
            }
            Action::Resign(who) => {
                world.resignations -= 1;
                world.processes[who].candidate.resign();
            }
        }
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ONE_LEADER, |_, world: &World| world.leaders().count() < 2),
            Property::sometimes("the first leads", |_, world: &World| world.led_by(0)),
            Property::sometimes("the second leads", |_, world: &World| world.led_by(1)),
            Property::sometimes("an expired lease is taken", |_, world: &World| {
                !world.handed_over && world.leaders().any(|leader| leader.term() > Some(0))
            }),
        ];
        if self.resignations > 0 {
            let name = "the lease is taken from one who resigned";
            let taken = |_: &Self, world: &World| world.handed_over && world.leaders().count() > 0;
            properties.push(Property::sometimes(name, taken));
        }
        properties
    }
}

#[rstest]
#[case::clocks_that_drift(Rules { drift: 1, ..Rules::new(4, 2, 5) })]
#[case::messages_lost_and_crashes(Rules { losses: 1, crashes: 1, ..Rules::new(4, 2, 5) })]
#[case::messages_lost_and_resignations(Rules { losses: 1, resignations: 1, ..Rules::new(3, 1, 4) })]
#[case::crashes_and_resignations(Rules { crashes: 1, resignations: 1, ..Rules::new(3, 1, 4) })]
#[case::three_candidates(Rules { processes: 3, ..Rules::new(3, 1, 3) })]
fn two_never_lead_at_once(#[case] rules: Rules) {
    rules.check().assert_properties();
}

#[rstest]
#[case::leading_from_the_answer_on(Rules { mistake: Mistake::FromTheAnswer, ..Rules::new(4, 2, 5) })]
#[case::trusting_an_unknown_outcome(Rules { mistake: Mistake::TrustsTheUnknown, losses: 1, ..Rules::new(4, 2, 5) })]
#[case::storing_without_comparing(Rules { mistake: Mistake::NoCompare, ..Rules::new(4, 2, 5) })]
#[case::a_deadline_without_margin(Rules { drift: 1, ..Rules::new(3, 3, 5) })]
#[case::more_drift_than_margin(Rules { drift: 2, ..Rules::new(4, 2, 6) })]
fn the_model_finds(#[case] rules: Rules) {
    rules.check().assert_any_discovery(ONE_LEADER);
}
