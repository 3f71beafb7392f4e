//! Runs the checks, and shows what they found.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_crds::domain::{InterfaceName, NodeName};
use ferrolb_speaker::facts::{Facts, PeerFacts};
use serde::Serialize;

use super::checks::{self, Check, FACTS};
use super::finding::{Finding, Gap, Section, Severity};
use super::seen::Seen;

/// The answer, in the shape that `-o json` prints; stable, documented in `docs/doctor.md`.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(super) errors: usize,
    pub(super) warnings: usize,
    /// In order of their numbers.
    pub(super) checks: Vec<Section>,
    pub(super) not_looked_at: Vec<Gap>,
    /// How each node hears the others, by node, interface and other node.
    pub(super) beacons: BTreeMap<NodeName, BTreeMap<InterfaceName, BTreeMap<NodeName, PeerFacts>>>,
    /// Whether some node does not hear another.
    #[serde(skip)]
    is_broken: bool,
}

impl Report {
    /// `unseen` are resources that could not be read, each with the reason; `unasked` nodes whose speaker could not be
    /// asked.
    pub(super) fn of(
        seen: &Seen<'_>,
        unseen: &BTreeSet<(&str, &str)>,
        unasked: &BTreeMap<NodeName, String>,
    ) -> Self {
        let missing = |check: &Check| {
            let mut missing = unseen
                .iter()
                .filter(|(resource, _)| check.needs.contains(resource));
            missing.next().map(|(_, why)| (*why).to_owned())
        };
        let mut gaps: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
        let mut sections = Vec::new();
        for check in checks::ALL {
            if let Some(why) = missing(check) {
                gaps.entry(why).or_default().push(check.number);
                continue;
            }
            if check.needs.contains(&FACTS) {
                for (node, why) in unasked {
                    gaps.entry(format!("node {node}: {why}"))
                        .or_default()
                        .push(check.number);
                }
            }
            sections.extend(section(check, seen));
        }
        // Without all of it, Services are judged by their conditions alone.
        for (resource, why) in unseen {
            let is_said = gaps.contains_key(*why);
            if !is_said && checks::is_decided_on(resource) {
                gaps.insert(
                    format!("{why}; Services are judged by their conditions"),
                    Vec::new(),
                );
            }
        }
        let all = sections.iter().flat_map(|section| &section.findings);
        let count = |severity| all.clone().filter(|one| one.severity == severity).count();
        Self {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            is_broken: checks::broken_pairs(seen.facts) > 0,
            beacons: seen
                .facts
                .iter()
                .map(|(node, facts)| (node.clone(), heard(facts)))
                .collect(),
            not_looked_at: gaps
                .into_iter()
                .map(|(why, checks)| Gap { checks, why })
                .collect(),
            checks: sections,
        }
    }

    /// The answer for people.
    pub(crate) fn table(&self, wide: bool) -> String {
        let mut text = String::new();
        for section in &self.checks {
            text += &format!("{} {} ({})\n", section.check, section.name, section.docs);
            for finding in &section.findings {
                text += &format!("  {}\n    {}\n", said(finding), finding.remedy);
            }
            text.push('\n');
        }
        if (wide || self.is_broken) && !self.beacons.is_empty() {
            text += &format!("{}\n", self.matrix());
        }
        if !self.not_looked_at.is_empty() {
            text += "Not looked at:\n";
            for gap in &self.not_looked_at {
                let checks = if gap.checks.is_empty() {
                    String::new()
                } else {
                    format!("{}: ", gap.checks.join(", "))
                };
                text += &format!("  {checks}{}\n", gap.why);
            }
            text.push('\n');
        }
        text + &match (self.errors, self.warnings) {
            (0, 0) => "nothing found\n".to_owned(),
            (errors, warnings) => format!("{}, {}\n", counted(errors, "error"), counted(warnings, "warning")),
        }
    }

    /// A line for each node and interface: how it hears each other node.
    fn matrix(&self) -> String {
        let mut text =
            "How each speaker hears the others: state, time since the last frame, frames lost\n".to_owned();
        for (node, interfaces) in &self.beacons {
            for (interface, peers) in interfaces {
                let peers: Vec<String> = peers.iter().map(cell).collect();
                let peers = if peers.is_empty() {
                    "nobody".to_owned()
                } else {
                    peers.join(", ")
                };
                text += &format!("  {node} {interface}: {peers}\n");
            }
        }
        text
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn cell((node, peer): (&NodeName, &PeerFacts)) -> String {
    let lost = peer
        .lost_permille
        .map(|lost| format!(" {}.{}%", lost / 10, lost % 10));
    format!(
        "{node} {} {}ms{}",
        peer.state,
        peer.silent_ms,
        lost.unwrap_or_default()
    )
}

fn heard(facts: &Facts) -> BTreeMap<InterfaceName, BTreeMap<NodeName, PeerFacts>> {
    let segments = facts.segments.iter();
    segments
        .map(|(interface, segment)| (interface.clone(), segment.peers.clone()))
        .collect()
}

fn section(check: &Check, seen: &Seen<'_>) -> Option<Section> {
    let mut findings = (check.look)(seen);
    findings.sort();
    findings.dedup();
    (!findings.is_empty()).then(|| Section {
        check: check.number,
        name: check.name,
        docs: format!("docs/doctor.md#{}", check.number.to_lowercase()),
        findings,
    })
}

/// One line: what is wrong, and where.
fn said(finding: &Finding) -> String {
    let reason = finding.reason.as_ref().map(|reason| format!(" ({reason})"));
    let place = match (&*finding.field, &*finding.value) {
        ("", "") => String::new(),
        (field, "") => format!(" [{field}]"),
        (field, value) => format!(" [{field}: {value}]"),
    };
    format!(
        "{} {}{}: {}{place}",
        finding.severity,
        finding.object,
        reason.unwrap_or_default(),
        finding.message
    )
}
