//! One thread of a process, stopped where it is while the others go on.

use std::fs;

use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::error::{Doing, Error, Result};

/// While it lives, the thread does nothing. It goes on when this is dropped, by the thread that made it.
#[derive(Debug)]
#[must_use = "the thread goes on when this is dropped"]
pub struct HeldThread(Pid);

/// Stops the thread of this name of a process, as a debugger would.
///
/// # Errors
/// If there is no such process, or no such thread of it.
pub fn hold_thread(pid: u32, name: &str) -> Result<HeldThread> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).doing(|| format!("look at process {pid}"))?;
    let named = tasks.flatten().find(|task| {
        let comm = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        comm.trim_end() == name
    });
    let number = named.and_then(|task| task.file_name().to_str()?.parse().ok());
    let thread = number
        .map(Pid::from_raw)
        .ok_or_else(|| Error::Refused(format!("process {pid} has no thread {name}")))?;
    let what = || format!("stop thread {name} of process {pid}");
    ptrace::seize(thread, ptrace::Options::empty()).doing(what)?;
    let held = HeldThread(thread);
    ptrace::interrupt(thread).doing(what)?;
    waitpid(thread, Some(WaitPidFlag::__WALL)).doing(what)?;
    Ok(held)
}

impl Drop for HeldThread {
    fn drop(&mut self) {
        let _ = ptrace::detach(self.0, None);
    }
}
