//! Switching nodes on and off.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use super::{Keeper, end};
use crate::entry::{Inner, own_pid};
use crate::error::{Doing, Error, Result};
use crate::keeper::Task;
use crate::plan::Machine;
use crate::{cgroup, machine, node, wait};

const ENDING: Duration = Duration::from_secs(15);

impl Keeper<'_> {
    pub(super) fn boot(&mut self, number: u8) -> Result<()> {
        let Task {
            plan,
            state,
            binaries,
            ..
        } = self.task;
        let name = Machine::Node(number).short_name();
        if self.nodes.contains_key(&number) {
            return Error::refused(format!("node {name} is running"));
        }
        machine::connect(plan, Machine::Node(number))?;
        let cgroups = cgroup::here(&plan.full_name(Machine::Node(number)))?;
        write_lines(&state.node_cgroups(number), &cgroups)?;
        cgroup::create(&cgroups)?;
        let log = state.log(&name);
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .doing(|| format!("write {}", log.display()))?;
        let errors = output.try_clone().doing(|| format!("write {}", log.display()))?;
        let spec = node::Spec {
            plan: plan.clone(),
            number,
            state: state.clone(),
            binaries: binaries.clone(),
            cgroups,
        };
        let outer = Inner::Outer {
            node: spec,
            parent: own_pid(),
        };
        let mut command = outer.command("ferrolb-lab-outer");
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().doing(|| format!("start node {name}"))?;
        self.nodes.insert(number, child);
        wait::until(&format!("the first process of {name}"), ENDING, || {
            Ok(node::Process::of(state, number).ok())
        })
        .map(drop)
        .map_err(|late| late.with_log(&log))
    }

    pub(super) fn cut(&mut self, number: u8) -> Result<()> {
        let Task { plan, state, .. } = self.task;
        let machine = Machine::Node(number);
        let Some(mut outer) = self.nodes.remove(&number) else {
            return Error::refused(format!("node {} is not running", machine.short_name()));
        };
        machine::unplug(plan, machine)?;
        end(&mut outer);
        cgroup::remove(&read_lines(&state.node_cgroups(number)), ENDING)?;
        let _ = fs::remove_file(state.node_process(number));
        machine::disconnect(plan, machine)
    }
}

fn write_lines(path: &PathBuf, lines: &[PathBuf]) -> Result<()> {
    let text: String = lines.iter().map(|line| format!("{}\n", line.display())).collect();
    fs::write(path, text).doing(|| format!("write {}", path.display()))
}

fn read_lines(path: &PathBuf) -> Vec<PathBuf> {
    fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .map(PathBuf::from)
        .collect()
}
