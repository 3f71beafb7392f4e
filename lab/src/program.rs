//! Any implementation of the MetalLB API as plain processes: the controller beside the control plane, one speaker in
//! each node.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::command;
use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::plan::Machine;
use crate::process::Process;
use crate::source;

/// Where everything of an implementation lies.
pub(crate) const NAMESPACE: &str = "metallb-system";

/// What to run. Each command is one command of the shell, which fills in the variables that a pod gets from its
/// manifest: `METALLB_NAMESPACE`, `METALLB_POD_NAME`, `METALLB_NODE_NAME`, `METALLB_HOST` (the address of the machine)
/// and `KUBECONFIG`: of an administrator that the audit log knows as the part's
/// service account.
#[derive(Debug, Clone, Default)]
pub struct Implementation {
    /// Run once, on the control plane's network.
    pub controller: Option<String>,
    /// Run once in each node.
    pub speaker: Option<String>,
    /// What is applied first: a file or a folder, as `kubectl apply -f` takes it. By default this tree's resource
    /// definitions and the namespace.
    pub manifests: Option<PathBuf>,
}

/// Its processes. Dropping it kills them.
#[derive(Debug)]
pub struct Running {
    /// The controller first, then a speaker for each node.
    pub processes: Vec<Process>,
}

/// What a command of this tree's `ferrolb` found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it printed, and then its complaints.
    pub text: String,
    /// How long it took.
    pub took: Duration,
}

impl Lab {
    /// Applies what an implementation needs and starts its processes; their logs are `controller` and `speaker-n1` and
    /// so on. Nodes that are down get no speaker.
    ///
    /// # Errors
    /// If the API server refuses a manifest or a program cannot be started.
    pub fn run(&self, implementation: &Implementation) -> Result<Running> {
        self.apply_definitions(implementation.manifests.clone())?;
        let mut processes = Vec::new();
        if let Some(command) = &implementation.controller {
            processes.push(self.start_controller("controller", command, &[])?);
        }
        if let Some(command) = &implementation.speaker {
            let up = |node: &u8| self.state().node_process(*node).exists();
            for node in self.plan().nodes().filter(up) {
                processes.push(self.start_speaker(node, command)?);
            }
        }
        Ok(Running { processes })
    }

    /// Applies what an implementation needs before it starts; by default the namespace and the resource definitions.
    ///
    /// # Errors
    /// If the API server refuses them.
    pub fn apply_definitions(&self, manifests: Option<PathBuf>) -> Result<()> {
        let deploy = source::root().join("deploy");
        let own = || vec![deploy.join("namespace.yaml"), deploy.join("crds")];
        for path in manifests.map_or_else(own, |given| vec![given]) {
            self.kubectl(&["apply", "-f", &path.to_string_lossy()])?;
        }
        let established = [
            "wait",
            "--for=condition=Established",
            "crd",
            "--all",
            "--timeout=30s",
        ];
        self.kubectl(&established).map(drop)
    }

    /// Runs a command of this tree's `ferrolb` where the administrator's kubeconfig is; returns what it prints.
    ///
    /// # Errors
    /// If it fails or does not end in time.
    pub fn ferrolb(&self, arguments: &[&str], within: Duration) -> Result<String> {
        self.with_ferrolb(arguments, |command| command::text(command, within))
    }

    /// As [`Lab::ferrolb`] for a command that ends with an exit code if it finds something wrong.
    ///
    /// # Errors
    /// If it does not end in time.
    pub fn ferrolb_finds(&self, arguments: &[&str], within: Duration) -> Result<Found> {
        self.with_ferrolb(arguments, |command| {
            let began = Instant::now();
            let outcome = command::outcome(command, "", within)?;
            Ok(Found {
                took: began.elapsed(),
                code: outcome.status.code(),
                text: outcome.stdout + &outcome.stderr,
            })
        })
    }

    fn with_ferrolb<T>(
        &self,
        arguments: &[&str],
        run: impl FnOnce(&mut Command) -> Result<T> + Send,
    ) -> Result<T>
    where
        T: Send,
    {
        let program = source::static_program("ferrolb")?;
        self.in_machine(Machine::ControlPlane, || {
            let mut command = Command::new(program);
            command
                .args(arguments)
                .env("KUBECONFIG", self.kubeconfig_on(Machine::ControlPlane));
            run(&mut command)
        })?
    }

    /// Starts a controller on the control plane's network; `name` is its log and its pod's name.
    ///
    /// # Errors
    /// If there is no such program.
    pub fn start_controller(&self, name: &str, command: &str, more: &[(&str, &str)]) -> Result<Process> {
        self.start_part("controller", Machine::ControlPlane, name, command, more)
    }

    /// Starts a speaker in a node; its log and its pod's name are `speaker-n1` and so on.
    ///
    /// # Errors
    /// If the node is down or there is no such program.
    pub fn start_speaker(&self, node: u8, command: &str) -> Result<Process> {
        self.start_speaker_with(node, command, &[])
    }

    pub(crate) fn start_speaker_with(
        &self,
        node: u8,
        command: &str,
        more: &[(&str, &str)],
    ) -> Result<Process> {
        let machine = Machine::Node(node);
        let name = format!("speaker-{}", machine.short_name());
        self.start_part("speaker", machine, &name, command, more)
    }

    fn start_part(
        &self,
        part: &str,
        machine: Machine,
        name: &str,
        command: &str,
        more: &[(&str, &str)],
    ) -> Result<Process> {
        let (node, host) = (self.plan().full_name(machine), machine.ipv4().to_string());
        let kubeconfig = self.kubeconfig_of(part, machine);
        let kubeconfig = kubeconfig.to_string_lossy();
        let mut variables = vec![
            ("METALLB_NAMESPACE", NAMESPACE),
            ("METALLB_POD_NAME", name),
            ("METALLB_NODE_NAME", &node),
            ("METALLB_HOST", &host),
            ("KUBECONFIG", &kubeconfig),
        ];
        variables.extend_from_slice(more);
        self.start_process(
            machine,
            name,
            &["/bin/sh", "-c", &format!("exec {command}")],
            &variables,
        )
    }
}

impl Running {
    /// An error with the end of its log if one of them has ended.
    ///
    /// # Errors
    /// If one has.
    pub fn all_run(&mut self) -> Result<()> {
        self.processes.iter_mut().try_for_each(Process::still_runs)
    }

    /// Asks all to end (SIGTERM) and waits until they have.
    ///
    /// # Errors
    /// If one had ended before, or does not end in time; the rest are killed then.
    pub fn stop(mut self) -> Result<()> {
        // all are asked before any is waited for
        let asked: Vec<_> = self.processes.iter_mut().map(Process::terminate).collect();
        let ended = self.processes.iter_mut().map(Process::ended);
        let outcomes = asked.into_iter().chain(ended);
        let failures: Vec<String> = outcomes
            .filter_map(|done| Some(done.err()?.to_string()))
            .collect();
        if failures.is_empty() {
            return Ok(());
        }
        Err(Error::Refused(failures.join("\n")))
    }
}
