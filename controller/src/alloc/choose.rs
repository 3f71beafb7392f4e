//! Which pools a Service may use, in which order, and which address of a pool it gets.

use std::net::IpAddr;

use ferrolb_crds::domain::{Addresses, Families, Family, Pool, PoolName, PoolRefusal, ServiceView};

use super::World;
use super::ledger::Ledger;

/// The pools that were tried and why each had nothing.
pub(super) type Tried = Vec<(PoolName, PoolRefusal)>;

/// Finds addresses in the pools that a Service may use; changes nothing.
pub(super) struct Chooser<'a> {
    world: &'a World,
    ledger: &'a Ledger<'a>,
    service: &'a ServiceView,
    /// Addresses that this Service gave back a moment ago.
    had_before: &'a [IpAddr],
    pools: &'a [&'a Pool],
    /// Tried before all others.
    first: Option<&'a Pool>,
    /// Whether a refusal names the pools that are left to Services that ask for them.
    names_manual: bool,
}

impl<'a> Chooser<'a> {
    /// Chooses among `pools`, in their order, leaving out those that do not admit the Service.
    pub(super) fn new(
        world: &'a World,
        ledger: &'a Ledger<'a>,
        service: &'a ServiceView,
        had_before: &'a [IpAddr],
        pools: &'a [&'a Pool],
    ) -> Self {
        Self {
            world,
            ledger,
            service,
            had_before,
            pools,
            first: None,
            names_manual: false,
        }
    }

    /// Names the pools that are left to Services that ask for them.
    #[must_use]
    pub(super) fn passing_over_manual_pools(mut self) -> Self {
        self.names_manual = true;
        self
    }

    /// Tries this pool first, if it is among the others.
    #[must_use]
    pub(super) fn beginning_with(mut self, pool: Option<&Pool>) -> Self {
        self.first = self
            .pools
            .iter()
            .copied()
            .find(|one| pool.is_some_and(|pool| pool.name == one.name));
        self
    }

    fn in_order(&self) -> impl Iterator<Item = &'a Pool> + '_ {
        let first = self.first.map(|pool| &pool.name);
        let others = self.pools.iter().copied();
        self.first
            .into_iter()
            .chain(others.filter(move |pool| Some(&pool.name) != first))
    }

    fn admits(&self, pool: &Pool) -> bool {
        pool.admits(
            &self.service.key.namespace,
            &self.service.labels,
            &self.world.namespaces,
        )
    }

    fn candidates(&self) -> impl Iterator<Item = &'a Pool> + '_ {
        self.in_order().filter(|pool| self.admits(pool))
    }

    /// Addresses for a Service that has none.
    pub(super) fn new_addresses(&self, families: Families) -> Result<Addresses, Tried> {
        match families {
            Families::One(family) => self.one(family).map(|address| [address].into_iter().collect()),
            Families::Both => self.both(),
            Families::Prefer { first } => {
                let single = |family| self.one(family).map(|address| [address].into_iter().collect());
                self.both()
                    .or_else(|_| single(first))
                    .or_else(|_| single(first.other()))
                    .map_err(|_| self.refusals(&Family::BOTH))
            }
        }
    }

    /// One address of this family from the first pool that has one.
    pub(super) fn one(&self, family: Family) -> Result<IpAddr, Tried> {
        let found = self.candidates().find_map(|pool| self.in_pool(pool, family));
        found.ok_or_else(|| self.refusals(&[family]))
    }

    /// One of each family: from the first pool that has both, else from two pools.
    fn both(&self) -> Result<Addresses, Tried> {
        let of_one_pool = |pool: &'a Pool| {
            let (v4, v6) = (self.in_pool(pool, Family::V4)?, self.in_pool(pool, Family::V6)?);
            Some([v4, v6].into_iter().collect())
        };
        if let Some(addresses) = self.candidates().find_map(of_one_pool) {
            return Ok(addresses);
        }
        let (v4, v6) = (self.one(Family::V4)?, self.one(Family::V6)?);
        Ok([v4, v6].into_iter().collect())
    }

    fn in_pool(&self, pool: &'a Pool, family: Family) -> Option<IpAddr> {
        let cooling = |address: &IpAddr| self.world.cooling.contains_key(address);
        self.returned(pool, family)
            .or_else(|| {
                let free = self.free(pool, family).find(|address| !cooling(address));
                let shared = self.ledger.shareable(self.service, &pool.name, family);
                free.into_iter().chain(shared).min()
            })
            .or_else(|| self.free(pool, family).next())
    }

    /// The lowest address of the pool that this Service gave back a moment ago.
    fn returned(&self, pool: &Pool, family: Family) -> Option<IpAddr> {
        let free = self.ledger.free(&pool.name)?;
        let fits = |address: &&IpAddr| {
            Family::of(**address) == family && free.contains(**address) && self.may_give(pool, **address)
        };
        self.had_before.iter().filter(fits).min().copied()
    }

    /// The free addresses that may be given out, lowest first.
    fn free(&self, pool: &'a Pool, family: Family) -> impl Iterator<Item = IpAddr> + '_ {
        let free = self.ledger.free(&pool.name);
        let first = free.and_then(|free| free.first(family));
        let ascending = std::iter::successors(first, move |address| free?.after(*address));
        ascending.filter(move |address| self.may_give(pool, *address))
    }

    fn may_give(&self, pool: &Pool, address: IpAddr) -> bool {
        !pool.avoids(address)
            && !self.world.reserved.contains(&address)
            && !self.world.quarantined.contains(&address)
    }

    /// For each pool the reason why it has nothing of these families: the first family that it lacks.
    fn refusals(&self, families: &[Family]) -> Tried {
        let named = |pool: &Pool, why| (pool.name.clone(), why);
        let lacking = |pool| Some(named(pool, self.lacks(pool, families)?));
        let others = self.in_order().filter(|pool| !self.admits(pool));
        let passed_over = others.map(|pool| named(pool, PoolRefusal::NotAdmitted));
        let manual = self
            .world
            .pools
            .iter()
            .filter(|pool| self.names_manual && !pool.auto_assign);
        let manual = manual.map(|pool| named(pool, PoolRefusal::NotAutomatic));
        self.candidates()
            .filter_map(lacking)
            .chain(passed_over)
            .chain(manual)
            .collect()
    }

    fn lacks(&self, pool: &'a Pool, families: &[Family]) -> Option<PoolRefusal> {
        let missing = |family: &&Family| self.in_pool(pool, **family).is_none();
        let family = families.iter().find(missing)?;
        let all = self.world.pools.addresses(&pool.name);
        Some(PoolRefusal::lacking(
            *family,
            all.is_some_and(|all| all.count(*family) > 0),
        ))
    }
}
