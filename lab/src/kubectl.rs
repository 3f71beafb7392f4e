//! kubectl as the cluster's administrator, on the control plane's machine.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::command::{USUAL, text_with_input};
use crate::error::{Doing, Result};
use crate::netns;
use crate::plan::{Machine, Plan};
use crate::state::State;

/// Runs kubectl for one lab.
#[derive(Debug, Clone)]
pub struct Kubectl {
    program: PathBuf,
    namespace: String,
    kubeconfig: PathBuf,
    cache: PathBuf,
}

impl Kubectl {
    pub(crate) fn new(plan: &Plan, state: &State, binaries: &Path) -> Self {
        Self {
            program: binaries.join("kubectl"),
            namespace: plan.full_name(Machine::ControlPlane),
            kubeconfig: state.kubeconfig("admin"),
            cache: state.folder().join("kubectl"),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        self.set_environment(&mut command);
        command.args(arguments);
        command
    }

    /// What kubectl reads of a command's environment: its cache goes with the lab, and the person's own settings do not
    /// count.
    pub(crate) fn set_environment(&self, command: &mut Command) {
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", &self.cache)
            .env("KUBERC", "off");
    }

    /// Runs it and returns its standard output.
    ///
    /// # Errors
    /// If it fails, with both outputs; if it takes more than a minute.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        self.run_with_input(arguments, "", USUAL)
    }

    /// Runs it with a standard input and a deadline of its own.
    ///
    /// # Errors
    /// As [`Kubectl::run`].
    pub fn run_with_input(&self, arguments: &[&str], input: &str, within: Duration) -> Result<String> {
        netns::inside(&self.namespace, || {
            text_with_input(&mut self.command(arguments), input, within)
        })?
    }

    /// Becomes kubectl; returns only if that fails.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn replace_process(&self, arguments: &[&str]) -> Result<std::convert::Infallible> {
        netns::enter(&self.namespace)?;
        Err(self.command(arguments).exec()).doing(|| "start kubectl".into())
    }
}
