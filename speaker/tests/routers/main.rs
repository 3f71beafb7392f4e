//! BGP sessions with real routers in network namespaces: FRR and BIRD say themselves which routes they have. Takes root, and
//! the routers' programs, which `scripts/deps` unpacks; without them every test is reported as ignored, or fails if
//! `FERROLB_REQUIRE_LAB` is set.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

mod announcer;
#[path = "../wire/netns.rs"]
#[allow(dead_code, reason = "what raw frames need, sessions do not")]
mod netns;
mod site;
mod trials;
mod watched;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let missing = ferrolb_routers::missing();
    let runnable = missing.is_none() || std::env::var_os("FERROLB_REQUIRE_LAB").is_some();
    match &missing {
        Some(what) => eprintln!("{what}: tests with real routers are ignored"),
        None => netns::remove_leftovers(),
    }
    let trial = |(name, test): &(&'static str, fn())| {
        let test = *test;
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(*name, run).with_ignored_flag(!runnable)
    };
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(4);
    libtest_mimic::run(
        &arguments,
        trials::ALL.iter().chain(watched::ALL).map(trial).collect(),
    )
    .exit();
}
