//! The tour for a person: each command as it runs, step by step.

use std::io::stdin;

use anyhow::{Context, Result, bail};
use ferrolb_lab::tour::{Page, Shown, Tour};
use ferrolb_lab::{source, tour};

use crate::arguments::{Size, TourArguments};
use crate::start;

/// The lab goes with the value, whatever happens on the way.
pub(crate) fn walk(name: &str, how: &TourArguments) -> Result<()> {
    let path = source::root().join("docs/tour.md");
    let page = Page::read(&path)?;
    let size = Size { nodes: 3, clients: 2 };
    let lab = start(name, size, false)?;
    tour::prepare(&lab)?;
    let tour = Tour::start(&lab)?;
    let mut seen: Vec<Shown> = Vec::new();
    let mut wrong = None;
    for step in page
        .steps
        .iter()
        .filter(|step| how.until.is_none_or(|last| step.number <= last))
    {
        println!("\n{}. {}\n", step.number, step.title);
        let walked = if how.write {
            tour.record(step, show)
        } else {
            tour.walk(step, show)
        };
        match walked {
            Ok(shown) => seen.extend(shown),
            Err(failed) => {
                wrong = Some(failed);
                break;
            }
        }
        if how.pause {
            println!("\nReturn goes on.");
            stdin().read_line(&mut String::new())?;
        }
    }
    if how.write {
        std::fs::write(&path, page.with(&seen)).with_context(|| format!("write {}", path.display()))?;
    }
    lab.down()?;
    match wrong {
        Some(failed) => bail!("{failed}"),
        None => Ok(()),
    }
}

fn show(shown: &Shown) {
    println!("$ {}", shown.command);
    if !shown.output.is_empty() {
        println!("{}", shown.output);
    }
}
