//! Network namespaces, named as `ip netns` names them.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use nix::sched::{CloneFlags, setns};

use crate::command::{USUAL, text, text_with_input};
use crate::error::{Doing, Result};

const NAMES: &str = "/run/netns";

/// The names of all network namespaces of this machine.
#[must_use]
pub fn names() -> Vec<String> {
    let entries = fs::read_dir(NAMES).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

pub(crate) fn add(name: &str) -> Result<()> {
    text(Command::new("ip").args(["netns", "add", name]), USUAL).map(drop)
}

/// Removes the name; the namespace goes with its last process. A name that does not exist is fine.
pub(crate) fn delete(name: &str) -> Result<()> {
    if !Path::new(NAMES).join(name).exists() {
        return Ok(());
    }
    text(Command::new("ip").args(["netns", "del", name]), USUAL).map(drop)
}

/// Runs commands of `ip` in the namespace, one a line; ends at the first that fails.
pub(crate) fn ip(name: &str, lines: &str) -> Result<()> {
    text_with_input(Command::new("ip").args(["-n", name, "-batch", "-"]), lines, USUAL).map(drop)
}

/// What `ip` shows of the namespace.
pub(crate) fn shown(name: &str, what: &[&str]) -> Result<String> {
    text(Command::new("ip").args(["-n", name]).args(what), USUAL)
}

/// Moves the calling thread into the namespace. What it starts and the sockets it opens live there.
pub(crate) fn enter(name: &str) -> Result<()> {
    let path = Path::new(NAMES).join(name);
    let namespace = File::open(&path).doing(|| format!("open {}", path.display()))?;
    setns(namespace, CloneFlags::CLONE_NEWNET).doing(|| format!("enter network namespace {name}"))
}

/// Runs `work` in the namespace, on a thread of its own: the caller stays where it is.
///
/// # Errors
/// If there is no such namespace.
pub fn inside<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| enter(name).map(|()| work()));
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Sets kernel settings of the namespace, given as paths below `/proc/sys`.
pub(crate) fn set(name: &str, settings: &[(&str, &str)]) -> Result<()> {
    inside(name, || {
        for (path, value) in settings {
            fs::write(format!("/proc/sys/{path}"), value).doing(|| format!("set {path} in {name}"))?;
        }
        Ok(())
    })?
}
