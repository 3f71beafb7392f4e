//! Layer 2 on a real Kubernetes: which nodes may announce, on which interface, and what a client on the segment hears.
//!
//! No trial says that an address moves back by itself: where it stays when nothing forbids it is not a promise.

#[path = "../e2e/scene.rs"]
mod scene;

mod heard;
mod key;
mod links;
mod marks;
mod nodes;
mod odd;
mod pod;
mod rebalancing;
mod rolling;
mod segments;
mod services;
mod stream;
mod stuck;
mod tools;
mod witnesses;

use std::process::ExitCode;

use ferrolb_lab::suite::{self, Outcome, Trial};
use ferrolb_lab::{Lab, LabConfig, source};

fn main() -> ExitCode {
    let trials: Vec<Trial> = [
        nodes::trials(),
        services::trials(),
        odd::trials(),
        key::trials(),
        links::trials(),
        segments::trials(),
        tools::trials(),
        rolling::trials(),
        rebalancing::trials(),
        witnesses::trials(),
        stuck::trials(),
    ]
    .into_iter()
    .flatten()
    .collect();
    suite::run(LabConfig::default(), prepare, trials)
}

/// With the policy that leaves the speakers one condition of a Service: it hinders nothing that they do.
fn prepare(lab: &Lab) -> Outcome {
    scene::prepare(lab)?;
    let policy = source::root().join("deploy/status-policy");
    lab.kubectl(&["apply", "-k", &policy.to_string_lossy()])?;
    Ok(())
}
