//! From the view to the result.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::NodeName;

use super::Why;
use super::choose::{Contest, any_winners, full_winners};
use super::contests::Contests;
use super::demand::{Asked, Demand, Petition, asked};
use super::precedents::Precedents;
use super::verdict::{Election, Elections, Note, Winner};
use super::view::{Exclusion, Liveness, Ranking, View};

/// Decides for every address of our Services which node announces it.
///
/// The result depends on the view alone: not on who asks, nor on what was decided before.
pub fn elect(view: &View) -> Elections {
    elect_with(view, &mut Precedents::default())
}

/// As [`elect`], sooner if what earlier elections remember is of use.
pub fn elect_with(view: &View, precedents: &mut Precedents) -> Elections {
    let asked = asked(view);
    let unready = unready(view);
    let mut by_address: BTreeMap<IpAddr, Election> = asked
        .iter()
        .filter_map(|(address, petition)| {
            let why = petition.demand.as_ref().err().or(unready.as_ref())?;
            Some((*address, election(petition, Err(why.clone()), None)))
        })
        .collect();
    if unready.is_none() {
        contest(view, &asked, precedents, &mut by_address);
    }
    Elections {
        by_address,
        notes: notes(view),
    }
}

/// Why there can be no election at all.
fn unready(view: &View) -> Option<Why> {
    match view.liveness {
        Liveness::Unknown => Some(Why::LivenessUnknown),
        Liveness::Known(_) if view.nodes.is_empty() => Some(Why::NoNodes),
        Liveness::Known(_) => None,
    }
}

fn notes(view: &View) -> BTreeSet<Note> {
    let everywhere = view.exclusion() == Exclusion::Everywhere;
    everywhere
        .then_some(Note::EveryNodeExcluded)
        .into_iter()
        .collect()
}

/// Adds the results of the addresses that nodes may contend for.
fn contest(
    view: &View,
    asked: &Asked<'_>,
    precedents: &mut Precedents,
    results: &mut BTreeMap<IpAddr, Election>,
) {
    let contests = Contests::new(view, asked, precedents).all();
    let winners = match view.options.ranking {
        Ranking::Seated => any_winners(&contests),
        Ranking::Stable => precedents.firsts.of(&contests),
        Ranking::Full => full_winners(&contests, &view.holders),
    };
    for (contest, winner) in contests.iter().zip(winners) {
        for address in &contest.addresses {
            let petition = &asked[address];
            let outcome = match &petition.demand {
                Ok(demand) => outcome(view, contest, winner.as_ref(), demand),
                Err(why) => Err(why.clone()),
            };
            let election = election(petition, outcome, Some(contest.clone()));
            results.insert(*address, election);
        }
    }
}

fn outcome(
    view: &View,
    contest: &Contest,
    winner: Option<&NodeName>,
    demand: &Demand<'_>,
) -> Result<Winner, Why> {
    let Some((name, node)) = winner.and_then(|name| view.nodes.get_key_value(name)) else {
        return Err(Why::NoEligibleNode(contest.field().ineligible().clone()));
    };
    Ok(Winner {
        node: name.clone(),
        interfaces: demand.interfaces(view, &node.labels),
    })
}

fn election(
    petition: &Petition<'_>,
    outcome: Result<Winner, Why>,
    contest: Option<Arc<Contest>>,
) -> Election {
    Election {
        services: petition.users.iter().map(|(key, _)| (*key).clone()).collect(),
        refused: petition.refused.clone(),
        outcome,
        contest,
    }
}
