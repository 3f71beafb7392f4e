//! `--partition-policy single-owner`, model-checked: at no time do two answer for an address.
//!
//! Time goes in ticks of a beacon interval, for all nodes at once; D is two of them, Q and a slot are one. Three nodes and
//! one address. One node may be cut off from both others and come back, frames may get lost, a node may die. A node that may
//! claim does so now or later, in any order.

use rstest::rstest;
use stateright::{Checker, Model, Property};

const D: u8 = 2;
const Q: u8 = 1;
const SLOT: u8 = 1;
/// Nobody asks whether something is older.
const OLD: u8 = 2 * D + Q;
const LAST_EPOCH: u8 = 5;
const ALL: [usize; 3] = [0, 1, 2];

/// What is to be tried out, and how much may go wrong.
#[derive(Clone, Debug)]
struct Owners {
    cuts: u8,
    losses: u8,
    crashes: u8,
    mistake: Option<Mistake>,
}

/// Rules that look right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mistake {
    /// To claim as soon as there is a majority.
    ClaimsAtOnce,
    /// To answer again as soon as there is a majority.
    AnswersAtOnce,
    /// To answer for a claim before others can have objected.
    NeedsNoSlot,
    /// To stand by a claim although somebody was lost since.
    StandsByIt,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Claim {
    None,
    /// Made so long ago, and not answered for yet.
    Waiting(u8, u8),
    Held(u8),
}

/// What a beacon says: the nodes that its sender hears, and with which epoch it claims.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
struct Beacon {
    hears: [bool; 3],
    claim: Option<u8>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Node {
    runs: bool,
    /// How long ago the last beacon of each came.
    age: [u8; 3],
    said: [Beacon; 3],
    /// How long ago one of the others said that it hears this one: with this one they are a majority.
    proof: u8,
    /// For how long nobody was lost and nobody on this side heard anybody else.
    calm: u8,
    settled: bool,
    lapsed: bool,
    claim: Claim,
    epoch: u8,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct World {
    nodes: [Node; 3],
    cut: Option<usize>,
    cuts: u8,
    losses: u8,
    crashes: u8,
}

/// What happens until the next tick.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Tick {
    cut: Option<usize>,
    dies: Option<usize>,
    lost: Option<(usize, usize)>,
    /// The node claims if it may.
    claims: [bool; 3],
}

impl Node {
    fn running(id: usize) -> Self {
        let everybody = Beacon {
            hears: std::array::from_fn(|_| true),
            claim: None,
        };
        let mut said = [everybody; 3];
        said[0].claim = Some(1);
        Self {
            runs: true,
            age: [0; 3],
            said,
            proof: 0,
            calm: OLD,
            settled: true,
            lapsed: false,
            claim: if id == 0 { Claim::Held(1) } else { Claim::None },
            epoch: 1,
        }
    }

    fn hears(&self, other: usize) -> bool {
        self.age[other] < D
    }

    fn is_up(&self, id: usize, other: usize) -> bool {
        id == other || (self.hears(other) && self.said[other].hears[id])
    }

    fn own(&self) -> Option<u8> {
        match self.claim {
            Claim::None => None,
            Claim::Waiting(epoch, _) | Claim::Held(epoch) => Some(epoch),
        }
    }

    fn beacon(&self, id: usize) -> Beacon {
        Beacon {
            hears: std::array::from_fn(|other| other != id && self.hears(other)),
            claim: self.own(),
        }
    }

    fn is_proven(&self) -> bool {
        self.proof < 2 * D
    }

    fn may_claim(&self, mistake: Option<Mistake>) -> bool {
        let waits = mistake != Some(Mistake::ClaimsAtOnce);
        self.is_proven() && (!waits || (self.settled && self.calm >= 2 * D + Q))
    }

    fn answers(&self) -> bool {
        self.runs && matches!(self.claim, Claim::Held(_)) && self.is_proven() && !self.lapsed
    }

    /// A node on this side hears one that is not on it and may have a majority.
    fn hears_of_others(&self, id: usize) -> bool {
        let powerless = |other: usize| {
            let hears_nobody = !self.said[other].hears.iter().any(|hears| *hears);
            self.hears(other) && !self.is_up(id, other) && hears_nobody
        };
        let is_heard = |by: usize, other: usize| match by == id {
            true => self.hears(other),
            false => self.said[by].hears[other],
        };
        let stranger = |other: &usize| !self.is_up(id, *other) && !powerless(*other);
        let mut side = ALL.into_iter().filter(|one| self.is_up(id, *one));
        side.any(|by| {
            ALL.iter()
                .filter(|one| stranger(one))
                .any(|other| is_heard(by, *other))
        })
    }

    fn tick(&mut self, id: usize, beacons: [Option<Beacon>; 3], claims: bool, mistake: Option<Mistake>) {
        let up_before = ALL.map(|other| self.is_up(id, other));
        self.proof = (self.proof + 1).min(OLD);
        for (other, beacon) in beacons.into_iter().enumerate().filter(|(other, _)| *other != id) {
            self.age[other] = (self.age[other] + 1).min(OLD);
            if let Some(beacon) = beacon {
                (self.age[other], self.said[other]) = (0, beacon);
                self.epoch = self.epoch.max(beacon.claim.unwrap_or_default());
                self.proof = if beacon.hears[id] { 0 } else { self.proof };
            }
        }
        let lost = ALL
            .iter()
            .any(|other| up_before[*other] && !self.is_up(id, *other));
        let settled = !self.hears_of_others(id);
        let calm = settled && self.settled && self.is_proven() && !lost;
        self.calm = if calm { (self.calm + 1).min(OLD) } else { 0 };
        self.settled = settled;
        self.lapsed = match self.lapsed && mistake != Some(Mistake::AnswersAtOnce) {
            true => !self.may_claim(mistake),
            false => !self.is_proven(),
        };
        self.decide(id, claims, mistake);
    }

    fn decide(&mut self, id: usize, claims: bool, mistake: Option<Mistake>) {
        let up = ALL
            .into_iter()
            .filter(|other| *other != id && self.is_up(id, *other));
        let strongest = up
            .filter_map(|other| Some((self.said[other].claim?, other)))
            .max();
        let slot = if mistake == Some(Mistake::NeedsNoSlot) {
            0
        } else {
            SLOT
        };
        self.claim = match self.claim {
            Claim::Waiting(epoch, _) | Claim::Held(epoch) if strongest > Some((epoch, id)) => Claim::None,
            Claim::Waiting(..) if self.calm < OLD && mistake != Some(Mistake::StandsByIt) => Claim::None,
            // A proof that came after the claim was made.
            Claim::Waiting(epoch, age) if age >= slot && self.proof < age.max(1) => Claim::Held(epoch),
            Claim::Waiting(epoch, age) => Claim::Waiting(epoch, (age + 1).min(OLD)),
            Claim::None if claims && strongest.is_none() && self.may_claim(mistake) => {
                self.epoch += 1;
                match slot {
                    0 => Claim::Held(self.epoch),
                    _ => Claim::Waiting(self.epoch, 0),
                }
            }
            as_before => as_before,
        };
    }
}

impl World {
    fn answering(&self) -> usize {
        self.nodes.iter().filter(|node| node.answers()).count()
    }

    fn ticks(&self) -> Vec<Tick> {
        let mut cuts = vec![self.cut];
        match self.cut {
            Some(_) => cuts.push(None),
            None if self.cuts > 0 => cuts.extend(ALL.map(Some)),
            None => {}
        }
        let mut deaths = vec![None];
        if self.crashes > 0 {
            deaths.extend(ALL.map(Some));
        }
        let mut losses = vec![None];
        if self.losses > 0 {
            let pairs = ALL.into_iter().flat_map(|from| ALL.map(|to| (from, to)));
            losses.extend(pairs.filter(|(from, to)| from != to).map(Some));
        }
        let may = |id: usize| self.nodes[id].claim == Claim::None && self.nodes[id].epoch < LAST_EPOCH;
        let claims = (0..8u8).map(|bits| ALL.map(|id| bits & (1 << id) != 0));
        let claims: Vec<[bool; 3]> = claims
            .filter(|claims| ALL.iter().all(|id| !claims[*id] || may(*id)))
            .collect();
        let mut all = Vec::new();
        for (cut, dies) in cuts
            .iter()
            .flat_map(|cut| deaths.iter().map(move |dies| (*cut, *dies)))
        {
            for (lost, claims) in losses
                .iter()
                .flat_map(|lost| claims.iter().map(move |one| (*lost, *one)))
            {
                all.push(Tick {
                    cut,
                    dies,
                    lost,
                    claims,
                });
            }
        }
        all
    }

    fn follow(&mut self, tick: &Tick, mistake: Option<Mistake>) {
        if tick.cut != self.cut && tick.cut.is_some() {
            self.cuts -= 1;
        }
        self.cut = tick.cut;
        if let Some(node) = tick.dies {
            self.crashes -= 1;
            self.nodes[node].runs = false;
        }
        self.losses -= u8::from(tick.lost.is_some());
        let said: [Beacon; 3] = std::array::from_fn(|id| self.nodes[id].beacon(id));
        let runs = ALL.map(|id| self.nodes[id].runs);
        let arrives = |from: usize, to: usize| {
            let apart = self.cut == Some(from) || self.cut == Some(to);
            runs[from] && !apart && tick.lost != Some((from, to))
        };
        let heard = ALL.map(|to| ALL.map(|from| arrives(from, to).then_some(said[from])));
        for id in ALL.into_iter().filter(|id| runs[*id]) {
            self.nodes[id].tick(id, heard[id], tick.claims[id], mistake);
        }
    }
}

impl Model for Owners {
    type State = World;
    type Action = Tick;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            nodes: std::array::from_fn(Node::running),
            cut: None,
            cuts: self.cuts,
            losses: self.losses,
            crashes: self.crashes,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Tick>) {
        actions.extend(world.ticks());
    }

    fn next_state(&self, before: &World, tick: Tick) -> Option<World> {
        let mut world = before.clone();
        world.follow(&tick, self.mistake);
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one answers at most", |_, world: &World| world.answering() <= 1),
            Property::sometimes("another takes over", |_, world: &World| {
                world.nodes[1].answers() || world.nodes[2].answers()
            }),
        ]
    }
}

/// Rules M3, M4, M5, M6, M7.
#[rstest]
#[case::cuts(Owners { cuts: 3, losses: 0, crashes: 0, mistake: None })]
#[case::cuts_and_a_loss(Owners { cuts: 2, losses: 1, crashes: 0, mistake: None })]
#[case::a_cut_a_loss_and_a_crash(Owners { cuts: 1, losses: 1, crashes: 1, mistake: None })]
#[case::a_crash_between_cuts(Owners { cuts: 2, losses: 0, crashes: 1, mistake: None })]
fn under_single_owner_no_two_answer(#[case] owners: Owners) {
    let checker = owners.clone().checker().spawn_bfs().join();
    println!("{owners:?}: {} states", checker.unique_state_count());
    checker.assert_properties();
}

#[rstest]
#[case(Mistake::ClaimsAtOnce)]
#[case(Mistake::AnswersAtOnce)]
#[case(Mistake::NeedsNoSlot)]
#[case(Mistake::StandsByIt)]
fn the_model_of_single_owner_finds(#[case] mistake: Mistake) {
    let owners = Owners {
        cuts: 3,
        losses: 0,
        crashes: 0,
        mistake: Some(mistake),
    };
    let checker = owners.checker().spawn_bfs().join();
    checker.assert_any_discovery("one answers at most");
}
