//! Which Services are to leave a pool.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ferrolb_controller::alloc::{Assignment, Decision, Note, Outcome, World};
use ferrolb_crds::domain::{Asked, Pool, PoolName, ServiceKey, ServiceView};

/// A Service and those of its addresses that it should no longer have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Leaving {
    pub(super) service: ServiceKey,
    pub(super) addresses: BTreeSet<IpAddr>,
    /// The other addresses that it has.
    pub(super) staying: BTreeSet<IpAddr>,
    /// It asks for just these, so that nobody but its owner can move it.
    pub(super) asked_for: bool,
}

/// What a pool is to the cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// There is no such pool, and no Service has an address of it.
    Unknown,
    /// It has nobody to move, and so many Services use it as they may.
    Regular(usize),
}

/// The Services to be moved off `pool`, by namespace and name: those that keep an address against the rules, and those
/// that were given one of a pool that now gives only on request.
pub(super) fn leaving(pool: &PoolName, world: &World, decision: &Decision) -> Vec<Leaving> {
    let of_service = |(key, outcome): (&ServiceKey, &Outcome)| match outcome {
        Outcome::Assigned(assignment) => leaving_one(pool, world.services.get(key)?, assignment, world),
        Outcome::Refused(_) | Outcome::NotOurs => None,
    };
    decision.outcomes.iter().filter_map(of_service).collect()
}

fn leaving_one(
    pool: &PoolName,
    service: &ServiceView,
    assignment: &Assignment,
    world: &World,
) -> Option<Leaving> {
    let goes = |address: &IpAddr| is_out_of_policy(*address, pool, service, assignment, world);
    let (addresses, staying): (BTreeSet<IpAddr>, _) = service.ingress.iter().partition(goes);
    (!addresses.is_empty()).then(|| Leaving {
        service: service.key.clone(),
        asked_for: addresses.iter().all(|address| service.asks_for(*address)),
        addresses,
        staying,
    })
}

/// Why nobody leaves.
pub(super) fn standing(pool: &PoolName, world: &World, decision: &Decision) -> Standing {
    let uses = |outcome: &&Outcome| match outcome {
        Outcome::Assigned(assignment) => assignment.pools.contains(pool),
        Outcome::Refused(_) | Outcome::NotOurs => false,
    };
    match decision.outcomes.values().filter(uses).count() {
        0 if world.pools.named(pool).is_none() => Standing::Unknown,
        users => Standing::Regular(users),
    }
}

fn is_out_of_policy(
    address: IpAddr,
    pool: &PoolName,
    service: &ServiceView,
    assignment: &Assignment,
    world: &World,
) -> bool {
    let flagged = |note: &Note| match note {
        // Nothing but an annotation is left of a pool that no longer holds the address.
        Note::OutsidePools { address: odd } => *odd == address && service.origin(address) == Some(pool),
        Note::NoLongerAdmitted {
            address: odd,
            pool: of,
        }
        | Note::NowAvoided {
            address: odd,
            pool: of,
            ..
        } => *odd == address && of == pool,
        _ => false,
    };
    let manual = |owner: &Pool| owner.name == *pool && !owner.auto_assign;
    let only_on_request =
        service.asked == Ok(Asked::Anything) && world.pools.owner(address).is_some_and(manual);
    let kept = assignment.addresses.contains(address);
    kept && (only_on_request || assignment.notes.iter().any(flagged))
}

#[cfg(test)]
mod tests;
