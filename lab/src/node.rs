//! A node's processes as seen from outside: making its namespaces, and entering them again.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{SigSet, Signal};
use serde::{Deserialize, Serialize};

use crate::cgroup;
use crate::entry::Inner;
use crate::error::{Doing, Error, Result};
use crate::plan::{Machine, Plan};
use crate::state::State;
use crate::{netns, node_config};

/// The process id of a parent outside the own process id namespace.
const OUTSIDE: i32 = 0;

/// What a node's first process is told when it may boot.
const GO: u8 = b'g';

/// All that a node's first process must know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) plan: Plan,
    pub(crate) number: u8,
    pub(crate) state: State,
    pub(crate) binaries: PathBuf,
    pub(crate) cgroups: Vec<PathBuf>,
}

impl Spec {
    /// Host name, and name in Kubernetes.
    pub(crate) fn name(&self) -> String {
        self.plan.full_name(Machine::Node(self.number))
    }
}

/// A node's first process and its groups.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Process {
    pid: u32,
    /// In clock ticks since the machine started: a process id alone may name another process by now.
    started: u64,
    cgroups: Vec<PathBuf>,
}

impl Process {
    /// The running first process of the node.
    pub(crate) fn of(state: &State, node: u8) -> Result<Self> {
        let text = fs::read_to_string(state.node_process(node)).ok();
        let process = text.and_then(|text| serde_json::from_str::<Self>(&text).ok());
        let alive = process.filter(|process| start_time(process.pid) == Some(process.started));
        alive.ok_or_else(|| Error::Refused(format!("node n{node} is not running")))
    }

    /// A command that runs the command appended to it inside the node, as long as `parent` lives, which starts it.
    pub(crate) fn enter(&self, parent: i32) -> Command {
        Inner::Enter {
            process: self.clone(),
            parent,
        }
        .command("ferrolb-lab-exec")
    }
}

/// In clock ticks since the machine started.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // the second field, the program's name in brackets, may hold anything
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

/// Makes the node's namespaces, starts its first process there, and lasts as long as that does.
pub(crate) fn stand_outside(spec: &Spec) -> Result<i32> {
    netns::enter(&spec.name())?;
    let new = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWPID;
    unshare(new).doing(|| "make the node's namespaces".into())?;
    mount(
        None::<&str>,
        "/",
        None::<&str>,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        None::<&str>,
    )
    .doing(|| "make the node's mounts private".into())?;
    let mut command = Inner::Init(spec.clone()).command("ferrolb-lab-node");
    let init = command.stdin(Stdio::piped()).spawn();
    let mut init = init.doing(|| "start the node's first process".into())?;
    record(spec, init.id())?;
    let mut lifeline = init.stdin.take().expect("standard input is piped");
    // only now: it shares this process' mounts, and changes what /proc and /var/lib are
    lifeline.write_all(&[GO]).doing(|| "let the node boot".into())?;
    let status = init.wait().doing(|| "wait for the node's first process".into())?;
    Ok(status.code().unwrap_or(1))
}

fn record(spec: &Spec, pid: u32) -> Result<()> {
    let Some(started) = start_time(pid) else {
        return Error::refused("the node's first process ended at once");
    };
    let process = Process {
        pid,
        started,
        cgroups: spec.cgroups.clone(),
    };
    let text = serde_json::to_string(&process).expect("plain data");
    let path = spec.state.node_process(spec.number);
    fs::write(&path, text).doing(|| format!("write {}", path.display()))
}

/// Runs a command in all of the node's namespaces and in its groups; returns its exit status.
pub(crate) fn run_inside(process: &Process, command: &[OsString]) -> Result<i32> {
    let kinds = [
        ("cgroup", CloneFlags::CLONE_NEWCGROUP),
        ("ipc", CloneFlags::CLONE_NEWIPC),
        ("uts", CloneFlags::CLONE_NEWUTS),
        ("net", CloneFlags::CLONE_NEWNET),
        ("pid", CloneFlags::CLONE_NEWPID),
        ("mnt", CloneFlags::CLONE_NEWNS),
    ];
    let open = |kind: &str| {
        let path = format!("/proc/{}/ns/{kind}", process.pid);
        File::open(&path).doing(|| format!("open {path}"))
    };
    let namespaces = kinds
        .iter()
        .map(|(kind, flag)| Ok((open(kind)?, *flag)))
        .collect::<Result<Vec<_>>>()?;
    if start_time(process.pid) != Some(process.started) {
        return Error::refused("the node went down");
    }
    cgroup::join(&process.cgroups)?;
    for (namespace, flag) in namespaces {
        setns(namespace, flag).doing(|| "enter the node".into())?;
    }
    // the terminal interrupts the command, and this process passes on how that ends
    SigSet::from(Signal::SIGINT)
        .thread_block()
        .doing(|| "leave the interrupt to the command".into())?;
    let inner = Inner::Run {
        namespace: None,
        parent: OUTSIDE,
    };
    let mut inside = inner.command("ferrolb-lab-exec");
    inside
        .args(command)
        .env("PATH", node_config::PATH)
        .current_dir("/");
    let status = inside.status().doing(|| "run the command".into())?;
    Ok(status
        .code()
        .or(status.signal().map(|signal| 128 + signal))
        .unwrap_or(1))
}
