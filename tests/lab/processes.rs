//! Plain processes on a lab's machines.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Implementation, Lab, Machine, Process, command, source, wait};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::workload::SOON;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_process_runs_on_its_machine_and_ends_when_asked", on_machines),
        trial("a_process_in_a_node_dies_with_its_power", power),
        trial("a_process_that_is_dropped_is_gone", dropped),
        trial("an_implementation_gets_what_its_pods_would_get", variables),
        trial("what_the_command_line_runs_ends_with_it", command_line),
    ]
}

fn is_there(pid: u32) -> bool {
    PathBuf::from(format!("/proc/{pid}")).exists()
}

/// The number of a process of the same network as another.
fn network(pid: &str) -> std::io::Result<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/net"))
}

fn sleeper(lab: &Lab, machine: Machine) -> ferrolb_lab::Result<Process> {
    lab.start_process(machine, "sleeper", &["sleep", "1000"], &[])
}

fn on_machines(lab: &Lab) -> Outcome {
    for machine in [Machine::ControlPlane, Machine::Client(1), Machine::Node(2)] {
        let process = sleeper(lab, machine)?;
        let pid = process.pid().to_string();
        let name = || fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        wait::until("the program to be itself", SOON, || {
            Ok((name() == "sleep\n").then_some(()))
        })?;
        let here = lab.in_machine(machine, || network("thread-self"))??;
        assert_eq!(network(&pid)?, here, "{machine:?}");
        assert!(process.usage()?.rss_bytes > 100_000);
        process.stop()?;
        assert!(!is_there(pid.parse()?));
    }
    Ok(())
}

fn power(lab: &Lab) -> Outcome {
    let mut process = sleeper(lab, Machine::Node(3))?;
    let cut = lab.cut(3)?;
    assert!(!is_there(process.pid()));
    process.ended()?;
    assert!(process.terminate().is_err(), "it has ended");
    Ok(cut.mend()?)
}

fn dropped(lab: &Lab) -> Outcome {
    for machine in [Machine::ControlPlane, Machine::Node(1)] {
        let process = sleeper(lab, machine)?;
        let pid = process.pid();
        assert!(is_there(pid));
        drop(process);
        assert!(!is_there(pid), "{machine:?}");
    }
    Ok(())
}

fn variables(lab: &Lab) -> Outcome {
    let say = "sh -c 'cat $KUBECONFIG > /dev/null && echo $METALLB_POD_NAME $METALLB_NAMESPACE $METALLB_NODE_NAME $METALLB_HOST && exec sleep 1000'";
    let mut running = lab.run(&Implementation {
        controller: Some(say.into()),
        speaker: Some(say.into()),
        manifests: None,
    })?;
    running.all_run()?;
    let node = lab.node_name(1);
    for (log, line) in [
        (
            "controller",
            format!("controller metallb-system {}cp 192.0.2.1\n", lab.plan().prefix()),
        ),
        (
            "speaker-n1",
            format!("speaker-n1 metallb-system {node} 192.0.2.11\n"),
        ),
    ] {
        let log = lab.state().log(log);
        wait::until_seen("the line", SOON, || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            Ok(if text == line { Ok(()) } else { Err(text) })
        })?;
    }
    assert_eq!(running.processes.len(), 4);
    running.stop()?;
    lab.kubectl(&["get", "ipaddresspools", "-n", "metallb-system"])?;
    Ok(())
}

fn command_line(lab: &Lab) -> Outcome {
    let built = source::lab_program()?;
    let program = || {
        let mut command = Command::new(&built);
        command.args(["--name", lab.plan().name()]);
        command
    };
    let mut shown = program()
        .args(["run", "--speaker", "sleep 1000"])
        .stdout(Stdio::piped())
        .spawn()?;
    let lines = BufReader::new(shown.stdout.take().expect("standard output is piped")).lines();
    let mut pids = Vec::new();
    for line in lines.take(3) {
        let line = line?;
        pids.push(line.rsplit(' ').next().expect("a word").parse::<u32>()?);
    }
    assert!(pids.iter().all(|pid| is_there(*pid)));
    kill(Pid::from_raw(shown.id().try_into()?), Signal::SIGINT)?;
    assert!(shown.wait()?.success());
    assert!(!pids.iter().any(|pid| is_there(*pid)));
    assert!(
        command::text(program().args(["run"]), SOON).is_err(),
        "nothing to run"
    );
    Ok(())
}
