//! Which pools a Service may use, in which order, and which address of a pool it gets.

use std::net::IpAddr;

use ferrolb_crds::domain::{Addresses, Families, Family, Pool, PoolName, ServiceView};

use super::World;
use super::ledger::Ledger;
use super::outcome::PoolRefusal;

/// The pools that were tried and why each had nothing.
pub(super) type Tried = Vec<(PoolName, PoolRefusal)>;

/// Finds addresses in the pools that a Service may use; changes nothing.
pub(super) struct Chooser<'a> {
    world: &'a World,
    ledger: &'a Ledger<'a>,
    service: &'a ServiceView,
    /// Addresses that this Service gave back a moment ago.
    had_before: &'a [IpAddr],
    candidates: Vec<&'a Pool>,
    passed_over: Tried,
}

impl<'a> Chooser<'a> {
    /// Chooses among `pools`, in their order, leaving out those that do not admit the Service.
    pub(super) fn new(
        world: &'a World,
        ledger: &'a Ledger<'a>,
        service: &'a ServiceView,
        had_before: &'a [IpAddr],
        pools: impl IntoIterator<Item = &'a Pool>,
    ) -> Self {
        let admits = |pool: &&Pool| pool.admits(&service.key.namespace, &service.labels, &world.namespaces);
        let (candidates, others): (Vec<_>, Vec<_>) = pools.into_iter().partition(admits);
        let passed_over = others
            .iter()
            .map(|pool| (pool.name.clone(), PoolRefusal::NotAdmitted))
            .collect();
        Self {
            world,
            ledger,
            service,
            had_before,
            candidates,
            passed_over,
        }
    }

    /// Names the pools that are left to those who ask for them.
    #[must_use]
    pub(super) fn passing_over(mut self, pools: impl Iterator<Item = &'a Pool>) -> Self {
        self.passed_over
            .extend(pools.map(|pool| (pool.name.clone(), PoolRefusal::NotAutomatic)));
        self
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
        let found = self.candidates.iter().find_map(|pool| self.in_pool(pool, family));
        found.ok_or_else(|| self.refusals(&[family]))
    }

    /// One of each family: from the first pool that has both, else from two pools.
    fn both(&self) -> Result<Addresses, Tried> {
        let of_one_pool = |pool: &'a Pool| {
            let (v4, v6) = (self.in_pool(pool, Family::V4)?, self.in_pool(pool, Family::V6)?);
            Some([v4, v6].into_iter().collect())
        };
        if let Some(addresses) = self.candidates.iter().find_map(|pool| of_one_pool(pool)) {
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
        let lacking = |pool: &&'a Pool| {
            let family = families
                .iter()
                .find(|family| self.in_pool(pool, **family).is_none())?;
            let has_any = self
                .world
                .pools
                .addresses(&pool.name)
                .is_some_and(|all| all.count(*family) > 0);
            Some((pool.name.clone(), PoolRefusal::lacking(*family, has_any)))
        };
        let tried = self.candidates.iter().filter_map(lacking);
        tried.chain(self.passed_over.iter().cloned()).collect()
    }
}
