//! Installing FerroLB as `docs/install.md` says, on a cluster whose default is Pod Security `restricted`: the page's commands,
//! what they leave, the chart itself, and the exchange of MetalLB for FerroLB.

mod chart;
mod migration;
mod page;
mod rights;

use std::process::ExitCode;

use ferrolb_lab::suite::{self, Outcome, Trial};
use ferrolb_lab::{Lab, LabConfig, source};

fn main() -> ExitCode {
    let trials: Vec<Trial> = [
        chart::trials(),
        page::trials(),
        migration::trials(),
        rights::trials(),
    ]
    .into_iter()
    .flatten()
    .collect();
    suite::run_on(Lab::up_restricted, LabConfig::default(), prepare, trials)
}

/// The Prometheus operator is not there: definitions of the names of its kinds, with the fields that are used.
const MONITORING: &str = "tests/install/monitoring-crds.yaml";

/// The image, as if it had been pulled, and the workload of the examples.
fn prepare(lab: &Lab) -> Outcome {
    lab.load_ferrolb()?;
    for file in [MONITORING, "deploy/examples/echo.yaml"] {
        lab.kubectl(&["apply", "-f", &source::root().join(file).to_string_lossy()])?;
    }
    lab.rolled_out("default", "deployment/echo")?;
    Ok(())
}
