//! Running things inside the lab's machines.

use crate::command::{USUAL, text};
use crate::error::Result;
use crate::lab::Lab;
use crate::netns;
use crate::node;
use crate::plan::{Machine, Plan};
use crate::state::State;
use std::process::Command;
use std::time::Duration;

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

/// A command that runs what is appended to it inside the node.
///
/// # Errors
/// If the node is down.
pub fn inside_node(state: &State, node: u8) -> Result<Command> {
    Ok(node::Process::of(state, node)?.enter())
}

/// Moves this thread onto the machine's network, for good.
///
/// # Errors
/// If the machine is down.
pub fn move_to(plan: &Plan, machine: Machine) -> Result<()> {
    netns::enter(&plan.full_name(machine))
}
