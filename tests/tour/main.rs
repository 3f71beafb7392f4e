//! The tour of `docs/tour.md`, step by step, each a trial: every command prints what the page shows, and the traffic is
//! as the page says.

use std::process::ExitCode;

use ferrolb_lab::suite::{self, Outcome, Trial, trial};
use ferrolb_lab::tour::{Page, Step, Tour};
use ferrolb_lab::{Lab, LabConfig, source, tour};

fn main() -> ExitCode {
    let page = Page::read(&source::root().join("docs/tour.md")).expect("the page of the tour");
    let config = LabConfig {
        clients: 2,
        ..LabConfig::default()
    };
    suite::run(config, prepare, page.steps.into_iter().map(walk).collect())
}

fn prepare(lab: &Lab) -> Outcome {
    Ok(tour::prepare(lab)?)
}

fn walk(step: Step) -> Trial {
    let words = step.title.to_lowercase();
    let words: Vec<_> = words
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    trial(
        format!("step_{:02}_{}", step.number, words.join("_")),
        move |lab| {
            Tour::start(lab)?.walk(&step, |_| ())?;
            Ok(())
        },
    )
}
