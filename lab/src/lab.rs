//! One lab, as tests and the command line see it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};

use crate::entry::Inner;
use crate::error::{Doing, Error, Result};
use crate::keeper::Task;
use crate::keeper_request::{Request, ask};
use crate::kubectl::Kubectl;
use crate::owner::DETACH;
use crate::plan::Plan;
use crate::state::State;
use crate::{cleanup, requirements, source};

/// What to start.
#[derive(Debug, Clone)]
pub struct LabConfig {
    /// The lab's name; labs of different names run side by side.
    pub name: String,
    /// Number of Kubernetes nodes.
    pub nodes: u8,
    /// Number of machines outside the cluster.
    pub clients: u8,
}

impl Default for LabConfig {
    /// Three nodes and one client, under a name that no other process uses.
    fn default() -> Self {
        Self {
            name: format!("t{}", std::process::id()),
            nodes: 3,
            clients: 1,
        }
    }
}

/// A running lab.
#[derive(Debug)]
pub struct Lab {
    plan: Plan,
    state: State,
    binaries: PathBuf,
    owned: Option<Owned>,
}

/// The keeper of a lab that ends with this process.
#[derive(Debug)]
struct Owned {
    keeper: Child,
    /// While it is open, the lab is wanted.
    lifeline: ChildStdin,
}

impl Lab {
    /// Starts a lab and waits until all its nodes are Ready; first removes what is left of labs whose owner is gone.
    /// The lab ends with the returned value or with this process.
    ///
    /// # Errors
    /// If not run as root, if Kubernetes is not built, or if something does not start; nothing is left then.
    pub fn up(config: &LabConfig) -> Result<Self> {
        Self::start(Plan::new(&config.name, config.nodes, config.clients)?)
    }

    /// As [`Lab::up`], with bare nodes: real networks, real kube-proxies, and Node objects that are Ready whatever
    /// happens, but no kubelet and no container runtime. Twenty of them cost less than two whole ones.
    ///
    /// # Errors
    /// As [`Lab::up`].
    pub fn up_bare(config: &LabConfig) -> Result<Self> {
        Self::start(Plan::new(&config.name, config.nodes, config.clients)?.bare())
    }

    /// As [`Lab::up`], with Pod Security `restricted` as the cluster's default.
    ///
    /// # Errors
    /// As [`Lab::up`].
    pub fn up_restricted(config: &LabConfig) -> Result<Self> {
        Self::start(Plan::new(&config.name, config.nodes, config.clients)?.restricted())
    }

    fn start(plan: Plan) -> Result<Self> {
        if let Some(obstacle) = requirements::obstacle() {
            return Error::refused(obstacle);
        }
        let state = State::of(plan.name());
        if state.is_held() && state.socket().exists() {
            return Error::refused(format!("lab {} is up", plan.name()));
        }
        let binaries = ferrolb_programs::cluster()?;
        let echo = source::static_program("ferrolb-echo")?;
        cleanup::sweep_dead()?;
        requirements::room(state.folder())?;
        let task = Task {
            plan,
            state,
            binaries,
            echo,
        };
        let owned = start_keeper(&task)?;
        Ok(Self {
            plan: task.plan,
            state: task.state,
            binaries: task.binaries,
            owned: Some(owned),
        })
    }

    /// A lab that another process started.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn open(name: &str) -> Result<Self> {
        let state = State::of(name);
        let plan = state.read_plan()?;
        if !state.is_held() {
            return Error::refused(format!(
                "lab {name} is dead; `ferrolb-lab down` removes what is left"
            ));
        }
        Ok(Self {
            plan,
            state,
            binaries: ferrolb_programs::cluster()?,
            owned: None,
        })
    }

    /// Lets the lab live on without this process.
    ///
    /// # Errors
    /// If its keeper is gone.
    pub fn detach(mut self) -> Result<()> {
        let Some(mut owned) = self.owned.take() else {
            return Ok(());
        };
        owned
            .lifeline
            .write_all(&[DETACH])
            .doing(|| "detach the lab".into())
    }

    /// Ends the lab and removes everything of it.
    ///
    /// # Errors
    /// If something stays.
    pub fn down(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        let Some(Owned { mut keeper, lifeline }) = self.owned.take() else {
            return ask(&self.state, Request::End);
        };
        drop(lifeline);
        let _ = keeper.wait();
        if self.state.folder().exists() {
            cleanup::sweep_one(self.plan.name())
        } else {
            Ok(())
        }
    }

    /// kubectl as the administrator.
    #[must_use]
    pub fn kubectl_program(&self) -> Kubectl {
        Kubectl::new(&self.plan, &self.state, &self.binaries)
    }

    /// Names and addresses.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where its files are.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.owned.is_some()
            && let Err(left) = self.end()
        {
            eprintln!("lab {}: {left}", self.plan.name());
        }
    }
}

fn start_keeper(task: &Task) -> Result<Owned> {
    task.state.make_folders()?;
    let log = task.state.log("keeper");
    let errors = File::create(&log).doing(|| format!("write {}", log.display()))?;
    let mut command = Inner::Keeper(task.clone()).command("ferrolb-lab-keeper");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(errors);
    let mut keeper = command.spawn().doing(|| "start the lab's keeper".into())?;
    let lifeline = keeper.stdin.take().expect("standard input is piped");
    let mut told = String::new();
    let mut report = BufReader::new(keeper.stdout.take().expect("standard output is piped"));
    report
        .read_line(&mut told)
        .doing(|| "hear the lab's keeper".into())?;
    if told == "up\n" {
        return Ok(Owned { keeper, lifeline });
    }
    report
        .read_to_string(&mut told)
        .doing(|| "hear the lab's keeper".into())?;
    let _ = keeper.wait();
    let dead = Error::Refused(format!(
        "lab {} did not start: {}",
        task.plan.name(),
        told.trim_end()
    ));
    Err(if told.is_empty() {
        dead.with_log(&log)
    } else {
        dead
    })
}
