//! Controllers as plain processes on a real control plane without a node: what they promise when things go wrong.

mod claims;
mod edits;
mod faults;
mod gate;
mod pair;
mod reading;
mod refusals;
mod scene;
mod stolen;

use std::process::ExitCode;

use ferrolb_lab::LabConfig;
use ferrolb_lab::suite::{self, Trial};

fn main() -> ExitCode {
    let trials: Vec<Trial> = [
        edits::trials(),
        claims::trials(),
        refusals::trials(),
        faults::trials(),
        reading::trials(),
        stolen::trials(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let config = LabConfig {
        name: format!("c{}", std::process::id()),
        nodes: 0,
        clients: 1,
    };
    suite::run(config, scene::prepare, trials)
}
