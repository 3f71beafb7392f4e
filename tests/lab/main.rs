//! What the lab promises to the tests of a load balancer, in both families, shown on a lab of three nodes.

mod cluster;
mod control_plane;
mod failover;
mod faults;
mod flows;
mod installing;
mod lan;
mod lives;
mod load_balancer;
mod many;
mod measuring;
mod placement;
mod processes;
mod publishing;
mod stability;
mod transport;
mod workload;

use std::process::ExitCode;

use ferrolb_lab::LabConfig;
use ferrolb_lab::suite::{self, Trial};

fn main() -> ExitCode {
    let trials: Vec<Trial> = [
        cluster::trials(),
        load_balancer::trials(),
        installing::trials(),
        publishing::trials(),
        faults::trials(),
        lan::trials(),
        control_plane::trials(),
        placement::trials(),
        flows::trials(),
        processes::trials(),
        measuring::trials(),
        failover::trials(),
        many::trials(),
        stability::trials(),
        lives::trials(),
        transport::trials(),
    ]
    .into_iter()
    .flatten()
    .collect();
    suite::run(LabConfig::default(), workload::deploy, trials)
}
