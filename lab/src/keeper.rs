//! The process that owns a lab: it starts every other process of it, so all of them die with it, and it removes the
//! lab when it is told to, when its own owner is gone, or on SIGTERM.

mod bare;
mod daemons;
mod power;

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use nix::poll::PollTimeout;
use nix::sys::signal::Signal;
use nix::unistd::setsid;
use serde::{Deserialize, Serialize};

use crate::control_plane::{self, API_SERVER, Daemon, ETCD};
use crate::error::{Doing, Error, Result};
use crate::keeper_request::{Request, answer};
use crate::kubectl::Kubectl;
use crate::owner::{Event, Owner};
use crate::plan::{Machine, Plan};
use crate::state::State;
use crate::{cleanup, images, machine, pki, readiness, wait};

const STARTING: Duration = Duration::from_secs(60);

/// The lab to own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) plan: Plan,
    pub(crate) state: State,
    /// Folder of the Kubernetes binaries.
    pub(crate) binaries: PathBuf,
    /// The static echo program, which also is the sandbox process.
    pub(crate) echo: PathBuf,
}

struct Keeper<'a> {
    task: &'a Task,
    daemons: Vec<Daemon>,
    nodes: BTreeMap<u8, Child>,
    owner: Owner,
    began: Instant,
}

/// Owns the lab until it ends. Standard output gets one line: `up`, or why not.
pub(crate) fn keep(task: &Task) -> Result<i32> {
    setsid().doing(|| "leave the terminal".into())?;
    let owner = Owner::new()?;
    let lock = task.state.hold(Duration::from_secs(3))?;
    cleanup::sweep(task.plan.name(), &task.state)?;
    let mut keeper = Keeper {
        task,
        daemons: vec![],
        nodes: BTreeMap::new(),
        owner,
        began: Instant::now(),
    };
    let served = keeper.up().and_then(|listener| {
        report("up");
        keeper.serve(&listener)
    });
    let down = keeper.down();
    drop(lock);
    served
        .and(down)
        .inspect_err(|failed| report(&failed.to_string()))
        .map(|()| 0)
}

/// The owner may be gone; then nobody needs the report.
fn report(text: &str) {
    let _ = std::io::stdout().write_all(format!("{text}\n").as_bytes());
}

impl Keeper<'_> {
    fn up(&mut self) -> Result<UnixListener> {
        let Task {
            plan, state, echo, ..
        } = self.task;
        state.make_folders()?;
        state.write_plan(plan)?;
        machine::switch_on(plan)?;
        for machine in plan
            .machines()
            .filter(|machine| !matches!(machine, Machine::Node(_)))
        {
            machine::connect(plan, machine)?;
        }
        pki::write(plan, state)?;
        images::write_workload(echo, &state.images())?;
        self.note("network, keys and images are made");
        self.start(ETCD)?;
        self.start(API_SERVER)?;
        let kubectl = self.kubectl();
        self.wait_for("the API server to be ready", API_SERVER, || {
            readiness::api(&kubectl)
        })?;
        self.start("kube-controller-manager")?;
        self.start("kube-scheduler")?;
        if plan.is_bare() {
            bare::register(plan, &self.kubectl())?;
        }
        for node in plan.nodes() {
            self.boot(node)?;
        }
        self.wait_until_ready()?;
        let path = state.socket();
        UnixListener::bind(&path).doing(|| format!("listen at {}", path.display()))
    }

    fn note(&self, what: &str) {
        eprintln!("{:6.2} s  {what}", self.began.elapsed().as_secs_f64());
    }

    fn start(&mut self, name: &'static str) -> Result<()> {
        let Task {
            plan,
            state,
            binaries,
            ..
        } = self.task;
        self.daemons
            .push(control_plane::start(name, plan, state, binaries)?);
        Ok(())
    }

    fn kubectl(&self) -> Kubectl {
        Kubectl::new(&self.task.plan, &self.task.state, &self.task.binaries)
    }

    /// An error if a program of the control plane has ended.
    fn all_run(&mut self) -> Result<()> {
        for daemon in &mut self.daemons {
            if let Ok(Some(status)) = daemon.child.try_wait() {
                let ended = Error::Refused(format!("{} ended with {status}", daemon.name));
                return Err(ended.with_log(&daemon.log));
            }
        }
        Ok(())
    }

    /// Waits for a condition for as long as the lab is wanted and its control plane runs.
    fn wait_for(&mut self, what: &str, log: &str, mut ask: impl FnMut() -> readiness::Seen) -> Result<()> {
        let met = wait::until_seen(what, STARTING, || {
            self.owner.still_wants_it()?;
            self.all_run()?;
            Ok(ask())
        });
        self.note(what);
        met.map_err(|late| late.with_log(&self.task.state.log(log)))
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let (plan, kubectl) = (&self.task.plan, self.kubectl());
        self.wait_for("all nodes to be Ready", "n1", || {
            readiness::nodes(&kubectl, plan.nodes().count())
        })?;
        self.wait_for("the rules of all kube-proxies", "n1", || {
            plan.nodes().try_for_each(|i| readiness::proxy(plan, i))
        })?;
        self.wait_for("the default service account", "kube-controller-manager", || {
            readiness::account(&kubectl)
        })
    }

    fn serve(&mut self, listener: &UnixListener) -> Result<()> {
        loop {
            match self.owner.next(Some(listener), PollTimeout::NONE)? {
                Some(Event::Over(why)) => {
                    self.note(why);
                    return Ok(());
                }
                Some(Event::Connection) => {
                    let Ok((connection, _)) = listener.accept() else {
                        continue;
                    };
                    if answer(&connection, |request| self.obey(request)) {
                        return Ok(());
                    }
                }
                None => {}
            }
        }
    }

    fn obey(&mut self, request: Request) -> Result<()> {
        match request {
            Request::Cut(node) => self.cut(node),
            Request::Boot(node) => self.boot(node),
            Request::KillApiServer => self.kill(API_SERVER),
            Request::StartApiServer => self.start_again(API_SERVER),
            Request::StopControlPlane => self.kill(API_SERVER).and_then(|()| self.kill(ETCD)),
            Request::StartControlPlane => self.start_again(ETCD).and_then(|()| self.start_again(API_SERVER)),
            Request::PauseEtcd => self.signal(ETCD, Signal::SIGSTOP),
            Request::ResumeEtcd => self.signal(ETCD, Signal::SIGCONT),
            Request::End => self.down(),
        }
    }

    /// Ends and removes everything; also what a failed start has left half made.
    fn down(&mut self) -> Result<()> {
        let Task { plan, state, .. } = self.task;
        for process in self
            .nodes
            .values_mut()
            .chain(self.daemons.iter_mut().map(|daemon| &mut daemon.child))
        {
            end(process);
        }
        self.nodes.clear();
        self.daemons.clear();
        let swept = cleanup::sweep(plan.name(), state);
        self.note("down");
        swept.and_then(|()| state.remove())
    }
}

/// The process cannot be another one by now: nobody has waited for it yet.
fn end(process: &mut Child) {
    let _ = process.kill();
    let _ = process.wait();
}
