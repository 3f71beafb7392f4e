//! Which pools a Service may use, in which order, and which address of a pool it gets.

use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{Addresses, Families, Family, Pool, PoolRefusal, ServiceView, Tried};

use super::World;
use super::decide::Pass;
use super::ledger::{Numbered, Taken};
use super::outcome::Note;

/// How far an address may be taken from others.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Reach {
    /// Not one that had UDP ports until a moment ago: flows would go on to the pods of another Service.
    Quiet,
    /// Any that is free.
    Any,
}

impl Reach {
    /// In which order they are tried.
    pub(super) fn all(world: &World) -> &'static [Self] {
        match world.cooling.values().any(|last| last.had_udp) {
            true => &[Self::Quiet, Self::Any],
            false => &[Self::Any],
        }
    }
}

/// Finds addresses in the pools that a Service may use; changes nothing.
pub(super) struct Chooser<'a> {
    pub(super) pass: &'a Pass<'a>,
    pub(super) service: &'a ServiceView,
    /// Addresses that the Service gave back a moment ago.
    pub(super) had_before: &'a [IpAddr],
    /// Tried in this order; those that do not admit the Service are left out.
    pub(super) pools: &'a [Numbered<'a>],
    /// The position of the pool that is tried before all others, if it is one of them.
    pub(super) first: Option<usize>,
    /// Whether a refusal names the pools that are left to Services that ask for them.
    pub(super) names_manual: bool,
}

impl<'a> Chooser<'a> {
    fn in_order(&self) -> impl Iterator<Item = Numbered<'a>> + '_ {
        let is_first = |pool: &&Numbered<'a>| Some(pool.0) == self.first;
        let first = self.first.and_then(|_| self.pools.iter().find(is_first));
        let others = self.pools.iter().filter(move |pool| !is_first(pool));
        first.into_iter().chain(others).copied()
    }

    fn admits(&self, pool: &Pool) -> bool {
        self.pass.world.admits(pool, self.service)
    }

    fn candidates(&self) -> impl Iterator<Item = Numbered<'a>> + '_ {
        self.in_order().filter(|(_, pool)| self.admits(pool))
    }

    /// Addresses for a Service that has none.
    pub(super) fn new_addresses(&self, families: Families) -> Result<Addresses, Arc<Tried>> {
        let single = |family| self.one(family).map(|address| [address].into_iter().collect());
        match families {
            Families::One(family) => single(family),
            Families::Both => self.both(),
            Families::Prefer { first } => self
                .both()
                .or_else(|_| single(first))
                .or_else(|_| single(first.other()))
                .map_err(|_| self.refusals(&Family::BOTH)),
        }
    }

    /// One address of this family from the first pool that has one.
    pub(super) fn one(&self, family: Family) -> Result<IpAddr, Arc<Tried>> {
        let found = self
            .pass
            .reaches
            .iter()
            .find_map(|reach| self.first(family, *reach));
        found.ok_or_else(|| self.refusals(&[family]))
    }

    fn first(&self, family: Family, reach: Reach) -> Option<IpAddr> {
        self.candidates()
            .find_map(|pool| self.in_pool(pool, family, reach))
    }

    /// One of each family: from the first pool that has both, else from two pools.
    fn both(&self) -> Result<Addresses, Arc<Tried>> {
        let found = self.pass.reaches.iter().find_map(|reach| self.pair(*reach));
        let lacks = |family: &&Family| self.first(**family, Reach::Any).is_none();
        found.ok_or_else(|| {
            let missing = Family::BOTH.iter().find(lacks);
            self.refusals(missing.map_or(&Family::BOTH, std::slice::from_ref))
        })
    }

    fn pair(&self, reach: Reach) -> Option<Addresses> {
        let of_one_pool = |pool: Numbered<'a>| {
            let of = |family| self.in_pool(pool, family, reach);
            Some([of(Family::V4)?, of(Family::V6)?])
        };
        let of_two = || Some([self.first(Family::V4, reach)?, self.first(Family::V6, reach)?]);
        let pair = self.candidates().find_map(of_one_pool).or_else(of_two)?;
        Some(pair.into_iter().collect())
    }

    fn in_pool(&self, pool: Numbered<'a>, family: Family, reach: Reach) -> Option<IpAddr> {
        let cooling = |address: &IpAddr| self.pass.world.cooling.contains_key(address);
        let is_in_reach = |address: &IpAddr| {
            let last = self.pass.world.cooling.get(address);
            reach == Reach::Any || last.is_none_or(|last| !last.had_udp)
        };
        self.returned(pool, family)
            .or_else(|| {
                let free = self.free(pool, family).find(|address| !cooling(address));
                let is_ours_alone = |address| self.pass.others.uses_too(&self.service.key, address).is_none();
                let shared = self
                    .pass
                    .ledger
                    .shareable(self.service, pool, family, is_ours_alone);
                free.into_iter().chain(shared).min()
            })
            .or_else(|| self.free(pool, family).find(is_in_reach))
    }

    /// The lowest address of the pool that this Service gave back a moment ago.
    fn returned(&self, (position, pool): Numbered<'a>, family: Family) -> Option<IpAddr> {
        let fits = |address: &&IpAddr| {
            Family::of(**address) == family
                && self.pass.ledger.free(position).contains(**address)
                && self.pass.others.withheld(pool, **address).is_none()
        };
        self.had_before.iter().filter(fits).min().copied()
    }

    /// The free addresses that may be given out, lowest first.
    fn free(&self, (position, pool): Numbered<'a>, family: Family) -> impl Iterator<Item = IpAddr> + '_ {
        self.unused(position, family)
            .filter(move |address| self.pass.others.withheld(pool, *address).is_none())
    }

    /// The addresses that no Service of ours uses, lowest first.
    fn unused(&self, position: usize, family: Family) -> impl Iterator<Item = IpAddr> + '_ {
        let free = self.pass.ledger.free(position);
        std::iter::successors(free.first(family), move |address| free.after(*address))
    }

    /// For each pool the reason why it has nothing of these families: the first family that it lacks.
    fn refusals(&self, families: &[Family]) -> Arc<Tried> {
        let mut tried = Tried::default();
        for pool in self.candidates() {
            if let Some(why) = self.lacks(pool, families) {
                tried.add(&pool.1.name, why);
            }
        }
        for (_, pool) in self.in_order().filter(|pool| !self.admits(pool.1)) {
            tried.add(&pool.name, PoolRefusal::NotAdmitted);
        }
        if self.names_manual {
            for pool in self.pass.world.pools.iter().filter(|pool| !pool.auto_assign) {
                tried.add(&pool.name, PoolRefusal::NotAutomatic);
            }
        }
        Arc::new(tried)
    }

    fn lacks(&self, pool: Numbered<'a>, families: &[Family]) -> Option<PoolRefusal> {
        let missing = |family: &&Family| self.in_pool(pool, **family, Reach::Any).is_none();
        families
            .iter()
            .find(missing)
            .map(|family| self.why_not(pool, *family))
    }

    /// Why the pool has no address of this family.
    fn why_not(&self, (position, pool): Numbered<'a>, family: Family) -> PoolRefusal {
        let all = self.pass.world.pools.all_addresses()[position].count(family);
        let unused = self.pass.ledger.free(position).count(family);
        if all == 0 {
            return PoolRefusal::None(family);
        }
        if let Some(Taken { address, by, why }) = self.pass.ledger.clash(self.service, position, family) {
            return PoolRefusal::Unshared { address, by, why };
        }
        let lowest = self.unused(position, family).next();
        let withheld = lowest.and_then(|address| Some((address, self.pass.others.withheld(pool, address)?)));
        match withheld {
            Some((address, why)) => PoolRefusal::Withheld {
                address,
                why,
                more: unused - 1,
                others_used: unused < all,
            },
            None => PoolRefusal::Exhausted(family),
        }
    }
}

/// What to say of a new address whose last Service may still get its UDP flows.
pub(super) fn reused(world: &World, service: &ServiceView, address: IpAddr) -> Option<Note> {
    let last = world.cooling.get(&address)?;
    let had_it = last.by == service.key || service.ingress.contains(address);
    let by = last.by.clone();
    (last.had_udp && !had_it).then_some(Note::Reused { address, by })
}
