//! A machine on the segment that has no key, and sends what it can.

mod frames;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use super::Place;
use super::stage::{Holders, Size, Stage};
use super::trace::Marks;
use super::wire;
use crate::error::Result;
use crate::lab::Lab;
use crate::mac::Mac;
use crate::plan::Machine;
use crate::probe::Announcement;
use crate::process::Usage;
use crate::program::Implementation;
use crate::wait;
use frames::{Attack, Recorded};

pub use report::{Adversity, Storm};

const ADVERSARY: Machine = Machine::Client(2);
/// So many frames of each speaker are recorded before the first storm.
const RECORDED: usize = 12;
const RECORDING: Duration = Duration::from_secs(30);
/// Frames of each kind that are sent one by one, before the storms.
const SAMPLES_PER_SECOND: u32 = 200;
const SAMPLING: Duration = Duration::from_secs(1);
/// Answers that were still on their way to the storm's end.
const TRAILING: Duration = Duration::from_millis(300);

/// What is measured.
#[derive(Debug, Clone)]
pub struct Adversary {
    /// How many frames of each kind are sent in a storm.
    pub frames_per_second: u32,
    /// How long each storm lasts.
    pub lasting: Duration,
    /// Nodes of a lab made for it.
    pub nodes: u8,
    /// How many addresses the speakers hold together.
    pub addresses: u16,
    /// Another speaker than this tree's.
    pub implementation: Implementation,
}

/// Measures; `tell` hears of each storm as it ends.
///
/// # Errors
/// If the lab does not start, the addresses are not held, or a speaker ends.
pub fn adversary(place: &Place, what: &Adversary, mut tell: impl FnMut(&str)) -> Result<Adversity> {
    let size = Size {
        nodes: what.nodes,
        clients: 2,
        addresses: what.addresses,
    };
    let mut stage = Stage::set(place, size, &what.implementation)?;
    stage.needs_clients(2)?;
    let nodes: Vec<u8> = stage.lab.plan().nodes().collect();
    nodes.iter().try_for_each(|node| stage.start(*node))?;
    let holders = stage.settle()?;
    let recorded = record(&stage.lab)?;
    let mut scene = Scene { stage, holders };
    for attack in Attack::ALL {
        scene.storm(attack, &recorded, SAMPLES_PER_SECOND, SAMPLING)?;
    }
    let before = scene.resident()?;
    let mut all = Adversity::new(what);
    for attack in Attack::ALL {
        let storm = scene.storm(attack, &recorded, what.frames_per_second, what.lasting)?;
        tell(&storm.in_words());
        all.storms.push(storm);
    }
    all.grown_bytes = grown(&before, &scene.resident()?);
    scene.stage.strike()?;
    Ok(all)
}

/// Frames of each speaker, as the adversary hears them.
fn record(lab: &Lab) -> Result<Recorded> {
    let tap = lab.tap(&ADVERSARY.nic())?;
    let macs: BTreeSet<Mac> = lab.plan().nodes().map(|node| lab.node_mac(node)).collect();
    let mut recorded = Recorded::default();
    wait::until("frames of each speaker", RECORDING, || {
        tap.heard(|frame| recorded.take(frame, &macs))?;
        Ok(macs.iter().all(|mac| recorded.of(*mac) >= RECORDED).then_some(()))
    })?;
    Ok(recorded)
}

struct Scene {
    stage: Stage,
    holders: Holders,
}

impl Scene {
    fn storm(
        &mut self,
        attack: Attack,
        recorded: &Recorded,
        per_second: u32,
        lasting: Duration,
    ) -> Result<Storm> {
        let frames = attack.frames(recorded, ADVERSARY.mac());
        let lab = &self.stage.lab;
        let (heard, marks) = (lab.hear_all_announcements()?, Marks::now(lab));
        let refused = self.refused()?;
        let (used, began) = (self.stage.usage()?, Instant::now());
        let sent = lab.in_machine(ADVERSARY, || wire::storm(&frames, per_second, lasting))??;
        let (using, seconds) = (self.stage.usage()?, began.elapsed().as_secs_f64());
        let answering = self.stage.held_by_one()?;
        std::thread::sleep(TRAILING);
        let down = self.down(&marks);
        let names = |node: &u8| self.stage.lab.node_name(*node);
        let cpu = using.iter().map(|(node, usage)| {
            let before = used.get(node).map_or(0.0, |usage| usage.cpu_seconds);
            let percent = 100.0 * (usage.cpu_seconds - before) / seconds;
            (names(node), to_a_tenth(percent))
        });
        Ok(Storm {
            attack: attack.name(),
            frames_per_second: to_a_tenth(sent / seconds),
            refused_per_second: to_a_tenth((self.refused()? - refused) / self.nodes() / seconds),
            cpu_percent: cpu.collect(),
            announced_by_others: self.announced_by_others(&heard.heard()),
            moved: self.moved(&answering),
            taken_for_dead: down,
            grown_bytes: grown(&used, &using),
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "few nodes")]
    fn nodes(&self) -> f64 {
        self.stage.speakers.len() as f64
    }

    /// Frames that the speakers did not heed so far.
    fn refused(&self) -> Result<f64> {
        let nodes = self.stage.speakers.keys();
        let each = nodes.map(|node| self.stage.metric(*node, "ferrolb_segment_refused_total{"));
        each.sum()
    }

    fn resident(&self) -> Result<BTreeMap<u8, Usage>> {
        self.stage.usage()
    }

    /// How often a speaker took another for dead.
    fn down(&self, marks: &Marks) -> usize {
        let nodes = self.stage.speakers.keys();
        let lines = nodes.flat_map(|node| marks.lines_since(&self.stage.lab, *node));
        lines.filter(|line| line.step == "detect").count()
    }

    /// How often somebody else than its holder announced an address.
    fn announced_by_others(&self, heard: &[Announcement]) -> usize {
        let is_foreign = |one: &&Announcement| match one.address {
            IpAddr::V4(address) => self
                .holders
                .get(&address)
                .is_some_and(|holder| self.stage.lab.node_mac(*holder) != one.mac),
            IpAddr::V6(_) => false,
        };
        heard.iter().filter(is_foreign).count()
    }

    /// How many addresses not their holder alone answers for.
    fn moved(&self, answering: &std::result::Result<Holders, String>) -> usize {
        let Ok(now) = answering else {
            return self.holders.len();
        };
        let differs = |(address, holder): &(&Ipv4Addr, &u8)| now.get(*address) != Some(*holder);
        self.holders.iter().filter(differs).count()
    }
}

/// By how much the memory of the speaker that grew most has grown.
fn grown(before: &BTreeMap<u8, Usage>, after: &BTreeMap<u8, Usage>) -> u64 {
    let of = |(node, usage): (&u8, &Usage)| {
        let before = before.get(node).map_or(0, |usage| usage.rss_bytes);
        usage.rss_bytes.saturating_sub(before)
    };
    after.iter().map(of).max().unwrap_or_default()
}

fn to_a_tenth(figure: f64) -> f64 {
    (figure * 10.0).round() / 10.0
}
