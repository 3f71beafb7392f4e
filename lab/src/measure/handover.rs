//! How long nobody gives addresses when the controller that does so is asked to end.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::allocate::{ONE, Scene, WAITING};
use crate::error::Result;
use crate::plan::Machine;
use crate::process::Process;
use crate::program::NAMESPACE;
use crate::wait;

/// By which the controllers of this tree say who leads.
const LEASE: &str = "ferrolb-controller";
const FIRST_PORT: u16 = 9120;
const ATTEMPT: Duration = Duration::from_secs(2);

/// Which controller goes on when one ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Restart {
    /// A second controller that waited for it; where controllers elect a leader by the Lease `ferrolb-controller`.
    Handover,
    /// The same one, started again as soon as it has ended.
    Start,
}

impl Restart {
    /// For people.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Handover => "a second controller takes over",
            Self::Start => "the same is started again",
        }
    }
}

/// Starts the controller with this number; each serves its metrics at a port of its own.
pub(super) fn start(scene: &Scene, number: u16) -> Result<Process> {
    let port = port(number).to_string();
    scene
        .lab
        .start_controller(&name(number), &scene.command, &[("FERROLB_PORT", &port)])
}

fn name(number: u16) -> String {
    format!("controller-{number}")
}

fn port(number: u16) -> u16 {
    FIRST_PORT + number - 1
}

/// Asks the controller that leads to end, creates a Service at the same moment, and waits for its address.
pub(super) fn measure(scene: &Scene, first: Process, service: usize) -> Result<(Restart, Duration)> {
    if leader(scene).is_none() {
        return Ok((Restart::Start, start_again(scene, first, service)?));
    }
    let second = start(scene, 2)?;
    is_ready(scene, 2)?;
    let leads = |process: &Process| leader(scene).is_some_and(|leader| leader.contains(process.name()));
    let (mut leading, _other) = if leads(&second) {
        (second, first)
    } else {
        (first, second)
    };
    let began = Instant::now();
    leading.terminate()?;
    let took = served_since(scene, began, service)?;
    leading.ended()?;
    Ok((Restart::Handover, took))
}

fn start_again(scene: &Scene, mut first: Process, service: usize) -> Result<Duration> {
    let began = Instant::now();
    first.terminate()?;
    let created = scene.requests.create(WAITING, service..service + 1)?.remove(0);
    first.ended()?;
    let _again = start(scene, 1)?;
    Ok(scene.served(&created)?.duration_since(began))
}

fn served_since(scene: &Scene, began: Instant, service: usize) -> Result<Duration> {
    let created = scene.requests.create(WAITING, service..service + 1)?.remove(0);
    Ok(scene.served(&created)?.duration_since(began))
}

/// The holder of the lease; none where there is no lease.
fn leader(scene: &Scene) -> Option<String> {
    let holder = "jsonpath={.spec.holderIdentity}";
    let lease = ["get", "lease", LEASE, "-n", NAMESPACE, "-o", holder];
    scene.lab.kubectl(&lease).ok().filter(|holder| !holder.is_empty())
}

fn is_ready(scene: &Scene, number: u16) -> Result<()> {
    let url = format!("http://127.0.0.1:{}/readyz", port(number));
    wait::until_seen("the second controller to be ready", ONE, || {
        Ok(
            match scene.lab.http_get_from(Machine::ControlPlane, &url, ATTEMPT) {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(format!("{} {}", answer.status, answer.body)),
                Err(failed) => Err(failed.to_string()),
            },
        )
    })
    .map_err(|late| late.with_log(&scene.lab.state().log(&name(number))))
}
