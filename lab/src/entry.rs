//! The lab's own processes. The program runs itself again with a hidden first argument: such a process is single
//! threaded, may change its namespaces, and needs no `fork`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{getpid, getppid};
use serde::{Deserialize, Serialize};

use crate::error::{Doing, Error, Result};
use crate::{keeper, netns, node, node_init};

const MARK: &str = "ferrolb-lab-inner";

/// What a process of the lab is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Inner {
    /// Owns a lab: starts, cuts and boots its machines, and removes it all at the end.
    Keeper(keeper::Task),
    /// Becomes the command that follows, in a network namespace if one is named.
    Run { namespace: Option<String>, parent: i32 },
    /// Stands outside a node's namespaces and waits for its first process.
    Outer { node: node::Spec, parent: i32 },
    /// The first process of a node.
    Init(node::Spec),
    /// Runs the command that follows inside a node.
    Enter { process: node::Process, parent: i32 },
}

impl Inner {
    /// A command that does this; `label` is what a process list shows.
    pub(crate) fn command(&self, label: &str) -> Command {
        let task = serde_json::to_string(self).expect("a task is plain data");
        let mut command = Command::new("/proc/self/exe");
        command.arg0(label).args([MARK, &task]);
        command
    }
}

/// Must be the first call of `main` in every program that uses the lab: if the lab started this process for a task of
/// its own, does the task and ends the process; else returns.
pub fn entry() {
    let mut arguments = std::env::args_os();
    if arguments.nth(1).is_none_or(|first| first != MARK) {
        return;
    }
    let task = arguments
        .next()
        .and_then(|text| serde_json::from_str(text.to_str()?).ok());
    let command: Vec<_> = arguments.collect();
    let done = match task.expect("the task was written by this program") {
        Inner::Keeper(task) => keeper::keep(&task),
        Inner::Run { namespace, parent } => run(namespace.as_deref(), parent, &command),
        Inner::Outer { node, parent } => die_with(parent).and_then(|()| node::stand_outside(&node)),
        Inner::Init(node) => node_init::boot(&node),
        Inner::Enter { process, parent } => {
            die_with(parent).and_then(|()| node::run_inside(&process, &command))
        }
    };
    if let Err(failed) = &done {
        eprintln!("{failed}");
    }
    std::process::exit(done.unwrap_or(1));
}

/// This process, as the parent of a task.
pub(crate) fn own_pid() -> i32 {
    getpid().as_raw()
}

/// Has the kernel kill this process when the thread that started it ends.
fn die_with(parent: i32) -> Result<()> {
    set_pdeathsig(Signal::SIGKILL).doing(|| "set the parent-death signal".into())?;
    if getppid().as_raw() != parent {
        // it ended before the kernel was told
        std::process::exit(1);
    }
    Ok(())
}

fn run(namespace: Option<&str>, parent: i32, command: &[OsString]) -> Result<i32> {
    die_with(parent)?;
    if let Some(namespace) = namespace {
        netns::enter(namespace)?;
    }
    become_command(command)
}

/// Replaces this process; returns only if that fails.
fn become_command(command: &[OsString]) -> Result<i32> {
    let Some((name, arguments)) = command.split_first() else {
        return Error::refused("no command given");
    };
    // those that whoever started this process has blocked for itself
    let none_blocked = SigSet::empty().thread_set_mask();
    none_blocked.doing(|| "unblock signals".into())?;
    Err(Command::new(name).args(arguments).exec()).doing(|| format!("start {}", name.display()))
}
