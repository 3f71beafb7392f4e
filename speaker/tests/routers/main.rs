//! BGP sessions with real routers in network namespaces: the routers say themselves which routes they have. Takes root, and
//! the routers' programs, which `scripts/deps` unpacks and `ferrolb-lab build` builds; without them every test is reported as
//! ignored, or fails if `FERROLB_REQUIRE_LAB` is set.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

mod announcer;
mod conformance;
mod forged;
mod hostile;
mod logged;
#[path = "../wire/netns.rs"]
#[allow(dead_code, reason = "what raw frames need, sessions do not")]
mod netns;
mod scripted;
mod site;
mod storms;
mod trials;
mod unnumbered;
mod vrf;
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
    logged::keep();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(4);
    let all = trials::ALL.iter().chain(unnumbered::ALL);
    let trials = all.chain(watched::ALL).chain(hostile::ALL);
    let of_kernel = (vrf::NAME, vrf::session as fn());
    let of_kernel = trial(&of_kernel).with_kind("kernel");
    let of_kernel = of_kernel.with_ignored_flag(!runnable || !vrf::kernel_has_it());
    let trials = trials.map(trial).chain([of_kernel]);
    let cells = conformance::trials().into_iter();
    let cells = cells.map(|cell| cell.with_ignored_flag(!runnable));
    let conclusion = libtest_mimic::run(&arguments, trials.chain(cells).collect());
    // What the cells have seen is known only now.
    let compared = libtest_mimic::run(&arguments, vec![conformance::table()]);
    // They take all of the machine, which real routers do not take well.
    arguments.test_threads = Some(1);
    let storms = storms::ALL.iter().chain(forged::ALL).map(trial);
    let weathered = libtest_mimic::run(&arguments, storms.collect());
    let all = [conclusion, compared, weathered];
    let failed = all.iter().find(|conclusion| conclusion.has_failed());
    failed.unwrap_or(&all[0]).exit();
}
