//! Sockets and link events on real interfaces, in network namespaces of their own. Takes root and iproute2; without
//! root the trials are reported as ignored, or fail if `FERROLB_REQUIRE_LAB` is set.
#![allow(clippy::unwrap_used)]

mod discovery;
mod filters;
mod flows;
mod frames;
mod link_events;
mod neighbours;
mod sockets;
mod space;
mod streams;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use nix::unistd::geteuid;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let runnable = geteuid().is_root() || std::env::var_os("FERROLB_REQUIRE_LAB").is_some();
    let trials = [
        filters::trials(),
        sockets::trials(),
        link_events::trials(),
        neighbours::trials(),
        flows::trials(),
        streams::trials(),
        discovery::trials(),
    ]
    .into_iter()
    .flatten()
    .map(|trial| if runnable { trial } else { ignored(trial) })
    .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn ignored(trial: Trial) -> Trial {
    trial.with_kind("needs root").with_ignored_flag(true)
}

fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}
