//! Figures that are promised, measured on labs made for it.

mod adversary;
mod allocate;
mod audit;
mod churn;
mod exodus;
mod failover;
mod flood;
mod handover;
mod holding;
mod place;
mod privileges;
mod questions;
mod rest;
mod routing;
mod services;
mod speakers;
mod stability;
mod stage;
mod ticker;
mod trace;
mod viewers;
mod wire;

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::cleanup;
use crate::error::Result;
use crate::lab::{Lab, LabConfig};

pub use adversary::{Adversary, Adversity, Storm, adversary};
pub use allocate::{Allocation, allocate};
pub use churn::{Churn, Churning, churn};
pub use exodus::{Exodus, Exoduses, Move, exodus};
pub use failover::{Failover, Failovers, Kind, Run, failover};
pub use flood::{Flood, FloodConfig, flood};
pub use place::Place;
pub use privileges::{Loss, Privileges, Right, privileges};
pub use questions::{Answered, Question, Questions, questions};
pub use rest::{Rest, Resting, rest};
pub use routing::{Event, Routing, RoutingRun, Routings, routing};
pub use stability::{Role, Stabilities, Stability, Upset, UpsetRun, stability};
pub use viewers::{Viewed, Viewers, viewers};

/// One life of a lab: from nothing to answers through external addresses, and back to nothing.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    /// From nothing until all nodes are Ready.
    pub up_seconds: f64,
    /// From there until controller and speakers run; the program was built before.
    pub install_seconds: f64,
    /// From there until every address of the examples has answered.
    pub demo_seconds: f64,
    /// The end of the lab.
    pub down_seconds: f64,
    /// What was left of it afterwards; should be empty.
    pub left: Vec<String>,
}

/// Lives one life of a lab of this name.
///
/// # Errors
/// If any step of it fails.
pub fn round(name: &str, nodes: u8) -> Result<Round> {
    let mut clock = Instant::now();
    let mut lap = move || std::mem::replace(&mut clock, Instant::now()).elapsed();
    let lab = Lab::up(&LabConfig {
        name: name.to_owned(),
        nodes,
        clients: 1,
    })?;
    let up = lap();
    lab.install()?;
    let install = lap();
    lab.demonstrate()?;
    let demo = lap();
    lab.down()?;
    let down = lap();
    Ok(Round {
        up_seconds: seconds(up),
        install_seconds: seconds(install),
        demo_seconds: seconds(demo),
        down_seconds: seconds(down),
        left: cleanup::remains(name),
    })
}

/// To a hundredth, which is more than a busy machine can repeat.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 100.0).round() / 100.0
}

impl Round {
    /// The figures in a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "up {:.1} s, install {:.1} s, demo {:.1} s, down {:.1} s, {} left behind",
            self.up_seconds,
            self.install_seconds,
            self.demo_seconds,
            self.down_seconds,
            self.left.len()
        )
    }
}
