//! The lab on the command line.
#![allow(clippy::print_stdout)]

mod arguments;
mod bgp;
mod breaking;
mod demo;
mod failover;
mod many;
mod stability;
mod tour;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use ferrolb_lab::measure::{FloodConfig, Questions, Viewers};
use ferrolb_lab::{
    Implementation, Installation, Lab, LabConfig, cleanup, images, manifests, measure, reach, source,
    state::State,
};
use ferrolb_programs::progress::Progress;
use ferrolb_programs::{Wanted, build_all, stages};
use nix::sys::signal::{SigSet, Signal};
use serde::Serialize;

use arguments::{Arguments, Figure, Output, Size, Task};

fn main() -> ExitCode {
    ferrolb_lab::entry();
    let Arguments { name, task } = Arguments::parse();
    match run(&name, task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("ferrolb-lab: {failed:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str, task: Task) -> Result<()> {
    match task {
        Task::Build => build(),
        Task::Manifests => Ok(manifests::make()?),
        Task::Up {
            size,
            bare,
            foreground,
        } => up(name, size, bare, foreground),
        Task::Demo { size } => demo::show(name, size),
        Task::Tour { tour } => tour::walk(name, &tour),
        Task::Measure { what } => measured(name, what),
        Task::Down => down(name),
        Task::List => {
            list();
            Ok(())
        }
        Task::Image {
            program,
            image,
            out,
            user,
        } => Ok(images::write(&program, &image, &[], &user, &out)?),
        task => with_lab(&Lab::open(name)?, task),
    }
}

fn with_lab(lab: &Lab, task: Task) -> Result<()> {
    match task {
        Task::Kubectl { arguments } => kubectl(lab, &arguments),
        Task::Exec { node, command } => {
            match reach::become_inside_node(lab.state(), breaking::number(lab.plan(), &node)?, &command)? {}
        }
        Task::Client { machine, command } => {
            match reach::become_on_network(lab.plan(), lab.plan().machine(&machine)?, &command)? {}
        }
        Task::Break(what) => breaking::happens(lab, what),
        Task::Load { image } => Ok(lab.load(&image)?),
        Task::Install { manifests: None, .. } => install(lab, Lab::install),
        Task::Install {
            manifests: Some(manifests),
            image: images,
        } => install(lab, |lab| lab.install_this(&Installation { manifests, images })),
        Task::Run {
            controller,
            speaker,
            manifests,
        } => run_processes(
            lab,
            &Implementation {
                controller,
                speaker,
                manifests,
            },
        ),
        Task::Contour => Ok(lab.install_contour()?),
        Task::Logs { log } => logs(lab.state(), log.as_deref()),
        Task::Build
        | Task::Manifests
        | Task::Demo { .. }
        | Task::Tour { .. }
        | Task::Measure { .. }
        | Task::Up { .. }
        | Task::Down
        | Task::List
        | Task::Image { .. } => {
            unreachable!("needs no lab")
        }
    }
}

/// All that the trials need, so that none of them builds.
fn build() -> Result<()> {
    let progress = Progress::of(1 + stages(Wanted::Everything));
    build_all(Wanted::Everything, &["ferrolb", "ferrolb-echo"], &progress)?;
    Ok(())
}

fn config(name: &str, size: Size) -> LabConfig {
    LabConfig {
        name: name.to_owned(),
        nodes: size.nodes,
        clients: size.clients,
    }
}

pub(crate) fn start(name: &str, size: Size, bare: bool) -> Result<Lab> {
    let began = Instant::now();
    let config = config(name, size);
    let lab = if bare {
        Lab::up_bare(&config)?
    } else {
        Lab::up(&config)?
    };
    println!(
        "lab {name}: {} nodes Ready after {:.1} s",
        size.nodes,
        began.elapsed().as_secs_f64()
    );
    Ok(lab)
}

fn measured(name: &str, what: Figure) -> Result<()> {
    match what {
        Figure::Rounds { runs, size, output } => rounds(name, runs, size, output),
        Figure::Privileges { only, output } => privileges(name, &only, output),
        Figure::Failover(given) => failover::measured(name, given),
        Figure::Bgp(given) => bgp::measured(name, &given),
        Figure::Exodus(given) => many::exodus(name, given),
        Figure::Rest(given) => many::rest(name, given),
        Figure::Churn(given) => many::churn(name, given),
        Figure::Adversary(given) => many::adversary(name, given),
        Figure::Stability(given) => stability::measured(name, given),
        Figure::Allocate {
            services,
            controller,
            manifests,
            output,
        } => {
            let implementation = Implementation {
                controller,
                speaker: None,
                manifests,
            };
            let figures = measure::allocate(name, services, &implementation)?;
            show(output, &figures, figures.in_words())
        }
        Figure::Viewers {
            services,
            viewers,
            seconds,
            output,
        } => {
            let what = Viewers {
                services,
                viewers,
                lasting: Duration::from_secs(seconds),
            };
            let figures = measure::viewers(name, &what)?;
            show(output, &figures, figures.in_words())
        }
        Figure::Questions {
            services,
            runs,
            output,
        } => {
            let figures = measure::questions(name, &Questions { services, runs })?;
            show(output, &figures, figures.in_words())
        }
        Figure::Flood {
            held,
            rate,
            seconds,
            speaker,
            manifests,
            output,
        } => {
            let config = FloodConfig {
                held,
                frames_per_second: rate,
                lasting: Duration::from_secs(seconds),
            };
            let implementation = Implementation {
                controller: None,
                speaker,
                manifests,
            };
            let figures = measure::flood(name, config, &implementation)?;
            show(output, &figures, figures.in_words())
        }
    }
}

fn show(output: Output, figures: &impl Serialize, in_words: String) -> Result<()> {
    match output {
        Output::Text => println!("{in_words}"),
        Output::Json => println!("{}", serde_json::to_string_pretty(figures)?),
    }
    Ok(())
}

fn rounds(name: &str, runs: u32, size: Size, output: Output) -> Result<()> {
    // Building is not measured.
    source::static_program("ferrolb")?;
    let mut all = Vec::new();
    for run in 1..=runs {
        let round = measure::round(name, size.nodes)?;
        if matches!(output, Output::Text) {
            println!("round {run}: {}", round.in_words());
        }
        all.push(round);
    }
    if matches!(output, Output::Json) {
        println!("{}", serde_json::json!({ "nodes": size.nodes, "runs": all }));
    }
    anyhow::ensure!(
        all.iter().all(|round| round.left.is_empty()),
        "something was left behind"
    );
    Ok(())
}

/// Fails if the daemons have a right that nothing needs.
fn privileges(name: &str, only: &str, output: Output) -> Result<()> {
    let wanted = |right: &measure::Right| right.to_string().contains(only);
    let all = measure::privileges(name, wanted, |loss| {
        if matches!(output, Output::Text) {
            let (right, refused) = (&loss.right, loss.refused);
            println!("{right}: refused {refused} times; {}", loss.breaks.join("; "));
        }
    })?;
    if matches!(output, Output::Json) {
        println!("{}", serde_json::to_string(&all)?);
    }
    let unneeded: Vec<String> = all.unneeded().iter().map(ToString::to_string).collect();
    anyhow::ensure!(unneeded.is_empty(), "nothing needs {}", unneeded.join("; "));
    Ok(())
}

fn up(name: &str, size: Size, bare: bool, foreground: bool) -> Result<()> {
    let lab = start(name, size, bare)?;
    if !foreground {
        return Ok(lab.detach()?);
    }
    ending()?.wait()?;
    Ok(lab.down()?)
}

/// The signals that ask for the end; from now on they wait to be asked for.
fn ending() -> Result<SigSet> {
    let ends: SigSet = [Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
    ends.thread_block()?;
    Ok(ends)
}

fn run_processes(lab: &Lab, implementation: &Implementation) -> Result<()> {
    let ends = ending()?;
    let mut running = lab.run(implementation)?;
    for process in &running.processes {
        println!("{} runs as process {}", process.name(), process.pid());
    }
    ends.wait()?;
    running.all_run()?;
    Ok(running.stop()?)
}

fn down(name: &str) -> Result<()> {
    let began = Instant::now();
    match Lab::open(name) {
        Ok(lab) => lab.down()?,
        Err(_) => cleanup::sweep_one(name)?,
    }
    println!("lab {name}: down after {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

fn list() {
    for name in ferrolb_lab::state::names() {
        let state = State::of(&name);
        let nodes = state.read_plan().map_or(0, |plan| plan.nodes().count());
        let life = if state.is_held() { "up" } else { "dead" };
        println!("{name:16} {life:4} {nodes} nodes  {}", state.folder().display());
    }
}

fn install(lab: &Lab, how: impl FnOnce(&Lab) -> ferrolb_lab::Result<()>) -> Result<()> {
    let began = Instant::now();
    how(lab)?;
    println!("installed after {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

fn kubectl(lab: &Lab, arguments: &[String]) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match lab.kubectl_program().replace_process(&arguments)? {}
}

fn logs(state: &State, log: Option<&str>) -> Result<()> {
    let known = state.logs();
    let Some(log) = log else {
        known.keys().for_each(|name| println!("{name}"));
        return Ok(());
    };
    let path: &Path = known
        .get(log)
        .with_context(|| format!("no log {log}; `ferrolb-lab logs` lists them"))?;
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    print!("{}", String::from_utf8_lossy(&text));
    Ok(())
}
