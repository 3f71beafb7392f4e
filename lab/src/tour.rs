//! The tour: the commands of `docs/tour.md` on a lab, each with what the page shows of it.
//!
//! A [`Person`] types them on the first client's machine.

mod checks;
mod contour;
mod page;
mod person;
mod same;

use std::path::Path;

use crate::error::Result;
use crate::images;
use crate::lab::Lab;
use crate::plan::Machine;
use crate::process::Process;
use crate::source;

pub use page::{Page, Shown, Step};
pub use person::Person;
pub use same::same;

/// What the page calls a host outside the cluster.
const OUTSIDE: Machine = Machine::Client(2);
/// As `deploy/examples/tour/02-dns.yaml` names it.
const COREDNS: &str = "localhost/coredns:1";

/// A lab on which the tour can be walked, with a host outside the cluster that serves.
#[derive(Debug)]
pub struct Tour<'a> {
    lab: &'a Lab,
    person: Person<'a>,
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
            person: Person::new(lab)?,
            _outside: outside,
        })
    }

    /// Walks one step: every command, then what else must be true of the traffic. `tell` gets each command with its
    /// output as soon as it is right.
    ///
    /// # Errors
    /// With the command, what the page shows, and what was seen instead; or with what is wrong with the traffic.
    pub fn walk(&self, step: &Step, tell: impl FnMut(&Shown)) -> Result<Vec<Shown>> {
        let seen = self.person.walk(step, tell)?;
        checks::check(self.lab, step.number)?;
        Ok(seen)
    }

    /// As [`Self::walk`], and takes whatever the commands print, to write it into the page.
    ///
    /// # Errors
    /// As [`Self::walk`].
    pub fn record(&self, step: &Step, tell: impl FnMut(&Shown)) -> Result<Vec<Shown>> {
        let seen = self.person.record(step, tell)?;
        checks::check(self.lab, step.number)?;
        Ok(seen)
    }
}

/// Makes an image of a program and loads it.
fn load(lab: &Lab, program: &Path, image: &str) -> Result<()> {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let file = lab.state().folder().join(format!("run/{name}.tar"));
    images::write_with_libraries(program, image, &file)?;
    lab.load(&file)
}
