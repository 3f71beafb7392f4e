//! BGP on a real Kubernetes with real routers: two of them between the nodes and a client, FRR and BIRD.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

#[path = "../layer2/requests.rs"]
#[allow(dead_code, reason = "other suites send other requests")]
mod requests;
#[path = "../e2e/scene.rs"]
#[allow(dead_code, reason = "other suites see more")]
mod scene;

mod fabric;
mod trials;

use std::process::ExitCode;

use ferrolb_lab::LabConfig;
use ferrolb_lab::suite;

fn main() -> ExitCode {
    let config = LabConfig {
        clients: 3,
        ..LabConfig::default()
    };
    suite::run(config, scene::prepare, trials::trials())
}
