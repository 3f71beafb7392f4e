//! The speaker of a node, pod or plain process: finding it, stopping it, killing it; and stopping its kube-proxy.

use std::fs;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::cgroup;
use crate::error::{Doing, Error, Result};
use crate::lab::Lab;
use crate::node::start_time;
use crate::state::State;
use crate::wait;

const ENDING: Duration = Duration::from_secs(10);

/// While it lives, a process does nothing.
#[derive(Debug)]
#[must_use = "the process goes on when this is dropped"]
pub struct Pause(Known);

/// A process that cannot be mistaken for a later one of the same number.
#[derive(Debug, Clone, Copy)]
struct Known {
    pid: u32,
    started: u64,
}

impl Known {
    fn of(pid: u32) -> Result<Self> {
        let started = start_time(pid);
        started
            .map(|started| Self { pid, started })
            .ok_or_else(|| Error::Refused(format!("there is no process {pid}")))
    }

    fn lives(self) -> bool {
        start_time(self.pid) == Some(self.started)
    }

    fn send(self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(self.pid.try_into().expect("the kernel's numbers are small"));
        match kill(pid, signal) {
            Err(Errno::ESRCH) => Ok(()),
            done => done.doing(|| format!("send {signal} to process {pid}")),
        }
    }
}

/// Stops a process where it is (SIGSTOP), until the returned value is dropped.
///
/// # Errors
/// If there is no such process.
pub fn pause(pid: u32) -> Result<Pause> {
    let process = Known::of(pid)?;
    process.send(Signal::SIGSTOP)?;
    Ok(Pause(process))
}

impl Pause {
    /// Leaves it stopped for whoever calls [`Lab::resume_speaker`].
    pub fn leave(self) {
        std::mem::forget(self);
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if self.0.lives() {
            let _ = self.0.send(Signal::SIGCONT);
        }
    }
}

impl Lab {
    /// The number of the node's speaker, as this machine counts. It is known by the variables that the manifests of
    /// MetalLB and of this tree give it, as [`Lab::run`] does: `METALLB_NODE_NAME`, and a `METALLB_POD_NAME` that
    /// begins with `speaker`. Asks neither the API server nor the kubelet.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn speaker_pid(&self, node: u8) -> Result<u32> {
        let name = self.node_name(node);
        let found: Vec<u32> = processes(self.state(), node)
            .into_iter()
            .filter(|pid| is_speaker(&environment(*pid), &name))
            .collect();
        let parents: Vec<u32> = found.iter().filter_map(|pid| parent(*pid)).collect();
        // what stands outside the node for a plain process has the same variables
        let innermost: Vec<u32> = found.into_iter().filter(|pid| !parents.contains(pid)).collect();
        match innermost[..] {
            [pid] => Ok(pid),
            ref other => Error::refused(format!(
                "expected one speaker on n{node}, found processes {other:?}"
            )),
        }
    }

    /// Stops the node's speaker where it is, until the returned value is dropped. The kernel goes on forwarding.
    ///
    /// # Errors
    /// As [`Lab::speaker_pid`].
    pub fn pause_speaker(&self, node: u8) -> Result<Pause> {
        pause(self.speaker_pid(node)?)
    }

    /// Stops the node's kube-proxy where it is, until the returned value is dropped. Its rules stay in the kernel.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn pause_kube_proxy(&self, node: u8) -> Result<Pause> {
        let runs_it = |pid: &u32| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            name.trim_end() == "kube-proxy"
        };
        let found: Vec<u32> = processes(self.state(), node)
            .into_iter()
            .filter(runs_it)
            .collect();
        match found[..] {
            [pid] => pause(pid),
            ref other => Error::refused(format!(
                "expected one kube-proxy on n{node}, found processes {other:?}"
            )),
        }
    }

    /// Lets the node's speaker go on (SIGCONT); fine if it is not paused.
    ///
    /// # Errors
    /// As [`Lab::speaker_pid`].
    pub fn resume_speaker(&self, node: u8) -> Result<()> {
        Known::of(self.speaker_pid(node)?)?.send(Signal::SIGCONT)
    }

    /// Kills the node's speaker (SIGKILL); it is gone when this returns. The kubelet starts a pod's again.
    ///
    /// # Errors
    /// As [`Lab::speaker_pid`].
    pub fn kill_speaker(&self, node: u8) -> Result<()> {
        let process = Known::of(self.speaker_pid(node)?)?;
        process.send(Signal::SIGKILL)?;
        wait::until(&format!("the speaker of n{node} to be gone"), ENDING, || {
            let ended = !process.lives() || state(process.pid) == Some('Z');
            Ok(ended.then_some(()))
        })
    }
}

/// All processes in a node's groups.
fn processes(state: &State, node: u8) -> Vec<u32> {
    let groups = fs::read_to_string(state.node_cgroups(node)).unwrap_or_default();
    let groups: Vec<_> = groups.lines().map(Into::into).collect();
    let mut all: Vec<u32> = cgroup::processes(&groups)
        .into_iter()
        .filter_map(|pid| pid.try_into().ok())
        .collect();
    // one group for each hierarchy
    all.sort_unstable();
    all.dedup();
    all
}

fn environment(pid: u32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/environ")).unwrap_or_default()
}

fn is_speaker(environment: &[u8], node: &str) -> bool {
    let value = |name: &str| {
        let lines = environment.split(|byte| *byte == 0);
        let mut texts = lines.filter_map(|line| std::str::from_utf8(line).ok());
        texts.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    };
    let is_pod = value("METALLB_POD_NAME").is_some_and(|pod| pod.starts_with("speaker"));
    is_pod && value("METALLB_NODE_NAME") == Some(node)
}

/// The fields of `stat` (proc(5)) after the program's name, which may hold anything.
fn stat(pid: u32) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name.split_whitespace().map(str::to_owned).collect()
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid).get(1)?.parse().ok()
}

fn state(pid: u32) -> Option<char> {
    stat(pid).first()?.chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::pod("METALLB_NODE_NAME=fl-dev-n1\0METALLB_POD_NAME=speaker-x7\0", true)]
    #[case::other_node("METALLB_NODE_NAME=fl-dev-n2\0METALLB_POD_NAME=speaker-x7\0", false)]
    #[case::controller("METALLB_NODE_NAME=fl-dev-n1\0METALLB_POD_NAME=controller-x7\0", false)]
    #[case::anything_else("PATH=/bin\0", false)]
    fn a_speaker_is_known_by_its_variables(#[case] environment: &str, #[case] expected: bool) {
        assert_eq!(is_speaker(environment.as_bytes(), "fl-dev-n1"), expected);
    }

    #[test]
    fn a_process_that_is_gone_cannot_be_paused() {
        assert!(pause(u32::MAX / 2).is_err());
    }
}
