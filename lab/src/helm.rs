//! Helm, as the cluster's administrator on the control plane's machine, and without a cluster.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::command::{Outcome, USUAL, outcome, text};
use crate::error::Result;
use crate::lab::Lab;
use crate::netns;
use crate::plan::Machine;

/// Long enough for `--wait` on pods.
const WAITING: Duration = Duration::from_secs(150);

impl Lab {
    /// What kubectl and Helm read of a command's environment: what they keep goes with the lab, and the person's own
    /// settings do not count.
    pub(crate) fn set_environment(&self, command: &mut Command) {
        self.kubectl_program().set_environment(command);
        keep_in(command, &self.state().folder().join("helm"));
    }

    /// Runs Helm and returns its standard output. It keeps nothing outside the lab's folder.
    ///
    /// # Errors
    /// If it fails, with both outputs.
    pub fn helm(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(ferrolb_programs::beside("helm")?);
        self.set_environment(&mut command);
        command.args(arguments);
        netns::inside(&self.plan().full_name(Machine::ControlPlane), || {
            text(&mut command, WAITING)
        })?
    }
}

/// Runs Helm where no cluster is needed, as for `template`, `lint` and `package`; it keeps what it must in `folder`.
///
/// # Errors
/// If Kubernetes is not built, or Helm cannot be started.
pub fn without_cluster(arguments: &[&str], folder: &Path) -> Result<Outcome> {
    let mut command = Command::new(ferrolb_programs::beside("helm")?);
    keep_in(&mut command, folder);
    outcome(command.args(arguments), "", USUAL)
}

fn keep_in(command: &mut Command, folder: &Path) {
    command
        .env("HELM_CACHE_HOME", folder.join("cache"))
        .env("HELM_CONFIG_HOME", folder.join("config"))
        .env("HELM_DATA_HOME", folder.join("data"));
}
