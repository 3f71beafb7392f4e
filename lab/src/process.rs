//! Programs of this machine that run on the network of a lab's machine, as children of this process.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::entry::{Inner, own_pid};
use crate::error::{Doing, Error, Result};
use crate::lab::Lab;
use crate::node;
use crate::plan::Machine;
use crate::state::State;

/// How long a program may take to end by itself.
const ENDING: Duration = Duration::from_secs(30);
const STARTING: Duration = Duration::from_secs(10);

/// A program that was started in a lab; dropping it kills it. It also dies with the thread that started it.
#[derive(Debug)]
pub struct Process {
    name: String,
    /// The program itself, or what stands outside the node that it runs in.
    child: Child,
    pid: u32,
    log: PathBuf,
}

/// What a program has used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Processor time of all its threads, user and system.
    pub cpu_seconds: f64,
    /// Resident memory.
    pub rss_bytes: u64,
}

impl Lab {
    /// Starts a program of this machine: inside a node in all its namespaces and in its cgroup, so that it dies with
    /// the node's power; elsewhere on the machine's network. Its outputs are appended to the lab's log `name`.
    /// `KUBECONFIG` names the administrator's, unless `variables` say otherwise.
    ///
    /// # Errors
    /// If the machine is down or there is no such program.
    pub fn start_process(
        &self,
        machine: Machine,
        name: &str,
        command: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Process> {
        let (log, output) = self.state().append_to_log(name)?;
        let errors = output.try_clone().doing(|| format!("write {}", log.display()))?;
        let child = self
            .on(machine, name)?
            .args(command)
            .env_remove("KUBERNETES_SERVICE_HOST")
            .env("KUBECONFIG", self.kubeconfig_on(machine))
            .envs(variables.iter().copied())
            // an interrupt from the terminal is for whoever started it
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .doing(|| format!("start {name}"))?;
        let mut process = Process {
            name: name.to_owned(),
            pid: child.id(),
            child,
            log,
        };
        if let Machine::Node(_) = machine {
            process.pid = process.inner()?;
        }
        Ok(process)
    }

    /// The administrator's kubeconfig as a program on this machine sees it.
    #[must_use]
    pub fn kubeconfig_on(&self, machine: Machine) -> PathBuf {
        self.kubeconfig_of("admin", machine)
    }

    pub(crate) fn kubeconfig_of(&self, identity: &str, machine: Machine) -> PathBuf {
        match machine {
            Machine::Node(_) => State::seen_by_nodes().kubeconfig(identity),
            _ => self.state().kubeconfig(identity),
        }
    }

    fn on(&self, machine: Machine, label: &str) -> Result<Command> {
        if let Machine::Node(node) = machine {
            return Ok(node::Process::of(self.state(), node)?.enter(own_pid()));
        }
        let inner = Inner::Run {
            namespace: Some(self.plan().full_name(machine)),
            parent: own_pid(),
        };
        Ok(inner.command(label))
    }
}

impl Process {
    /// The program's number, as this machine counts.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What it was called when it was started.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// If it has ended.
    pub fn usage(&self) -> Result<Usage> {
        let read = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", self.pid)).ok();
        let usage = read("stat").zip(read("statm")).and_then(|(stat, statm)| {
            usage(
                &stat,
                &statm,
                per_second(SysconfVar::CLK_TCK)?,
                per_second(SysconfVar::PAGE_SIZE)?,
            )
        });
        usage.ok_or_else(|| Error::Refused(format!("{} has ended", self.name)).with_log(&self.log))
    }

    /// An error with the end of its log if it has ended.
    ///
    /// # Errors
    /// If it has ended.
    pub fn still_runs(&mut self) -> Result<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                Err(Error::Refused(format!("{} ended with {status}", self.name)).with_log(&self.log))
            }
            Err(failed) => Err(failed).doing(|| format!("look after {}", self.name)),
        }
    }

    /// Asks it to end (SIGTERM) and does not wait.
    ///
    /// # Errors
    /// If it has ended.
    pub fn terminate(&mut self) -> Result<()> {
        self.still_runs()?;
        kill(number(self.pid), Signal::SIGTERM).doing(|| format!("end {}", self.name))
    }

    /// Asks it to end (SIGTERM) and waits; returns how long that took.
    ///
    /// # Errors
    /// If it had ended before, or does not end in time; it is killed then.
    pub fn stop(mut self) -> Result<Duration> {
        let began = Instant::now();
        self.terminate()?;
        self.ended()?;
        Ok(began.elapsed())
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// If it does not in time.
    pub fn ended(&mut self) -> Result<()> {
        let pid = number(self.child.id());
        let (tell, told) = channel();
        // it stays to be waited for: nobody else can get its number meanwhile
        std::thread::spawn(move || {
            let ended = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
            let _ = tell.send(ended.is_ok());
        });
        match told.recv_timeout(ENDING) {
            Ok(_) => self
                .child
                .wait()
                .map(drop)
                .doing(|| format!("wait for {}", self.name)),
            Err(_) => Err(Error::Late {
                what: format!("{} to end", self.name),
                waited: ENDING,
                seen: String::new(),
            }
            .with_log(&self.log)),
        }
    }

    /// Kills it (SIGKILL); it is gone when this returns.
    pub fn kill(self) {
        drop(self);
    }

    /// The program that the child runs in a node.
    fn inner(&mut self) -> Result<u32> {
        let outer = self.child.id();
        crate::wait::until(&format!("{} to run in its node", self.name), STARTING, || {
            self.still_runs()?;
            let children =
                fs::read_to_string(format!("/proc/{outer}/task/{outer}/children")).unwrap_or_default();
            Ok(children
                .split_whitespace()
                .next()
                .and_then(|pid| pid.parse().ok()))
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // what stands outside the node takes the program in it along; it ends only after the program is gone
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill(number(self.pid), Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

fn number(pid: u32) -> Pid {
    Pid::from_raw(pid.try_into().expect("the kernel's numbers are small"))
}

fn per_second(what: SysconfVar) -> Option<u64> {
    sysconf(what).ok()??.try_into().ok()
}

/// From the texts of `stat` and `statm` (proc(5)), whose units are clock ticks and pages.
fn usage(stat: &str, statm: &str, ticks_a_second: u64, page_bytes: u64) -> Option<Usage> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let times = after_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = times.filter_map(|time| time.parse::<u64>().ok()).sum();
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(Usage {
        #[expect(clippy::cast_precision_loss, reason = "a process does not run for so long")]
        cpu_seconds: ticks as f64 / ticks_a_second as f64,
        rss_bytes: pages * page_bytes,
    })
}

impl State {
    fn append_to_log(&self, name: &str) -> Result<(PathBuf, File)> {
        let log = self.log(name);
        let file = File::options().create(true).append(true).open(&log);
        let file = file.doing(|| format!("write {}", log.display()))?;
        Ok((log, file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_counts_user_and_system_time_and_resident_pages() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 1 0 1 1 1";
        let used = usage(stat, "1000 25 10 1 0 1 0", 100, 4096);
        assert_eq!(
            used,
            Some(Usage {
                cpu_seconds: 2.0,
                rss_bytes: 102_400
            })
        );
    }

    #[test]
    fn a_process_that_is_gone_has_no_usage() {
        assert_eq!(usage("", "", 100, 4096), None);
    }
}
