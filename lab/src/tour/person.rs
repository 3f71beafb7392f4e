//! Somebody who types the commands of a page on the first client's machine, and has kubectl and Helm.
//!
//! What a command prints must be what the page shows, but for what is another each time ([`same`]). A question is asked
//! again until its answer is that.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::page::{Shown, Step};
use super::same::same;
use crate::command::outcome;
use crate::error::{Doing, Result};
use crate::lab::Lab;
use crate::plan::Machine;
use crate::{netns, source, wait};

/// How long the answer to a question may take to become the right one.
const SOON: Duration = Duration::from_secs(90);
/// How long an answer that is new may take to settle.
const SETTLED: Duration = Duration::from_secs(8);
/// How long one command may take.
const ONE: Duration = Duration::from_secs(150);

/// Types what a page says.
#[derive(Debug)]
pub struct Person<'a> {
    lab: &'a Lab,
    /// A folder with what the commands run.
    programs: PathBuf,
}

impl<'a> Person<'a> {
    /// # Errors
    /// If a program is not built.
    pub fn new(lab: &'a Lab) -> Result<Self> {
        Ok(Self {
            lab,
            programs: programs(lab)?,
        })
    }

    /// Walks one step. `tell` gets each command with its output as soon as it is right.
    ///
    /// # Errors
    /// With the command, what the page shows, and what was seen instead.
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
            self.lab.set_environment(&mut shell);
            outcome(&mut shell, "", ONE)
        })??;
        let said = outcome
            .stderr
            .lines()
            .filter(|line| !is_of_a_client_library(line));
        let said: Vec<&str> = said.collect();
        Ok(format!("{}{}", outcome.stdout, said.join("\n"))
            .trim_end()
            .to_owned())
    }
}

/// A line of klog, `W0102 15:04:05.000000 …`: on a busy machine Helm's library now and then tells of a watch that it began anew.
fn is_of_a_client_library(line: &str) -> bool {
    let shape = |(at, byte): (usize, u8)| match at {
        0 => matches!(byte, b'I' | b'W' | b'E'),
        5 => byte == b' ',
        8 | 11 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    line.len() > 14 && line.bytes().take(14).enumerate().all(shape)
}

/// In a folder of the lab, which goes with it.
fn programs(lab: &Lab) -> Result<PathBuf> {
    let folder = lab.state().folder().join("programs");
    std::fs::create_dir_all(&folder).doing(|| format!("make {}", folder.display()))?;
    let own = [
        ("kubectl", ferrolb_programs::cluster()?.join("kubectl")),
        ("helm", ferrolb_programs::beside("helm")?),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_client_library_are_told_from_those_of_the_program() {
        assert!(is_of_a_client_library(
            "I1129 13:22:44.408708   11139 reflector.go:664] \"Warning\""
        ));
        assert!(!is_of_a_client_library("Error: release: not found"));
        assert!(!is_of_a_client_library("I1129"));
    }
}
