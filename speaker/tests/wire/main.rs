//! The announcer on real interfaces: two network namespaces, a virtual cable, and the neighbour tables of the Linux
//! kernel as the judge. Takes root; without it every test is reported as ignored.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

mod bench;
mod claims;
mod counters;
mod frames;
mod interfaces;
mod netns;
mod resolution;
mod vlan;

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
        interfaces::TESTS,
        counters::TESTS,
    ];
    let vlans = root && netns::has_vlans();
    if root && !vlans {
        eprintln!("the kernel has no 802.1Q (module 8021q): tests of VLAN interfaces are ignored");
    }
    let everywhere = tests.into_iter().flatten().map(|test| trial(test, root));
    let with_vlans = vlan::TESTS.iter().map(|test| trial(test, vlans));
    let trials = everywhere.chain(with_vlans).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial(&(name, test): &Test, possible: bool) -> Trial {
    let run = move || -> Result<(), Failed> {
        test();
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(!possible)
}
