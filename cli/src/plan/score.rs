//! How the eligible nodes of an address score.

use std::fmt;
use std::net::IpAddr;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use ferrolb_crds::domain::NodeName;
use ferrolb_speaker::election::{Election, Elections, Hash, Ranked};
use serde::Serialize;

use super::report::{Announced, Report};

/// What an eligible node is ranked by.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Score {
    node: NodeName,
    /// Sum of the weights of matching preferences.
    preference: u32,
    locality: Locality,
    /// Its place by hash among the eligible nodes, from 1.
    place: usize,
}

/// How near the endpoints are.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
struct Locality {
    /// Ready endpoints of Services of policy Local on the node.
    ready_here: usize,
    /// All of them.
    ready_in_all: usize,
    /// A Service of policy Cluster has an endpoint on the node.
    saves_hop: bool,
}

/// The eligible nodes of this address, best first.
pub(super) fn scores(address: IpAddr, elections: &Elections) -> Vec<Score> {
    let ranked = elections
        .by_address
        .get(&address)
        .map(Election::ranking)
        .unwrap_or_default();
    let mut hashes: Vec<Hash> = ranked.iter().map(|one| one.hash).collect();
    hashes.sort();
    ranked.into_iter().map(|one| Score::of(one, &hashes)).collect()
}

impl Score {
    fn of(ranked: Ranked, sorted: &[Hash]) -> Self {
        Self {
            node: ranked.node,
            preference: ranked.preference,
            locality: Locality {
                ready_here: ranked.locality.share.here,
                ready_in_all: ranked.locality.share.of,
                saves_hop: ranked.locality.saves_hop,
            },
            place: 1 + sorted.partition_point(|hash| *hash < ranked.hash),
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
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_header(["ADDRESS", "NODE", "PREFERENCE", "LOCALITY", "HASH PLACE"]);
    let mut asked = false;
    for announced in report.services.iter().flat_map(|service| &service.announced) {
        asked |= announced.scores.is_some();
        rows(announced).for_each(|row| {
            table.add_row(row);
        });
    }
    asked.then(|| table.trim_fmt() + "\n")
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
