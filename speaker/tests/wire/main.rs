//! The announcer on real interfaces: two network namespaces, a virtual cable, and the neighbour tables of the Linux
//! kernel as the judge. Takes root; without it every test is reported as ignored.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

mod bench;
mod claims;
mod conflicts;
mod counters;
mod frames;
mod interfaces;
mod netns;
mod node;
mod pair;
mod resolution;
mod takeover;
mod witness;

use libtest_mimic::{Arguments, Failed, Trial};

type Test = (&'static str, fn());

fn main() {
    let root = nix::unistd::geteuid().is_root();
    if root {
        netns::remove_leftovers();
    } else {
        eprintln!("not root: tests that need network namespaces are ignored");
    }
    let tests = [
        resolution::TESTS,
        frames::TESTS,
        claims::TESTS,
        conflicts::TESTS,
        interfaces::TESTS,
        counters::TESTS,
        takeover::TESTS,
        witness::TESTS,
    ];
    let trials = tests.into_iter().flatten().map(|(name, test)| {
        let run = || -> Result<(), Failed> {
            test();
            Ok(())
        };
        Trial::test(*name, run).with_ignored_flag(!root)
    });
    let mut arguments = Arguments::from_args();
    // They mostly wait, for bursts that are a second apart.
    arguments.test_threads.get_or_insert(8);
    libtest_mimic::run(&arguments, trials.collect()).exit();
}
