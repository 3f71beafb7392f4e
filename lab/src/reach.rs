//! Running things inside the lab's machines.

use std::convert::Infallible;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use nix::unistd::getppid;

use crate::command::{USUAL, text};
use crate::entry::own_pid;
use crate::error::{Doing, Error, Result};
use crate::lab::Lab;
use crate::netns;
use crate::node;
use crate::plan::{Machine, Plan};
use crate::state::State;

impl Lab {
    /// Runs a command inside a node, in all its namespaces and in its cgroup, and returns its standard output.
    ///
    /// # Errors
    /// If the node is down or the command fails; after a minute.
    pub fn exec(&self, node: u8, command: &[&str]) -> Result<String> {
        self.exec_within(node, command, USUAL)
    }

    /// As [`Lab::exec`], with a deadline of its own.
    ///
    /// # Errors
    /// As [`Lab::exec`].
    pub fn exec_within(&self, node: u8, command: &[&str], within: Duration) -> Result<String> {
        text(inside_node(self.state(), node)?.args(command), within)
    }

    /// Runs a command of this machine on the first client's network and returns its standard output.
    ///
    /// # Errors
    /// If the command fails; after a minute.
    pub fn client(&self, command: &[&str]) -> Result<String> {
        let (name, arguments) = command.split_first().unwrap_or((&"true", &[]));
        self.in_client(|| text(Command::new(name).args(arguments), USUAL))?
    }

    /// Calls a closure on the first client's network; see [`Lab::in_machine`].
    ///
    /// # Errors
    /// If the lab is gone.
    pub fn in_client<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        self.in_machine(Machine::Client(1), work)
    }

    /// Calls a closure on the machine's network, on a thread of its own: sockets it opens and programs it starts live
    /// there; threads it starts do not leave.
    ///
    /// # Errors
    /// If the machine is down.
    pub fn in_machine<T: Send>(&self, machine: Machine, work: impl FnOnce() -> T + Send) -> Result<T> {
        netns::inside(&self.plan().full_name(machine), work)
    }
}

fn inside_node(state: &State, node: u8) -> Result<Command> {
    Ok(node::Process::of(state, node)?.enter(own_pid()))
}

/// Becomes a command inside the node; returns only if that fails.
///
/// # Errors
/// If the node is down.
pub fn become_inside_node(state: &State, node: u8, command: &[String]) -> Result<Infallible> {
    let mut inside = node::Process::of(state, node)?.enter(getppid().as_raw());
    Err(inside.args(command).exec()).doing(|| "enter the node".into())
}

/// Becomes a command of this machine on another machine's network; returns only if that fails.
///
/// # Errors
/// If the machine is down, or there is no such command.
pub fn become_on_network(plan: &Plan, machine: Machine, command: &[String]) -> Result<Infallible> {
    netns::enter(&plan.full_name(machine))?;
    let (name, arguments) = command
        .split_first()
        .ok_or_else(|| Error::Refused("no command given".into()))?;
    Err(Command::new(name).args(arguments).exec()).doing(|| format!("run {name}"))
}
