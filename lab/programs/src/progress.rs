//! What a long task is doing, for the person who waits: a line for each stage that has ended, and on a terminal also one
//! that changes, for the stages that run.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// The variable by which a program that goes on with a task learns what the one before it did.
const HANDED_ON: &str = "FERROLB_PROGRESS";

/// How many stages the lab has in a demo: cluster, installation, examples, removal.
pub const OF_THE_DEMO: usize = 4;

/// The stages of one task, which may run side by side.
#[derive(Debug)]
pub struct Progress {
    stages: Mutex<Stages>,
    is_terminal: bool,
}

#[derive(Debug)]
struct Stages {
    began: SystemTime,
    ended: usize,
    total: usize,
    running: Vec<Stage>,
}

#[derive(Debug)]
struct Stage {
    name: String,
    began: SystemTime,
    /// Done, and all there is to do; all zero if that cannot be counted.
    parts: (usize, usize),
}

/// A stage that runs; it ends with the value.
#[derive(Debug)]
#[must_use = "a stage ends when this is dropped"]
pub struct Running<'a> {
    progress: &'a Progress,
    name: String,
}

impl Progress {
    /// A task of so many stages, or the rest of one that another program has [begun](Self::hand_on).
    #[must_use]
    pub fn of(total: usize) -> Self {
        let stages = std::env::var(HANDED_ON)
            .ok()
            .and_then(|text| parse(&text))
            .unwrap_or_else(|| Stages {
                began: SystemTime::now(),
                ended: 0,
                total,
                running: Vec::new(),
            });
        Self {
            stages: Mutex::new(stages),
            is_terminal: std::io::stdout().is_terminal(),
        }
    }

    /// The variable with which the next program is started, and its value.
    #[must_use]
    pub fn hand_on(&self) -> (&'static str, String) {
        let stages = self.stages();
        let began = since(SystemTime::UNIX_EPOCH, stages.began).as_millis();
        (HANDED_ON, format!("{began} {} {}", stages.ended, stages.total))
    }

    /// Begins a stage.
    pub fn begin(&self, name: &str) -> Running<'_> {
        let mut stages = self.stages();
        stages.running.push(Stage {
            name: name.to_owned(),
            began: SystemTime::now(),
            parts: (0, 0),
        });
        self.redraw(&stages);
        Running {
            progress: self,
            name: name.to_owned(),
        }
    }

    fn stages(&self) -> MutexGuard<'_, Stages> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn redraw(&self, stages: &Stages) {
        if self.is_terminal {
            self.print(&format!("\r\x1b[K{}", stages.now(SystemTime::now())));
        }
    }

    fn print(&self, text: &str) {
        // whoever has closed the output does not wait for it
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

impl Running<'_> {
    /// So many of its parts are done.
    pub fn done(&self, done: usize, total: usize) {
        let mut stages = self.progress.stages();
        if let Some(stage) = stages.running.iter_mut().find(|stage| stage.name == self.name) {
            stage.parts = (done, total);
        }
        self.progress.redraw(&stages);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut stages = self.progress.stages();
        let Some(line) = stages.end(&self.name, SystemTime::now()) else {
            return;
        };
        let start = if self.progress.is_terminal { "\r\x1b[K" } else { "" };
        self.progress.print(&format!("{start}{line}\n"));
        if !stages.running.is_empty() {
            self.progress.redraw(&stages);
        }
    }
}

impl Stages {
    /// What is shown when a stage has ended.
    fn end(&mut self, name: &str, now: SystemTime) -> Option<String> {
        let at = self.running.iter().position(|stage| stage.name == name)?;
        let stage = self.running.remove(at);
        self.ended += 1;
        let (elapsed, took) = (since(self.began, now), since(stage.began, now));
        Some(format!(
            "[{}] {}/{} {name}, {}",
            clock(elapsed),
            self.ended,
            self.total,
            seconds(took)
        ))
    }

    /// What is shown while stages run.
    fn now(&self, now: SystemTime) -> String {
        let one = |stage: &Stage| match stage.parts {
            (0, 0) => stage.name.clone(),
            (done, total) => format!("{} {}/{total}", stage.name, done.min(total)),
        };
        let running: Vec<String> = self.running.iter().map(one).collect();
        format!("[{}] {}", clock(since(self.began, now)), running.join(" · "))
    }
}

fn parse(handed_on: &str) -> Option<Stages> {
    let mut words = handed_on.split(' ');
    let began = Duration::from_millis(words.next()?.parse().ok()?);
    Some(Stages {
        began: SystemTime::UNIX_EPOCH + began,
        ended: words.next()?.parse().ok()?,
        total: words.next()?.parse().ok()?,
        running: Vec::new(),
    })
}

fn since(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}

fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!("{:>2}:{:02}", seconds / 60, seconds % 60)
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages() -> Stages {
        parse("60000 2 5").unwrap()
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn stage(name: &str, parts: (usize, usize)) -> Stage {
        Stage {
            name: name.into(),
            began: at(90),
            parts,
        }
    }

    #[test]
    fn a_stage_that_ended_is_numbered_and_timed_also_by_the_program_that_goes_on() {
        let mut stages = stages();
        stages.running.push(stage("kubernetes", (7, 9)));
        assert_eq!(
            stages.end("kubernetes", at(190)).unwrap(),
            "[ 2:10] 3/5 kubernetes, 100.0 s"
        );
    }

    #[test]
    fn stages_side_by_side_are_shown_with_what_is_done_of_each() {
        let mut stages = stages();
        stages.running.push(stage("kubernetes", (812, 1900)));
        stages.running.push(stage("FerroLB", (0, 0)));
        assert_eq!(stages.now(at(125)), "[ 1:05] kubernetes 812/1900 · FerroLB");
    }

    #[test]
    fn more_done_than_expected_is_all() {
        let mut stages = stages();
        stages.running.push(stage("cni", (10, 9)));
        assert_eq!(stages.now(at(60)), "[ 0:00] cni 9/9");
    }
}
