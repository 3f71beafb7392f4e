//! Whether another station has an address already, asked before the address is used for the first time (N1 to N5).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::facts::Facts;
use super::{Effect, Segment};
use crate::Moment;
use crate::mac::Mac;
use crate::message::{Body, Finding, Instance, MOST_FINDINGS, Wire};

/// So many questions; RFC 5227 §2.1.1 has as many, and a second between them instead.
const QUESTIONS: u32 = 3;
/// From one question to the next, and from the last to the end.
const BETWEEN: Duration = Duration::from_millis(100);
/// How long it takes to ask.
pub(super) const PROBING: Duration = Duration::from_millis(100 * QUESTIONS as u64);
/// How long nobody claims an address that another station has.
const QUARANTINE: Duration = Duration::from_secs(60);
/// It is said again this often, in case somebody did not get it.
const AGAIN: Duration = Duration::from_secs(10);
/// From one message about conflicts to the next.
const BETWEEN_MESSAGES: Duration = Duration::from_millis(100);

/// Addresses that are asked for, and those that another station has.
#[derive(Clone, Debug, Default)]
pub(super) struct Conflicts {
    probes: BTreeMap<IpAddr, Probe>,
    quarantine: BTreeMap<IpAddr, Quarantine>,
    /// When it was last said what is in quarantine.
    said: Option<Moment>,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    asked: u32,
    /// When to ask again, or that nobody answered.
    next: Moment,
}

#[derive(Clone, Copy, Debug)]
struct Quarantine {
    until: Moment,
    station: Mac,
    /// When to say so; never if another instance found it.
    say: Option<Moment>,
}

/// What to do about an address whose turn it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// Ask for it now.
    Ask,
    /// Wait for an answer.
    Wait,
    /// Nobody answered.
    Claim,
}

impl Conflicts {
    /// The next step towards a claim (N2).
    pub(super) fn step(&mut self, address: IpAddr, now: Moment) -> Step {
        let probe = self
            .probes
            .entry(address)
            .or_insert(Probe { asked: 0, next: now });
        if now < probe.next {
            return Step::Wait;
        }
        if probe.asked == QUESTIONS {
            self.probes.remove(&address);
            return Step::Claim;
        }
        probe.asked += 1;
        probe.next = now + BETWEEN;
        Step::Ask
    }

    /// Asks for no others than these any more.
    pub(super) fn keep_asking(&mut self, is_due: impl Fn(IpAddr) -> bool) {
        self.probes.retain(|address, _| is_due(*address));
    }

    /// What is in quarantine stays there no longer than it has no holder.
    pub(super) fn keep_apart(&mut self, is_orphan: impl Fn(IpAddr) -> bool) {
        self.quarantine.retain(|address, _| is_orphan(*address));
    }

    pub(super) fn is_apart(&self, address: IpAddr) -> bool {
        self.quarantine.contains_key(&address)
    }

    /// The addresses whose quarantine is over, and since when.
    pub(super) fn expire(&mut self, now: Moment) -> Vec<(IpAddr, Moment)> {
        let over = self.quarantine.extract_if(.., |_, one| one.until <= now);
        over.map(|(address, one)| (address, one.until)).collect()
    }

    /// A station answered what this instance asked (N3).
    fn answered(&mut self, address: IpAddr, station: Mac, now: Moment) {
        if self.probes.remove(&address).is_some() {
            self.part(address, station, Some(now), now);
        }
    }

    /// What is only said again puts nothing off: the instance that found it asks again when its minute is over. What is said
    /// close to the end is what it found then.
    fn part(&mut self, address: IpAddr, station: Mac, say: Option<Moment>, now: Moment) {
        self.probes.remove(&address);
        let known = self.quarantine.get(&address);
        if known.is_none_or(|known| known.until < now + AGAIN / 2) {
            let until = now + QUARANTINE;
            let quarantine = Quarantine { until, station, say };
            self.quarantine.insert(address, quarantine);
        }
    }

    /// What is to be said now: at most one message (N5).
    fn take_due(&mut self, me: Instance, now: Moment) -> Vec<Finding> {
        if self.said.is_some_and(|last| now.since(last) < BETWEEN_MESSAGES) {
            return Vec::new();
        }
        let due = self
            .quarantine
            .iter_mut()
            .filter(|(_, one)| one.say.is_some_and(|at| at <= now));
        let findings = due.take(MOST_FINDINGS).map(|(address, one)| {
            one.say = Some(now + AGAIN);
            Finding {
                address: *address,
                holder: me.node,
                wire: Wire::Foreign(one.station),
            }
        });
        let findings: Vec<Finding> = findings.collect();
        if !findings.is_empty() {
            self.said = Some(now);
        }
        findings
    }

    /// When something is to be said, or a quarantine is over.
    pub(super) fn next(&self) -> Option<Moment> {
        let earliest = self.said.map(|last| last + BETWEEN_MESSAGES);
        let says = self.quarantine.values().filter_map(|one| one.say);
        let says = says.map(|at| earliest.map_or(at, |earliest| at.max(earliest)));
        says.chain(self.quarantine.values().map(|one| one.until)).min()
    }
}

impl Facts {
    /// Nobody used the address yet, as far as is known (N1).
    pub(super) fn is_unused(&self, address: IpAddr) -> bool {
        self.view.fresh.contains(&address) && !self.ledger.others.knows(address)
    }
}

impl Segment {
    /// The addresses that this instance asks for before their first use: answers are to be told by
    /// [`Segment::is_in_use`].
    pub fn asked_for(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.conflicts.probes.keys().copied()
    }

    /// A station, which is no node's, says that it has the address.
    pub fn is_in_use(&mut self, address: IpAddr, station: Mac, now: Moment) {
        self.conflicts.answered(address, station, now);
    }

    /// What a peer found counts as if this instance had asked (N4). A finding of an address that a node holds names that
    /// node, and is the witness's.
    pub(super) fn heed_conflicts(&mut self, from: Instance, findings: &[Finding], now: Moment) {
        for finding in findings.iter().filter(|finding| finding.holder == from.node) {
            if let Wire::Foreign(station) = finding.wire
                && self.facts.is_unused(finding.address)
                && self.orphans.contains(finding.address)
            {
                self.conflicts.part(finding.address, station, None, now);
            }
        }
    }

    /// The witnesses' frames tell the others, and this process learns it as if another had said it.
    pub(super) fn say_conflicts(&mut self, now: Moment) {
        let findings = self.conflicts.take_due(self.facts.me, now);
        if !findings.is_empty() {
            self.send(Body::Findings(findings.clone()));
            self.effects.push(Effect::Found(self.facts.me.node, findings));
        }
    }
}
