//! Two controllers, of which one leads.

use std::time::Duration;

use ferrolb_lab::Process;
use ferrolb_lab::{Lab, Machine, Result, source, wait};

use crate::scene::AFTER_EXPIRY;

const FIRST_PORT: u16 = 9120;
const ATTEMPT: Duration = Duration::from_secs(2);

/// The controllers `left` and `right`; they end with this value.
pub(crate) struct Pair<'a> {
    lab: &'a Lab,
    processes: [Option<Process>; 2],
}

const NAMES: [&str; 2] = ["left", "right"];

impl<'a> Pair<'a> {
    /// Both run, and one of them leads.
    pub(crate) fn start(lab: &'a Lab) -> Result<Self> {
        let mut pair = Self {
            lab,
            processes: [None, None],
        };
        pair.start_missing()?;
        pair.leader()?;
        Ok(pair)
    }

    /// Only one, which leads.
    pub(crate) fn single(lab: &'a Lab) -> Result<Self> {
        Self::single_with(lab, &[])
    }

    /// Only one, which leads and has these variables.
    pub(crate) fn single_with(lab: &'a Lab, variables: &[(&str, &str)]) -> Result<Self> {
        let pair = Self {
            lab,
            processes: [Some(start(lab, 0, variables)?), None],
        };
        pair.leader()?;
        Ok(pair)
    }

    /// Starts those that do not run.
    pub(crate) fn start_missing(&mut self) -> Result<()> {
        for at in 0..2 {
            if self.processes[at].is_none() {
                self.processes[at] = Some(start(self.lab, at, &[])?);
            }
        }
        Ok(())
    }

    /// Which of them leads, once one does.
    pub(crate) fn leader(&self) -> Result<usize> {
        wait::until("one controller to lead", AFTER_EXPIRY, || {
            let leads = |at: &usize| self.processes[*at].is_some() && leads(self.lab, *at) == Some(true);
            Ok((0..2).find(leads))
        })
    }

    /// Waits until neither leads.
    pub(crate) fn nobody_leads(&self) -> Result<()> {
        wait::until("no controller to lead", AFTER_EXPIRY, || {
            let nobody = (0..2).all(|at| leads(self.lab, at) != Some(true));
            Ok(nobody.then_some(()))
        })
    }

    /// Kills the one that leads.
    pub(crate) fn kill_leader(&mut self) -> Result<()> {
        let leader = self.leader()?;
        if let Some(process) = self.processes[leader].take() {
            process.kill();
        }
        Ok(())
    }

    /// Asks the one that leads to end, and waits until it has.
    pub(crate) fn stop_leader(&mut self) -> Result<()> {
        let leader = self.leader()?;
        match self.processes[leader].take() {
            Some(process) => process.stop().map(drop),
            None => Ok(()),
        }
    }
}

fn start(lab: &Lab, at: usize, more: &[(&str, &str)]) -> Result<Process> {
    let port = port(at).to_string();
    let mut variables = vec![("FERROLB_PORT", port.as_str())];
    variables.extend_from_slice(more);
    lab.start_controller(NAMES[at], &command()?, &variables)
}

/// A controller whose pools and Lease are in another namespace: it leads beside the one that leads already.
pub(crate) fn start_in(lab: &Lab, namespace: &str) -> Result<Process> {
    start(lab, 1, &[("METALLB_NAMESPACE", namespace)])
}

/// The program of this tree.
pub(crate) fn program() -> Result<String> {
    Ok(source::static_program("ferrolb")?.display().to_string())
}

fn command() -> Result<String> {
    Ok(format!("{} controller", program()?))
}

fn port(at: usize) -> usize {
    usize::from(FIRST_PORT) + at
}

/// Whether this controller says that it leads; none if it does not answer.
pub(crate) fn leads(lab: &Lab, at: usize) -> Option<bool> {
    let url = format!("http://{}:{}/metrics", Machine::ControlPlane.ipv4(), port(at));
    let metrics = lab.http_get(&url, ATTEMPT).ok()?.body;
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("ferrolb_controller_leads_bool "))?;
    Some(line == "1")
}
