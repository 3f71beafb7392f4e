//! The tour: the commands of `docs/tour.md` on a lab, each with what the page shows of it.
//!
//! A command runs in the shell of a person on the first client's machine, who has kubectl. Its output must be what the
//! page shows, but for what is another each time ([`same`]). A question is asked again until its answer is that.

mod checks;
mod contour;
mod page;
mod same;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::command::outcome;
use crate::error::{Doing, Result};
use crate::images;
use crate::lab::Lab;
use crate::plan::Machine;
use crate::process::Process;
use crate::{netns, source, wait};

pub use page::{Page, Shown, Step};
pub use same::same;

/// How long the answer to a question may take to become the right one.
const SOON: Duration = Duration::from_secs(90);
/// How long an answer that is new may take to settle.
const SETTLED: Duration = Duration::from_secs(8);
/// How long one command may take.
const ONE: Duration = Duration::from_secs(150);
/// What the page calls a host outside the cluster.
const OUTSIDE: Machine = Machine::Client(2);
/// As `deploy/examples/tour/02-dns.yaml` names it.
const COREDNS: &str = "localhost/coredns:1";

/// A lab on which the tour can be walked, with a host outside the cluster that serves.
#[derive(Debug)]
pub struct Tour<'a> {
    lab: &'a Lab,
    /// A folder with what the page's commands run.
    programs: PathBuf,
    _outside: Process,
}

/// Installs FerroLB and loads CoreDNS.
///
/// # Errors
/// If FerroLB does not start, or an image cannot be made or loaded.
pub fn prepare(lab: &Lab) -> Result<()> {
    lab.install()?;
    load(lab, &ferrolb_programs::beside("coredns")?, COREDNS)
}

impl<'a> Tour<'a> {
    /// Starts the host outside the cluster, on a lab with two clients that is [prepared](prepare).
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(lab: &'a Lab) -> Result<Self> {
        let echo = source::static_program("ferrolb-echo")?;
        let echo = echo.to_string_lossy();
        let variables = [("POD_NAME", "none"), ("NODE_NAME", "outside")];
        let outside = lab.start_process(OUTSIDE, "outside", &[&echo, "serve", "8080"], &variables)?;
        Ok(Self {
            lab,
            programs: programs(lab)?,
            _outside: outside,
        })
    }

    /// Walks one step: every command, then what else must be true of the traffic. `tell` gets each command with its
    /// output as soon as it is right.
    ///
    /// # Errors
    /// With the command, what the page shows, and what was seen instead; or with what is wrong with the traffic.
    pub fn walk(&self, step: &Step, tell: impl FnMut(&Shown)) -> Result<Vec<Shown>> {
        self.follow(step, tell, |shown, output, _| same(&shown.output, output))
    }

    /// Walks one step and takes whatever its commands print, to write it into the page. A question is asked until its
    /// answer is the page's, or for a few seconds.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub fn record(&self, step: &Step, tell: impl FnMut(&Shown)) -> Result<Vec<Shown>> {
        self.follow(step, tell, |shown, output, waited| {
            !shown.is_question() || waited > SETTLED || same(&shown.output, output)
        })
    }

    /// `is_right` gets a command, its output, and for how long it was asked.
    fn follow(
        &self,
        step: &Step,
        mut tell: impl FnMut(&Shown),
        is_right: impl Fn(&Shown, &str, Duration) -> bool,
    ) -> Result<Vec<Shown>> {
        let mut seen = Vec::new();
        for shown in &step.commands {
            let begun = Instant::now();
            let within = if shown.is_question() { SOON } else { Duration::ZERO };
            let output = wait::until_seen(&shown.command, within, || {
                let output = self.shell(&shown.command)?;
                Ok(if is_right(shown, &output, begun.elapsed()) {
                    Ok(output)
                } else {
                    Err(format!("\n{output}\nbut the page shows\n{}", shown.output))
                })
            })?;
            let now = shown.with(output);
            tell(&now);
            seen.push(now);
        }
        checks::check(self.lab, step.number)?;
        Ok(seen)
    }

    /// Both outputs of a command, in this order.
    ///
    /// # Errors
    /// If it cannot be started or does not end.
    pub fn shell(&self, command: &str) -> Result<String> {
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", self.programs.display());
        let client = self.lab.plan().full_name(Machine::Client(1));
        let outcome = netns::inside(&client, || {
            let mut shell = Command::new("bash");
            shell
                .current_dir(source::root())
                .args(["-c", command])
                .env("PATH", path)
                .env("FERROLB_LAB", self.lab.plan().name());
            self.lab.kubectl_program().set_environment(&mut shell);
            outcome(&mut shell, "", ONE)
        })??;
        Ok(format!("{}{}", outcome.stdout, outcome.stderr)
            .trim_end()
            .to_owned())
    }
}

/// In a folder of the lab, which goes with it.
fn programs(lab: &Lab) -> Result<PathBuf> {
    let folder = lab.state().folder().join("programs");
    std::fs::create_dir_all(&folder).doing(|| format!("make {}", folder.display()))?;
    let own = [
        ("kubectl", ferrolb_programs::cluster()?.join("kubectl")),
        (
            "external-dns-records",
            ferrolb_programs::beside("external-dns-records")?,
        ),
        ("ferrolb-lab", source::lab_program()?),
    ];
    for (name, program) in own {
        let link = folder.join(name);
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(program, &link).doing(|| format!("make {}", link.display()))?;
    }
    Ok(folder)
}

/// Makes an image of a program and loads it.
fn load(lab: &Lab, program: &Path, image: &str) -> Result<()> {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let file = lab.state().folder().join(format!("run/{name}.tar"));
    images::write_with_libraries(program, image, &file)?;
    lab.load(&file)
}
