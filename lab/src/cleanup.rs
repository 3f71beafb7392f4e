//! Removes what is left of a lab, and finds what is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::Result;
use crate::plan::prefix;
use crate::state::{self, State};
use crate::{cgroup, netns, wait};

const ENDING: Duration = Duration::from_secs(15);

/// Removes everything outside the lab's folder. Its keeper's processes die with the keeper; whatever still runs in
/// one of the lab's groups is killed here. The caller holds the lab.
pub(crate) fn sweep(name: &str, state: &State) -> Result<()> {
    let groups = recorded_groups(state);
    wait::until(&format!("every process of lab {name} to be gone"), ENDING, || {
        let left = cgroup::processes(&groups);
        for pid in &left {
            // a process in a group that carries the lab's name is the lab's
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        Ok(left.is_empty().then_some(()))
    })?;
    cgroup::remove(&groups, ENDING)?;
    namespaces(name)
        .iter()
        .try_for_each(|namespace| netns::delete(namespace))
}

/// Removes every lab whose keeper is gone; names them.
///
/// # Errors
/// If something cannot be removed.
pub fn sweep_dead() -> Result<Vec<String>> {
    state::remove_doomed();
    let mut swept = Vec::new();
    for name in state::names() {
        if sweep_if_dead(&name)? {
            swept.push(name);
        }
    }
    Ok(swept)
}

fn sweep_if_dead(name: &str) -> Result<bool> {
    let state = State::of(name);
    let Some(_lock) = state.try_hold()? else {
        return Ok(false);
    };
    sweep(name, &state)?;
    state.remove()?;
    Ok(true)
}

/// Removes what is left of one lab whose keeper is gone, even when its folder is.
///
/// # Errors
/// If the lab is held, or something cannot be removed.
pub fn sweep_one(name: &str) -> Result<()> {
    let state = State::of(name);
    let _lock = state.hold(ENDING)?;
    sweep(name, &state)?;
    cgroup::remove(&cgroup::with_prefix(&prefix(name)), ENDING)?;
    state.remove()
}

fn recorded_groups(state: &State) -> Vec<PathBuf> {
    let files = fs::read_dir(state.folder().join("run"))
        .into_iter()
        .flatten()
        .flatten();
    let records = files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|end| end == "cgroups"));
    let texts = records.map(|path| fs::read_to_string(path).unwrap_or_default());
    texts
        .flat_map(|text| text.lines().map(PathBuf::from).collect::<Vec<_>>())
        .collect()
}

fn namespaces(name: &str) -> Vec<String> {
    let prefix = prefix(name);
    netns::names()
        .into_iter()
        .filter(|namespace| namespace.starts_with(&prefix))
        .collect()
}

/// Everything of the lab that can be found on this machine, one line each: network namespaces, cgroups, mounts,
/// processes, files.
#[must_use]
pub fn remains(name: &str) -> Vec<String> {
    let folder = State::of(name).folder().to_owned();
    let mut found: Vec<String> = namespaces(name)
        .into_iter()
        .map(|name| format!("network namespace {name}"))
        .collect();
    found.extend(
        cgroup::with_prefix(&prefix(name))
            .iter()
            .map(|group| format!("cgroup {}", group.display())),
    );
    found.extend(mounts(&folder).into_iter().map(|line| format!("mount {line}")));
    found.extend(
        processes(name, &folder)
            .into_iter()
            .map(|line| format!("process {line}")),
    );
    found.extend(folder.exists().then(|| format!("folder {}", folder.display())));
    found
}

fn mounts(folder: &Path) -> Vec<String> {
    let below = format!("{}/", folder.display());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    mounts
        .lines()
        .filter(|line| line.contains(&below))
        .map(str::to_owned)
        .collect()
}

/// True for a process that only waits for the machine's first process to take note of its end.
fn has_ended(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_none_or(|(_, rest)| matches!(rest.trim_start().chars().next(), None | Some('Z' | 'X')))
}

/// Processes that name the lab's folder in their command line, or that are in one of its groups.
fn processes(name: &str, folder: &Path) -> Vec<String> {
    let below = format!("{}/", folder.display());
    let group = format!("/{}", prefix(name));
    let of_lab = |pid: &str| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        let ours = command.contains(&below) || groups.contains(&group);
        (ours && !has_ended(pid)).then(|| format!("{pid} {command}"))
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().into_string().ok());
    pids.filter(|pid| pid.bytes().all(|b| b.is_ascii_digit()))
        .filter_map(|pid| of_lab(&pid))
        .collect()
}
