//! Whether the wire agrees: this node asks for the addresses of others that it is the witness of, and heeds what the
//! witnesses of its own find (W1 to W6).
//!
//! All of it is done when there is nothing else to do, so no frame of the protocol waits for it. Questions go out once a
//! second; the answers to those of one second are judged in the next.

mod inquiry;
mod looks;
mod nodes;
mod nudges;
mod turns;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_rawlink::SocketError;
use ferrolb_segment::Moment;
use ferrolb_segment::message::{Body, Finding, NodeId, Wire};
use tokio::time::Instant;

use super::super::telling::chance;
use super::super::{PortTask, neighbours};
use super::Station;
use crate::layer2::announce::protocol::Look;
use crate::layer2::wire::Mac;
use inquiry::{Inquiry, Stations};
use looks::{Looks, News};
use nodes::NodeStations;
use nudges::Nudges;
use turns::{TURNS, Turns};

/// From one look to the next: an answer comes within a second (W4).
const SECOND: Duration = Duration::from_secs(1);
/// That more addresses are well is told in so long: a pass over all Services for each second of a round would be too
/// much.
const QUIET: Duration = Duration::from_secs(10);
/// Of what is wrong, so many addresses are asked for again on the whole segment each second (W3).
const WRONG_AGAIN: f64 = 3.0;
/// Messages a second with findings.
const MESSAGES: usize = 2;

/// What this port does as a witness, and what witnesses do for it.
pub(super) struct Witness {
    turns: Turns,
    inquiry: Inquiry,
    nodes: NodeStations,
    looks: Looks,
    nudges: Nudges,
    next: Instant,
    /// When what is known was shown, and that.
    shown: (Instant, Arc<BTreeMap<IpAddr, Look>>),
}

impl Witness {
    pub(super) fn new(me: NodeId) -> Self {
        Self {
            turns: Turns::default(),
            inquiry: Inquiry::default(),
            nodes: NodeStations::default(),
            looks: Looks::new(me),
            nudges: Nudges::default(),
            next: Instant::now() + SECOND,
            shown: (Instant::now(), Arc::default()),
        }
    }

    /// When to look next.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// An authentic frame of the node came from the station.
    pub(super) fn met(&mut self, node: NodeId, station: Mac, now: Moment) {
        self.nodes.heard(node, station, now);
    }

    /// Whether the station is one of a node, as far as its frames show.
    pub(super) fn is_of_a_node(&self, station: Mac) -> bool {
        self.nodes.node_of(station).is_some()
    }

    /// A station answers. Whether that was asked for.
    pub(super) fn heard(&mut self, answer: &neighbours::Answer) -> bool {
        self.inquiry.heard(answer.address, answer.station)
    }

    /// A question is under way.
    pub(super) fn listens(&self) -> bool {
        !self.inquiry.is_idle()
    }

    /// A node says what it found.
    pub(super) fn told(&mut self, me: NodeId, from: NodeId, findings: &[Finding], now: Moment) {
        for finding in findings {
            if self.looks.heard(from, finding, now) {
                self.turns.hurry(finding.holder);
            }
            if finding.holder == me && from != me && finding.wire != Wire::Ok {
                self.nudges.ask(finding.address);
            }
        }
    }
}

impl Station {
    /// Does what there is to do as a witness, and what witnesses of this node's addresses say is to be done.
    pub(super) fn look(&mut self, port: &mut PortTask) -> Result<(), SocketError> {
        let now = self.now();
        if Instant::now() >= self.witness.next {
            self.witness.next = Instant::now() + SECOND.mul_f64(1.0 + 0.05 * chance());
            self.ask_and_judge(port, now)?;
        }
        self.nudge(port, now)?;
        self.show_looks();
        Ok(())
    }

    /// Judges what was asked for, and asks for what has its turn.
    fn ask_and_judge(&mut self, port: &mut PortTask, now: Moment) -> Result<(), SocketError> {
        self.witness.nodes.forget_old(now);
        self.witness.nodes.follow(self.protocol.me, &port.port.siblings);
        self.witness.looks.expire(now);
        self.follow_holders(now);
        match self.core.may_check(now) {
            true => {
                self.judge_answers(now);
                self.choose(now);
            }
            false => self.witness.inquiry.forget_all(),
        }
        self.question(port)?;
        self.say_findings(port, now);
        Ok(())
    }

    fn follow_holders(&mut self, now: Moment) {
        let Some(holders) = self.reporter.known_holders() else {
            return;
        };
        for moved in self.witness.turns.follow(holders, now) {
            self.witness.inquiry.forget(moved);
            self.witness.looks.forget(moved);
        }
    }

    fn judge_answers(&mut self, now: Moment) {
        let Witness { inquiry, nodes, .. } = &mut self.witness;
        for (address, holder, wire) in inquiry.judge(&*nodes) {
            if self.core.to_check(address) != Some(holder) {
                self.witness.looks.left_to_others(address);
                continue;
            }
            let finding = Finding {
                address,
                holder,
                wire,
            };
            if self.witness.looks.found(finding, now) {
                self.witness.turns.hurry(holder);
            }
        }
    }

    fn choose(&mut self, now: Moment) {
        let room = (TURNS as usize).saturating_sub(self.witness.inquiry.len());
        // All speakers may be witnesses of something that is wrong.
        let has_turn = chance() * (self.core.up().len() as f64) < WRONG_AGAIN;
        let mut chosen = self.witness.looks.again(room.min(has_turn.into()));
        let room = room - chosen.len();
        chosen.extend(self.witness.turns.take(room, now, chance()));
        for address in chosen {
            match self.core.to_check(address) {
                Some(holder) => self.witness.inquiry.begin(address, holder),
                None => self.witness.looks.left_to_others(address),
            }
        }
    }

    /// All addresses of this second pass the filter before the first question goes out.
    fn question(&mut self, port: &mut PortTask) -> Result<(), SocketError> {
        let asked: Vec<IpAddr> = self.witness.inquiry.addresses().collect();
        if !port.probed.iter().eq(&asked) {
            port.probed = asked.iter().copied().collect();
            port.renew_filter()?;
        }
        let own = port.own_addresses();
        for address in asked {
            let question = neighbours::question(port.port.mac, &own, address);
            match question.map(|question| port.send(&question)) {
                Some(Ok(())) => self.witness.inquiry.asked(address),
                // A question that nobody hears proves nothing.
                Some(Err(_)) | None => self.witness.inquiry.forget(address),
            }
        }
        Ok(())
    }

    fn say_findings(&mut self, port: &PortTask, now: Moment) {
        for _ in 0..MESSAGES {
            let findings = self.witness.looks.take_due(now);
            if !findings.is_empty() {
                self.send(port, &Body::Findings(findings));
            }
        }
    }

    /// A lost membership or filter is the least that can be behind it, and costs the least to repair.
    fn nudge(&mut self, port: &mut PortTask, now: Moment) -> Result<(), SocketError> {
        let mut nudged = self.witness.nudges.take(now);
        nudged.retain(|address| port.held.contains(address));
        match nudged.is_empty() {
            true => Ok(()),
            false => port.program_anew(&nudged),
        }
    }

    /// The rest of the speaker learns what is wrong at once, and what is well in a while.
    fn show_looks(&mut self) {
        let waited = self.witness.shown.0.elapsed();
        let is_due = match self.witness.looks.news {
            News::None => false,
            News::Quiet => waited >= QUIET,
            News::Urgent => true,
        };
        if !is_due {
            return;
        }
        self.witness.looks.news = News::None;
        let look = |(address, known): (IpAddr, &looks::Known)| {
            let look = Look {
                wire: known.wire,
                holder: known.holder,
                witness: known.witness,
                since: self.instant(known.since),
            };
            (address, look)
        };
        let all = self.witness.looks.iter().map(look).collect();
        self.witness.shown = (Instant::now(), Arc::new(all));
        self.reporter.news = true;
    }

    /// What was found last, as it is shown.
    pub(super) fn looks(&self) -> Arc<BTreeMap<IpAddr, Look>> {
        self.witness.shown.1.clone()
    }
}
