//! Two plans → what is different.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::net::IpAddr;

use ferrolb_crds::domain::{NodeName, PoolName};
use itertools::Itertools;
use serde::Serialize;

use super::report::{Announced, Reason, ServicePlan};

/// One thing that becomes different for a Service.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Difference {
    pub(super) namespace: String,
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) change: Change,
}

/// What becomes different.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "change")]
pub(super) enum Change {
    /// Addresses, with their pools, in addition to those it has.
    Gets {
        addresses: Vec<IpAddr>,
        pools: Vec<PoolName>,
    },
    /// Other addresses in exchange, with their pools.
    Moves {
        from: Vec<IpAddr>,
        to: Vec<IpAddr>,
        pools: Vec<PoolName>,
    },
    /// No address, and those it has are lost; or another reason than so far.
    Refused { loses: Vec<IpAddr>, why: Reason },
    /// Addresses that it no longer wants.
    Freed {
        addresses: Vec<IpAddr>,
        why: Option<Reason>,
    },
    /// It keeps its addresses, and something is odd about them.
    Flagged { why: Reason },
    /// What was odd is no more.
    Cleared { why: Reason },
    /// An address that it keeps is announced by another node.
    Announced {
        address: IpAddr,
        from: Option<NodeName>,
        to: Option<NodeName>,
        why: Option<Reason>,
    },
}

/// What is different in `after`, by namespace and name.
pub(super) fn differences(before: &[ServicePlan], after: &[ServicePlan]) -> Vec<Difference> {
    let (before, after) = (by_name(before), by_name(after));
    let names: BTreeSet<&(&str, &str)> = before.keys().chain(after.keys()).collect();
    let of_service = |key: &(&str, &str)| {
        let absent = ServicePlan::absent(key.0, key.1);
        let was = before.get(key).copied().unwrap_or(&absent);
        let is = after.get(key).copied().unwrap_or(&absent);
        let difference = |change| Difference {
            namespace: key.0.to_owned(),
            name: key.1.to_owned(),
            change,
        };
        changes(was, is).into_iter().map(difference).collect::<Vec<_>>()
    };
    names.into_iter().flat_map(of_service).collect()
}

fn by_name(plans: &[ServicePlan]) -> BTreeMap<(&str, &str), &ServicePlan> {
    plans
        .iter()
        .map(|plan| ((plan.namespace.as_str(), plan.name.as_str()), plan))
        .collect()
}

fn changes(was: &ServicePlan, is: &ServicePlan) -> Vec<Change> {
    let flagged = new_notes(was, is).map(|why| Change::Flagged { why });
    let cleared = old_notes(was, is).map(|why| Change::Cleared { why });
    let announcers = is.announced.iter().filter_map(|now| of_announcer(was, now));
    of_addresses(was, is)
        .into_iter()
        .chain(flagged)
        .chain(cleared)
        .chain(announcers)
        .collect()
}

/// A condition has one reason and the sentences of all, so it is the sentence that counts.
fn new_notes(was: &ServicePlan, is: &ServicePlan) -> impl Iterator<Item = Reason> {
    let said = |note: &Reason| was.notes.iter().any(|old| old.message.contains(&note.message));
    is.notes.iter().filter(move |note| !said(note)).cloned()
}

/// With an address that is lost goes what was said about it.
fn old_notes(was: &ServicePlan, is: &ServicePlan) -> impl Iterator<Item = Reason> {
    let stands = |note: &Reason| is.notes.iter().any(|now| now.reason == note.reason);
    let over = move |note: &&Reason| is.refused.is_none() && !stands(note);
    was.notes.iter().filter(move |note| over(note)).cloned()
}

fn of_addresses(was: &ServicePlan, is: &ServicePlan) -> Option<Change> {
    let without = |all: &[IpAddr], others: &[IpAddr]| -> Vec<IpAddr> {
        all.iter().filter(|one| !others.contains(one)).copied().collect()
    };
    let lost = without(&was.addresses, &is.addresses);
    let gained = without(&is.addresses, &was.addresses);
    let pool = |address: &IpAddr| {
        let at = is.addresses.iter().position(|one| one == address)?;
        is.pools.get(at).cloned()
    };
    let pools = gained.iter().filter_map(pool).collect();
    match (&is.refused, lost.is_empty(), gained.is_empty()) {
        (Some(why), true, _) if was.refused.as_ref() == Some(why) || why.is_not_ours() => None,
        (Some(why), ..) if !why.is_not_ours() => Some(Change::Refused {
            loses: lost,
            why: why.clone(),
        }),
        (_, true, true) => None,
        (_, true, false) => Some(Change::Gets {
            addresses: gained,
            pools,
        }),
        (why, false, true) => Some(Change::Freed {
            addresses: lost,
            why: why.clone(),
        }),
        (_, false, false) => Some(Change::Moves {
            from: lost,
            to: gained,
            pools,
        }),
    }
}

fn of_announcer(was: &ServicePlan, now: &Announced) -> Option<Change> {
    let before = was.announced.iter().find(|one| one.address == now.address)?;
    (before.node != now.node).then(|| Change::Announced {
        address: now.address,
        from: before.node.clone(),
        to: now.node.clone(),
        why: now.refused.clone(),
    })
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}: {}", self.namespace, self.name, self.change)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gets { addresses, pools } => write!(f, "gets {}{}", list(addresses), of_pools(pools)),
            Self::Moves { from, to, pools } => {
                write!(f, "moves from {} to {}{}", list(from), list(to), of_pools(pools))
            }
            Self::Refused { loses, why } if loses.is_empty() => write!(f, "is refused an address: {why}"),
            Self::Refused { loses, why } => {
                write!(f, "loses {} and is refused another: {why}", list(loses))
            }
            Self::Freed { addresses, why } => write!(f, "gives {} back{}", list(addresses), because(why)),
            Self::Flagged { why } => write!(f, "is flagged: {why}"),
            Self::Cleared { why } => write!(f, "is no longer flagged {}", why.reason),
            Self::Announced {
                address,
                from,
                to,
                why,
            } => {
                let node = |node: &Option<NodeName>| {
                    node.as_ref()
                        .map_or_else(|| "nobody".to_owned(), ToString::to_string)
                };
                let (to, from) = (node(to), node(from));
                write!(
                    f,
                    "{address} is announced by {to} instead of {from}{}",
                    because(why)
                )
            }
        }
    }
}

fn because(why: &Option<Reason>) -> String {
    why.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
}

fn list<T: Display>(all: &[T]) -> String {
    all.iter().join(", ")
}

fn of_pools(pools: &[PoolName]) -> String {
    let mut names = pools.to_vec();
    names.dedup();
    match names.len() {
        0 => String::new(),
        1 => format!(" (pool {})", list(&names)),
        _ => format!(" (pools {})", list(&names)),
    }
}

#[cfg(test)]
mod tests;
