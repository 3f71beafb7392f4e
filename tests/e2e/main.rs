//! FerroLB on a real Kubernetes, installed as its users install it: what it promises, seen from a client on the LAN.

mod addresses;
mod announcing;
mod apart;
mod bundling;
mod conflicting;
mod dashboard;
mod doctor;
mod everywhere;
mod examining;
mod explaining;
mod healthy;
mod input;
mod installed;
mod monitoring;
mod page;
mod prometheus;
mod remembering;
mod rights;
mod scene;
mod told;
mod unplugged;
mod watched;

use std::process::ExitCode;

use ferrolb_lab::LabConfig;
use ferrolb_lab::suite::{self, Trial};

fn main() -> ExitCode {
    let trials: Vec<Trial> = [
        installed::trials(),
        addresses::trials(),
        announcing::trials(),
        conflicting::trials(),
        explaining::trials(),
        examining::trials(),
        bundling::trials(),
        input::trials(),
        monitoring::trials(),
        page::trials(),
        remembering::trials(),
        told::trials(),
        apart::trials(),
        unplugged::trials(),
        healthy::trials(),
        watched::trials(),
    ]
    .into_iter()
    .flatten()
    .collect();
    suite::run(LabConfig::default(), scene::prepare, trials)
}
