//! What a speaker costs while the LAN asks for addresses that it does not hold, and how many questions for those that
//! it holds it answers.

mod holding;

use std::fs;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::wire;
use crate::error::{Doing, Error, Result};
use crate::lab::{Lab, LabConfig};
use crate::plan::Machine;
use crate::process::Process;
use crate::program::Implementation;
use crate::{source, wait};

const NODE: u8 = 1;
/// How long the first announcements may take; they are repeated some times, which is waited for too.
const SETTLING: Duration = Duration::from_secs(180);
const QUIET: Duration = Duration::from_secs(2);
/// The share of processor time, while nothing is to be done.
const IDLE_SECONDS: f64 = 0.011;
/// What else the machine does adds to what a flood costs, and takes nothing away: the cheapest of so many counts.
const FLOODS: usize = 3;

/// What to measure with.
#[derive(Debug, Clone, Copy)]
pub struct FloodConfig {
    /// How many addresses the speaker holds, no two of them neighbours; at most 1000.
    pub held: u16,
    /// How many requests for other addresses are sent.
    pub frames_per_second: u32,
    /// How long each of three floods lasts; and then the questions for what is held.
    pub lasting: Duration,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Flood {
    /// How many addresses the speaker held.
    pub held_addresses: u16,
    /// Requests for other addresses that arrived at the node.
    pub frames_per_second: f64,
    /// Processor time of the speaker meanwhile, in hundredths of one core; in the cheapest flood.
    pub foreign_cpu_percent: f64,
    /// Answers to questions for held addresses, asked as soon as others are answered.
    pub held_replies_per_second: f64,
    /// Processor time of the speaker meanwhile, in hundredths of one core.
    pub held_cpu_percent: f64,
}

/// Measures in a lab of this name, made for it. By default with the speaker of this tree.
///
/// # Errors
/// If the lab does not start, or the speaker ends or does not announce what it should.
pub fn flood(name: &str, config: FloodConfig, implementation: &Implementation) -> Result<Flood> {
    let command = match &implementation.speaker {
        Some(command) => command.clone(),
        None => format!("{} speaker", source::static_program("ferrolb")?.display()),
    };
    let lab = Lab::up(&LabConfig {
        name: name.to_owned(),
        nodes: 1,
        clients: 1,
    })?;
    lab.apply_definitions(implementation.manifests.clone())?;
    holding::prepare(&lab, NODE, config.held)?;
    let mut speaker = lab.start_speaker(NODE, &command)?;
    let scene = Scene { lab, config };
    let measured = scene.measure(&mut speaker);
    let measured = measured.map_err(|failed| failed.with_log(&scene.lab.state().log(speaker.name())))?;
    drop(speaker);
    scene.lab.down()?;
    Ok(measured)
}

struct Scene {
    lab: Lab,
    config: FloodConfig,
}

impl Scene {
    fn measure(&self, speaker: &mut Process) -> Result<Flood> {
        let held: Vec<Ipv4Addr> = (0..self.config.held).map(holding::held).collect();
        self.all_answered(speaker, &held)?;
        self.idle(speaker)?;
        let floods: Result<Vec<_>> = (0..FLOODS).map(|_| self.foreign(speaker)).collect();
        let cheapest = floods?
            .into_iter()
            .min_by(|(_, one), (_, other)| one.cpu_percent().total_cmp(&other.cpu_percent()));
        let (frames, foreign) = cheapest.expect("there is a flood");
        let (replies, held) = during(speaker, || self.held(&held))?;
        Ok(Flood {
            held_addresses: self.config.held,
            frames_per_second: to_a_hundredth(frames / foreign.seconds),
            foreign_cpu_percent: to_a_hundredth(foreign.cpu_percent()),
            held_replies_per_second: to_a_hundredth(replies / held.seconds),
            held_cpu_percent: to_a_hundredth(held.cpu_percent()),
        })
    }

    fn all_answered(&self, speaker: &mut Process, held: &[Ipv4Addr]) -> Result<()> {
        wait::until_seen("an answer for each address", SETTLING, || {
            speaker.still_runs()?;
            let answered = self.lab.in_client(|| wire::answered(held))??;
            Ok(if answered == held.len() {
                Ok(())
            } else {
                Err(format!("{answered} are answered"))
            })
        })
    }

    /// Waits until the speaker has nothing more to tell.
    fn idle(&self, speaker: &Process) -> Result<()> {
        let mut since = (Instant::now(), speaker.usage()?.cpu_seconds);
        wait::until("the speaker to have nothing to do", SETTLING, || {
            let used = speaker.usage()?.cpu_seconds;
            if used - since.1 > IDLE_SECONDS {
                since = (Instant::now(), used);
            }
            Ok((since.0.elapsed() >= QUIET).then_some(()))
        })
    }

    /// How many frames arrived, if not more than were sent.
    fn foreign(&self, speaker: &Process) -> Result<(f64, Cost)> {
        let FloodConfig {
            frames_per_second,
            lasting,
            ..
        } = self.config;
        let foreign = wire::questions(&holding::foreign().collect::<Vec<_>>());
        let before = self.arrived()?;
        let send = || wire::send_at(&foreign, frames_per_second, lasting);
        let (sent, cost) = during(speaker, || self.lab.in_client(send)?)?;
        Ok(((self.arrived()? - before).min(sent), cost))
    }

    fn held(&self, held: &[Ipv4Addr]) -> Result<f64> {
        self.lab.in_client(|| wire::converse(held, self.config.lasting))?
    }

    /// Frames that the node has received.
    fn arrived(&self) -> Result<f64> {
        let path = "/proc/thread-self/net/dev";
        let text = self
            .lab
            .in_machine(Machine::Node(NODE), || fs::read_to_string(path))?;
        let text = text.doing(|| format!("read {path}"))?;
        received(&text).ok_or_else(|| Error::Refused("the node has no eth0".into()))
    }
}

/// What a stretch of time cost a process.
struct Cost {
    seconds: f64,
    cpu_seconds: f64,
}

impl Cost {
    fn cpu_percent(&self) -> f64 {
        100.0 * self.cpu_seconds / self.seconds
    }
}

fn during<T>(process: &Process, work: impl FnOnce() -> Result<T>) -> Result<(T, Cost)> {
    let (began, before) = (Instant::now(), process.usage()?);
    let done = work()?;
    let cost = Cost {
        cpu_seconds: process.usage()?.cpu_seconds - before.cpu_seconds,
        seconds: began.elapsed().as_secs_f64(),
    };
    Ok((done, cost))
}

/// Frames received by `eth0`, from the text of `/proc/net/dev` (proc(5)).
fn received(text: &str) -> Option<f64> {
    let line = text
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("eth0:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn to_a_hundredth(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

impl Flood {
    /// The figures, one a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "{} addresses held\n\
             {:.0} requests a second for others: the speaker takes {:.2} % of a core\n\
             {:.0} replies a second for those that are held: {:.2} % of a core",
            self.held_addresses,
            self.frames_per_second,
            self.foreign_cpu_percent,
            self.held_replies_per_second,
            self.held_cpu_percent,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn received_frames_are_the_second_figure_of_the_interface() {
        let text = "Inter-|   Receive\n face |bytes    packets\n    lo: 1 2 3\n  eth0: 600 10 0 0\n";
        assert_eq!(received(text), Some(10.0));
        assert_eq!(received("    lo: 1 2 3\n"), None);
    }

    #[test]
    fn the_share_of_a_core_is_in_hundredths() {
        let cost = Cost {
            seconds: 4.0,
            cpu_seconds: 0.2,
        };
        assert_eq!(to_a_hundredth(cost.cpu_percent()), 5.0);
    }
}
