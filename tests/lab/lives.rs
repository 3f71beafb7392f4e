//! How a lab ends. A second one runs beside the suite's own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Error, Lab, Machine, Result, cleanup, command, source, state::State, wait};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const ENDING: Duration = Duration::from_secs(30);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("two_labs_run_side_by_side_and_an_interrupt_ends_one", interrupted),
        trial(
            "a_detached_lab_outlives_its_starter_and_its_keeper_rests",
            detached,
        ),
        trial("a_lab_whose_owner_is_killed_removes_itself", owner_killed),
        trial(
            "a_lab_whose_keeper_is_killed_is_removed_by_the_next_start",
            keeper_killed,
        ),
        trial("an_interrupted_start_leaves_nothing", start_interrupted),
    ]
}

/// A lab of one node that another process owns.
struct Other {
    name: String,
    owner: Child,
}

impl Other {
    fn starting() -> std::io::Result<Self> {
        let name = format!("o{}", std::process::id());
        let program = source::lab_program().map_err(std::io::Error::other)?;
        let mut command = Command::new(program);
        command.args(["--name", &name, "up", "--nodes", "1", "--foreground"]);
        let owner = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        Ok(Self { name, owner })
    }

    fn up() -> std::io::Result<Self> {
        let mut other = Self::starting()?;
        let mut line = String::new();
        BufReader::new(other.owner.stdout.take().expect("standard output is piped")).read_line(&mut line)?;
        assert!(line.contains("Ready"), "{line}");
        Ok(other)
    }

    fn is_gone(&self) -> Result<()> {
        wait::until_seen("the other lab to be gone", ENDING, || {
            let remains = cleanup::remains(&self.name);
            Ok(if remains.is_empty() {
                Ok(())
            } else {
                Err(remains.join("; "))
            })
        })
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.owner.kill();
        let _ = self.owner.wait();
        let _ = self.is_gone();
    }
}

fn signal(child: &Child, signal: Signal) -> Outcome {
    Ok(kill(Pid::from_raw(child.id().try_into()?), signal)?)
}

fn interrupted(lab: &Lab) -> Outcome {
    let mut other = Other::up()?;
    let beside = Lab::open(&other.name)?;
    assert_eq!(
        lab.arp_ask(Machine::Node(1).ipv4(), Duration::from_secs(1))?,
        [lab.node_mac(1)]
    );
    assert_eq!(beside.exec(1, &["hostname"])?.trim(), beside.node_name(1));
    assert!(
        !lab.kubectl(&["get", "nodes"])?.contains(&beside.node_name(1)),
        "each has its own cluster"
    );
    signal(&other.owner, Signal::SIGINT)?;
    assert!(other.owner.wait()?.success());
    let remains = cleanup::remains(&other.name);
    assert!(remains.is_empty(), "{remains:?}");
    Ok(())
}

fn detached(_: &Lab) -> Outcome {
    let name = format!("d{}", std::process::id());
    let program = source::lab_program()?;
    let command = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(["--name", &name]).args(arguments);
        command::text(&mut command, command::USUAL)
    };
    command(&["up", "--nodes", "1"])?;
    let worked = keeper_work(&State::of(&name));
    command(&["down"])?;
    let remains = cleanup::remains(&name);
    assert!(remains.is_empty(), "{remains:?}");
    let ticks = worked?;
    assert!(ticks < 10, "{ticks} ticks of 10 ms in one second");
    Ok(())
}

/// Clock ticks that a lab's keeper uses in one second in which nobody asks it for anything.
fn keeper_work(state: &State) -> Result<u64> {
    let gone = || Error::Refused("the keeper is gone".into());
    let ticks = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", state.holder()?)).ok()?;
        let times = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
        Some(times.filter_map(|time| time.parse::<u64>().ok()).sum::<u64>())
    };
    let before = ticks().ok_or_else(gone)?;
    std::thread::sleep(Duration::from_secs(1));
    Ok(ticks().ok_or_else(gone)? - before)
}

fn owner_killed(_: &Lab) -> Outcome {
    let other = Other::up()?;
    signal(&other.owner, Signal::SIGKILL)?;
    Ok(other.is_gone()?)
}

fn keeper_killed(_: &Lab) -> Outcome {
    let other = Other::up()?;
    let state = State::of(&other.name);
    let keeper = state
        .holder()
        .ok_or_else(|| Error::Refused("nobody holds the other lab".into()))?;
    kill(Pid::from_raw(keeper), Signal::SIGKILL)?;
    wait::until("the keeper to be gone", ENDING, || {
        Ok((!state.is_held()).then_some(()))
    })?;
    assert!(
        !cleanup::remains(&other.name).is_empty(),
        "nobody has cleaned up yet"
    );
    assert_eq!(cleanup::sweep_dead()?, std::slice::from_ref(&other.name));
    let remains = cleanup::remains(&other.name);
    assert!(remains.is_empty(), "{remains:?}");
    Ok(())
}

fn start_interrupted(_: &Lab) -> Outcome {
    let other = Other::starting()?;
    let log = State::of(&other.name).log("kube-apiserver");
    wait::until("the other lab to be half up", ENDING, || {
        Ok(log.exists().then_some(()))
    })?;
    // an interrupt is ignored where a shell without job control put all of this into the background
    signal(&other.owner, Signal::SIGTERM)?;
    Ok(other.is_gone()?)
}
