//! The rules of `docs/protocol.md` on claims, model-checked: every order of events of three nodes and two addresses.
//!
//! This checks that the rules are right, not that `Segment` follows them: it is written anew here. `Segment` decides by time,
//! and its state holds moments, delays drawn by chance and versions that only grow, so no two of its states are ever
//! equal and a model checker would never come to an end. What ships is driven through every short sequence of faults by
//! `simulation::sequences`.
//!
//! The rules are those of `docs/protocol.md` (C, H and M), small: a set of claims is one message, the latest two sets are under way to
//! each other node at most (older ones are lost by that), and what got lost is sent again while copies differ. Time is
//! left out: a node that may claim may do so at once, in any order, so slots and ranks decide nothing here. Liveness is a
//! choice too: a node may be missed as soon as it is dead or cut off. A node is hurt by crashes, starts again, one node
//! is cut off and comes back, and each learns of a change of the cluster when it does.

mod owners;
mod rules;
mod world;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use rstest::rstest;
use stateright::{Checker, HasDiscoveries, Model, Property};

use rules::{Faults, Fit, Mistake, Setting};
use world::{Action, World};

const ONE_HOLDER: &str = "at rest each address that suits somebody has one holder";
const NO_GAP: &str = "without a crash an address that has a holder keeps one";
const NO_RACE: &str = "epochs end";
const REST: &str = "it comes to rest";

/// More than any sequence of the faults needs.
const LAST_EPOCH: u8 = 14;

impl Model for Setting {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::running(self)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        actions.extend(world.actions(self));
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        world.follow(self, action);
        (world != *before).then_some(world)
    }

    fn within_boundary(&self, world: &World) -> bool {
        world.highest_epoch() <= LAST_EPOCH
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_HOLDER, |setting: &Self, world: &World| {
                !world.is_at_rest(setting) || world.is_settled(setting)
            }),
            Property::always(NO_GAP, |setting: &Self, world: &World| {
                setting.faults.crashes > 0 || setting.faults.cuts > 0 || world.has_no_gap()
            }),
            Property::always(NO_RACE, |_, world: &World| world.highest_epoch() < LAST_EPOCH),
            Property::sometimes(REST, |setting, world: &World| world.is_at_rest(setting)),
        ]
    }
}

fn check(setting: Setting) -> impl Checker<Setting> {
    let threads = available_parallelism().map_or(1, NonZeroUsize::get);
    setting.checker().threads(threads).spawn_bfs().join()
}

const ALL: Fit = Fit([[Some(0); 3]; 2]);
/// Both addresses should go to the second.
const PREFERRED: Fit = Fit([[Some(0), Some(1), Some(0)]; 2]);
/// The first, which begins as the holder, suits no more.
const NOT_FIRST: Fit = Fit([[None, Some(0), Some(0)]; 2]);
/// The first, which begins as the holder, is the only one that suits.
const ONLY_FIRST: Fit = Fit([[Some(0), None, None]; 2]);

const CRASHES: Faults = Faults {
    crashes: 1,
    restarts: 1,
    cuts: 0,
    losses: 0,
};

/// Rules C1, C2, C7, C12, H2, H3, H4, H5, H6, H7.
#[rstest]
#[case::a_crash(Setting::new(ALL, ALL, Faults { crashes: 1, ..Faults::NONE }))]
#[case::a_crash_and_a_restart(Setting::new(ALL, ALL, CRASHES).with_one_address())]
#[case::two_crashes(Setting::new(ALL, ALL, Faults { crashes: 2, ..Faults::NONE }).with_one_address())]
#[case::a_node_is_cut_off_and_comes_back(Setting::new(ALL, ALL, Faults { cuts: 1, ..Faults::NONE }).with_one_address())]
#[case::another_is_preferred(Setting::new(ALL, PREFERRED, Faults { losses: 1, ..Faults::NONE }))]
#[case::the_holder_suits_no_more(Setting::new(ALL, NOT_FIRST, Faults::NONE))]
#[case::heirs_that_do_not_know_it(Setting::new(ONLY_FIRST, NOT_FIRST, Faults::NONE))]
#[case::they_disagree_who_is_better(Setting::disagreeing().with_one_address())]
#[case::a_move_and_a_crash(Setting::new(ALL, NOT_FIRST, Faults { crashes: 1, ..Faults::NONE }).with_one_address())]
fn one_holds_each_address_in_the_end(#[case] setting: Setting) {
    let (faults, addresses) = (setting.faults, setting.addresses);
    let checker = check(setting);
    println!(
        "3 nodes, {addresses} addresses, {faults:?}: {} states, {} of them new, {} steps at most",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth()
    );
    checker.assert_properties();
}

#[rstest]
#[case::releasing_before_the_heir_claims(Mistake::ReleasesFirst, NO_GAP)]
#[case::giving_up_when_all_refused(Mistake::GivesUpWhenRefused, NO_GAP)]
#[case::two_that_both_keep(Mistake::KeepsAlways, ONE_HOLDER)]
#[case::taking_what_is_passed_on(Mistake::PassesOn, NO_RACE)]
fn the_model_finds(#[case] mistake: Mistake, #[case] property: &'static str) {
    let setting = match mistake {
        Mistake::PassesOn => Setting::disagreeing(),
        Mistake::GivesUpWhenRefused => Setting::new(ONLY_FIRST, NOT_FIRST, Faults::NONE),
        Mistake::KeepsAlways => Setting::new(ALL, ALL, CRASHES),
        _ => Setting::new(ALL, NOT_FIRST, Faults::NONE),
    };
    let setting = Setting { mistake, ..setting }.with_one_address();
    let found = HasDiscoveries::AnyOf(BTreeSet::from([property]));
    let checker = setting.checker().finish_when(found).spawn_dfs().join();
    checker.assert_any_discovery(property);
}
