//! BGP on a real Kubernetes with real routers: two of them between the nodes and a client, FRR and BIRD.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

#[path = "../e2e/scene.rs"]
#[allow(dead_code, reason = "other suites see more")]
mod scene;

#[path = "../e2e/doctor.rs"]
#[allow(dead_code, reason = "other suites ask more")]
mod doctor;
#[path = "../layer2/pod.rs"]
mod pod;

mod hostile;
mod measured;
mod moving;
mod trials;
mod weights;

use std::process::ExitCode;

use ferrolb_lab::LabConfig;
use ferrolb_lab::suite::{self, Trial};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let config = LabConfig {
        clients: 3,
        ..LabConfig::default()
    };
    let all = [
        trials::trials(),
        weights::trials(),
        moving::trials(),
        hostile::trials(),
        measured::trials(),
    ];
    let all: Vec<Trial> = all.into_iter().flatten().collect();
    let missing = ferrolb_routers::missing();
    if let (Some(what), None) = (missing, std::env::var_os("FERROLB_REQUIRE_LAB")) {
        eprintln!("{what}: trials with real routers are ignored");
        let ignored = all.into_iter().map(Trial::ignored);
        return libtest_mimic::run(&Arguments::from_args(), ignored.collect()).exit_code();
    }
    suite::run(config, scene::prepare, all)
}
