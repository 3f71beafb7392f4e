//! Suites of trials on one lab. The lab starts with the first trial that runs, is shared by all in turn, and is gone
//! when the suite ends, whatever happens; the last trial of every suite is that nothing of it is left.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Completion, Failed};

use crate::cleanup;
use crate::entry;
use crate::error::Result;
use crate::lab::{Lab, LabConfig};
use crate::requirements;

/// What a trial returns: `?` works on every error that can be shown.
pub type Outcome = std::result::Result<(), Failed>;
type Body = Box<dyn FnOnce(&Lab) -> Outcome + Send>;

/// One claim about a running lab.
pub struct Trial {
    name: String,
    body: Body,
}

impl Trial {
    /// The same in name, where what it takes is missing.
    #[must_use]
    pub fn ignored(self) -> libtest_mimic::Trial {
        libtest_mimic::Trial::test(self.name, || Ok(())).with_ignored_flag(true)
    }
}

/// A claim under a name that reads as a sentence.
pub fn trial(name: impl Into<String>, body: impl FnOnce(&Lab) -> Outcome + Send + 'static) -> Trial {
    Trial {
        name: name.into(),
        body: Box::new(body),
    }
}

/// The lab of a suite.
struct Stage {
    config: LabConfig,
    up: fn(&LabConfig) -> Result<Lab>,
    prepare: fn(&Lab) -> Outcome,
    lab: Option<std::result::Result<Lab, String>>,
}

/// Runs a suite as the whole of a test program without a harness of its own: takes the arguments and prints the lines
/// of `cargo test`. `prepare` is called once, after the lab has started.
///
/// Where no lab can run, every trial is ignored with the reason; with `FERROLB_REQUIRE_LAB` set, it fails instead.
/// With `FERROLB_LAB_KEEP` set, a lab on which a trial failed stays for a look at it. With `FERROLB_LAB_SHARE=K/N` only
/// each Nth trial runs, from the Kth on: N processes with a lab each run the suite in less time.
pub fn run(config: LabConfig, prepare: fn(&Lab) -> Outcome, trials: Vec<Trial>) -> ExitCode {
    run_on(Lab::up, config, prepare, trials)
}

/// As [`run`], on a lab that `up` starts.
pub fn run_on(
    up: fn(&LabConfig) -> Result<Lab>,
    config: LabConfig,
    prepare: fn(&Lab) -> Outcome,
    trials: Vec<Trial>,
) -> ExitCode {
    entry();
    let trials = match std::env::var("FERROLB_LAB_SHARE") {
        Err(_) => trials,
        Ok(text) => match share(&text, trials) {
            Some(trials) => trials,
            None => {
                eprintln!("FERROLB_LAB_SHARE: \"{text}\" is not K/N with K from 1 to N");
                return ExitCode::FAILURE;
            }
        },
    };
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let name = config.name.clone();
    let stage = Arc::new(Mutex::new(Stage {
        config,
        up,
        prepare,
        lab: None,
    }));
    let mut all: Vec<_> = trials.into_iter().map(|trial| on_stage(trial, &stage)).collect();
    let keeps = std::env::var_os("FERROLB_LAB_KEEP").is_some();
    if !keeps {
        let stage = Arc::clone(&stage);
        all.push(possible("nothing_of_the_lab_is_left_behind".into(), move || {
            nothing_is_left(&stage, &name)
        }));
    }
    let conclusion = libtest_mimic::run(&arguments, all);
    if keeps && conclusion.has_failed() {
        keep(&stage);
    }
    if conclusion.has_failed() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Each Nth from the Kth on; nothing if the text is not K/N.
fn share<T>(text: &str, all: Vec<T>) -> Option<Vec<T>> {
    let (which, of) = text.split_once('/')?;
    let (which, of): (usize, usize) = (which.parse().ok()?, of.parse().ok()?);
    (1..=of)
        .contains(&which)
        .then(|| all.into_iter().skip(which - 1).step_by(of).collect())
}

fn on_stage(trial: Trial, stage: &Arc<Mutex<Stage>>) -> libtest_mimic::Trial {
    let stage = Arc::clone(stage);
    possible(trial.name, move || {
        // a trial that panicked leaves the lab as usable as one that failed
        let mut stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
        (trial.body)(stage.lab()?)
    })
}

fn possible(name: String, body: impl FnOnce() -> Outcome + Send + 'static) -> libtest_mimic::Trial {
    libtest_mimic::Trial::ignorable_test(name, || match requirements::obstacle() {
        Some(obstacle) if std::env::var_os("FERROLB_REQUIRE_LAB").is_none() => {
            Ok(Completion::ignored_with(obstacle))
        }
        Some(obstacle) => Err(obstacle.into()),
        None => body().map(|()| Completion::Completed),
    })
}

impl Stage {
    fn lab(&mut self) -> std::result::Result<&Lab, Failed> {
        let Self {
            config,
            up,
            prepare,
            lab,
        } = self;
        let lab = lab.get_or_insert_with(|| start(up(config), *prepare));
        lab.as_ref()
            .map_err(|failed| Failed::from(format!("the lab could not be made ready: {failed}")))
    }
}

fn start(lab: Result<Lab>, prepare: fn(&Lab) -> Outcome) -> std::result::Result<Lab, String> {
    let lab = lab.map_err(|failed| failed.to_string())?;
    match prepare(&lab) {
        Ok(()) => Ok(lab),
        Err(failed) => Err(failed.message().unwrap_or("preparing it failed").to_owned()),
    }
}

fn nothing_is_left(stage: &Mutex<Stage>, name: &str) -> Outcome {
    let mut stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
    stage.lab()?;
    if let Some(Ok(lab)) = stage.lab.take() {
        lab.down()?;
    }
    let remains = cleanup::remains(name);
    if remains.is_empty() {
        Ok(())
    } else {
        Err(remains.join("\n").into())
    }
}

fn keep(stage: &Mutex<Stage>) {
    let mut stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(Ok(lab)) = stage.lab.take() {
        let name = lab.plan().name().to_owned();
        let kept: Result<()> = lab.detach();
        eprintln!("lab {name} is kept: {kept:?}; FERROLB_LAB={name} names it to `ferrolb-lab`");
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_are_all_of_a_suite_together() {
        let all: Vec<u8> = (0..7).collect();
        let mut together: Vec<u8> = ["1/3", "2/3", "3/3"]
            .into_iter()
            .flat_map(|text| share(text, all.clone()).unwrap())
            .collect();
        together.sort();
        assert_eq!(together, all);
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in ["", "1", "0/2", "3/2", "a/b"] {
            assert_eq!(share(text, vec![1]), None, "{text}");
        }
    }
}
