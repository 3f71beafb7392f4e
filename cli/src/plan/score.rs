//! How the eligible nodes of an address score.

use std::fmt;

use ferrolb_crds::domain::{NodeName, Reason};
use ferrolb_segment::Nearness;
use ferrolb_segment::order::hash::Hash;
use ferrolb_speaker::forecast::{Foreseen, Ranked};
use serde::Serialize;

use super::report::{Announced, Report};
use super::table::aligned;

/// What an eligible node is ranked by.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Score {
    node: NodeName,
    /// Sum of the weights of matching preferences.
    preference: u32,
    locality: Locality,
    /// Its place by hash among the eligible nodes, from 1.
    place: usize,
    /// Why it comes after the others, if it is cordoned, out of service, or its local endpoints are all terminating.
    #[serde(skip_serializing_if = "Option::is_none")]
    later: Option<Reason>,
}

/// How near the endpoints are.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
struct Locality {
    /// Ready endpoints of Services of policy Local on the node.
    ready_here: u32,
    /// All of them, on whatever nodes.
    ready_in_all: u32,
    /// A Service of policy Cluster has a ready endpoint on the node.
    saves_hop: bool,
}

/// The nodes that may hold this address, best first.
pub(super) fn scores(foreseen: &Foreseen) -> Vec<Score> {
    let mut hashes: Vec<Hash> = foreseen.order.iter().map(|one| one.contender.hash).collect();
    hashes.sort();
    let eligible = foreseen.judged.eligible.as_ref().ok();
    let near = eligible
        .into_iter()
        .flat_map(|eligible| eligible.group.near.iter());
    let in_all = near.map(|(_, nearness)| nearness.local).sum();
    let later = |one: &Ranked| foreseen.judged.eligible.as_ref().ok()?.soft(&one.node);
    let score = |one| Score::of(one, &hashes, in_all, later(one));
    foreseen.order.iter().map(score).collect()
}

impl Score {
    fn of(ranked: &Ranked, sorted: &[Hash], ready_in_all: u32, later: Option<Reason>) -> Self {
        let contender = &ranked.contender;
        let Nearness { local, saves_hop } = contender.nearness;
        Self {
            node: ranked.node.clone(),
            preference: contender.fitness.preference,
            locality: Locality {
                ready_here: local,
                ready_in_all,
                saves_hop,
            },
            place: 1 + sorted.partition_point(|hash| *hash < contender.hash),
            later,
        }
    }
}

impl fmt::Display for Locality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.ready_in_all, self.saves_hop) {
            (0, false) => f.write_str("-"),
            (0, true) => f.write_str("endpoint"),
            (all, false) => write!(f, "{}/{all}", self.ready_here),
            (all, true) => write!(f, "{}/{all}, endpoint", self.ready_here),
        }
    }
}

/// A line for each eligible node of each address; nothing if it was not asked for.
pub(super) fn render(report: &Report) -> Option<String> {
    let announced = || report.services.iter().flat_map(|service| &service.announced);
    let asked = announced().any(|one| one.scores.is_some());
    let header = ["ADDRESS", "NODE", "PREFERENCE", "LOCALITY", "HASH PLACE"];
    asked.then(|| aligned(header, announced().flat_map(rows)))
}

fn rows(announced: &Announced) -> impl Iterator<Item = [String; 5]> {
    let row = |score: &Score| {
        [
            announced.address.to_string(),
            score.node.to_string(),
            score.preference.to_string(),
            score.locality.to_string(),
            score.place.to_string(),
        ]
    };
    announced.scores.iter().flatten().map(row)
}
