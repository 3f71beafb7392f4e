//! The three passes: keep, asked for, new.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::{
    Addresses, Asked, Families, Family, Pool, PoolName, Reason, ServiceKey, ServiceView,
};

use super::World;
use super::choose::{Chooser, Tried};
use super::keep::{Kept, asks_for};
use super::ledger::Ledger;
use super::outcome::{Assignment, Note, Outcome};
use super::usage::{self, Usage};

/// What was decided about every Service, and how full that leaves the pools.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// One outcome for each Service.
    pub outcomes: BTreeMap<ServiceKey, Outcome>,
    /// One entry for each pool.
    pub usage: BTreeMap<PoolName, Usage>,
}

/// Decides about all Services at once.
pub fn decide(world: &World) -> Decision {
    let mut unkept = BTreeSet::new();
    loop {
        let (decision, lost_all) = Pass::run(world, &unkept);
        if lost_all.is_empty() {
            return decision;
        }
        // They were refused after others had been told that their addresses are in use: once more, without.
        unkept.extend(lost_all);
    }
}

pub(super) struct Pass<'a> {
    pub(super) world: &'a World,
    pub(super) ledger: Ledger<'a>,
    given_back: BTreeMap<&'a ServiceKey, Vec<IpAddr>>,
    /// Plain pools and pools made for somebody, in the order in which they are tried.
    automatic: Vec<&'a Pool>,
}

impl<'a> Pass<'a> {
    fn new(world: &'a World) -> Self {
        let mut given_back: BTreeMap<&ServiceKey, Vec<IpAddr>> = BTreeMap::new();
        for (address, owner) in &world.cooling {
            given_back.entry(owner).or_default().push(*address);
        }
        let mut automatic: Vec<&Pool> = world.pools.iter().filter(|pool| pool.auto_assign).collect();
        // A pool made for somebody comes before the plain ones, even if it is made for everybody.
        automatic.sort_by_key(|pool| {
            (
                pool.scope.is_none(),
                pool.scope.as_ref().map(|scope| scope.priority),
                &pool.name,
            )
        });
        Self {
            world,
            ledger: Ledger::new(&world.pools),
            given_back,
            automatic,
        }
    }

    /// One pass in which the Services of `unkept` keep nothing. Returns also who was refused although
    /// something was kept for it.
    fn run(world: &'a World, unkept: &BTreeSet<ServiceKey>) -> (Decision, Vec<ServiceKey>) {
        let mut pass = Self::new(world);
        let is_ours = |view: &ServiceView| view.class.is_ours(world.class.as_deref());
        let services: Vec<&ServiceView> = world.services.values().map(|view| &**view).collect();
        let ours: Vec<usize> = (0..services.len()).filter(|at| is_ours(services[*at])).collect();
        let mut kept = pass.keep(
            &services,
            ours.iter()
                .copied()
                .filter(|at| !unkept.contains(&services[*at].key)),
        );
        for (address, owner) in &world.unreadable {
            pass.ledger.close(*address, owner);
        }
        let mut outcomes = vec![Outcome::NotOurs; services.len()];
        let mut lost_all = Vec::new();
        for at in in_turn(&services, ours) {
            let kept = std::mem::take(&mut kept[at]);
            let had_some = !kept.addresses.is_empty();
            outcomes[at] = pass.settle(services[at], kept);
            if had_some && matches!(outcomes[at], Outcome::Refused(_)) {
                lost_all.push(services[at].key.clone());
            }
        }
        let decision = Decision {
            outcomes: world.services.keys().cloned().zip(outcomes).collect(),
            usage: usage::usage(&world.pools, pass.ledger.used()),
        };
        (decision, lost_all)
    }

    fn settle(&mut self, service: &'a ServiceView, mut kept: Kept) -> Outcome {
        match &service.give_up {
            Ok(unwanted) if !unwanted.is_empty() => self.replace(service, unwanted, &mut kept),
            Ok(_) => {}
            Err(error) => kept.notes.push(Note::RequestIgnored(error.clone())),
        }
        let (added, notes) = match self.complete(service, kept.addresses) {
            Ok(complete) => complete,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        if let Err(taken) = self.ledger.enter(service, added) {
            return Outcome::Refused(taken.into());
        }
        let addresses = kept.addresses.iter().chain(added.iter()).collect();
        let notes = kept.notes.into_iter().chain(notes).collect();
        Outcome::Assigned(self.assignment(service, addresses, notes))
    }

    /// Exchanges addresses to be given up for others, all of them or none. They stay entered in this pass: nobody else
    /// gets an address before the Service is told of its new one.
    fn replace(&mut self, service: &'a ServiceView, unwanted: &BTreeSet<IpAddr>, kept: &mut Kept) {
        let goes = |address: &IpAddr| unwanted.contains(address) && !asks_for(service, *address);
        let (going, staying): (Vec<IpAddr>, Vec<IpAddr>) = kept.addresses.iter().partition(goes);
        let Some(first) = going.first() else {
            return;
        };
        let staying: Addresses = staying.into_iter().collect();
        let new = self.complete(service, staying).and_then(|(added, _)| {
            let lost = going
                .iter()
                .find(|address| added.of(Family::of(**address)).is_none());
            lost.map_or(Ok(added), |_| Err(Reason::NoAddress(Vec::new())))
        });
        match new.and_then(|added| Ok(self.ledger.enter(service, added).map(|()| added)?)) {
            Ok(added) => {
                kept.notes.retain(|note| !note.flags(&going));
                kept.addresses = staying.iter().chain(added.iter()).collect();
            }
            Err(why) => kept.notes.insert(0, Note::NoReplacement { address: *first, why }),
        }
    }

    /// The addresses to add to those that are kept, and what to say about it.
    fn complete(&self, service: &ServiceView, kept: Addresses) -> Result<(Addresses, Vec<Note>), Reason> {
        let families = service.families.clone().map_err(Reason::InvalidFamilies)?;
        let nothing_to_add = missing(families, kept).is_empty();
        match &service.asked {
            Err(error) if kept.is_empty() => Err(Reason::InvalidRequest(error.clone())),
            Err(error) => Ok((Addresses::default(), vec![Note::RequestIgnored(error.clone())])),
            Ok(Asked::Addresses(asked, pool)) => {
                let have = |address: &IpAddr| kept.iter().any(|kept| kept == *address);
                let wanting: Addresses = asked.iter().filter(|address| !have(address)).collect();
                self.requested(service, families, *asked, wanting, pool.as_ref())?;
                Ok((wanting, Vec::new()))
            }
            Ok(_) if nothing_to_add => Ok(Default::default()),
            Ok(Asked::Pool(name)) => {
                let pool = self
                    .world
                    .pools
                    .named(name)
                    .ok_or_else(|| Reason::UnknownPool(name.clone()))?;
                fill(&self.chooser(service, &[pool]), families, kept)
            }
            Ok(Asked::Anything) if self.world.pools.is_empty() && kept.is_empty() => Err(Reason::NoPools),
            Ok(Asked::Anything) => {
                // The second family suits best from the pool that the first is of.
                let own = kept.iter().find_map(|address| self.world.pools.owner(address));
                let chooser = self.chooser(service, &self.automatic).beginning_with(own);
                fill(&chooser.passing_over_manual_pools(), families, kept)
            }
        }
    }

    fn chooser<'b>(&'b self, service: &'b ServiceView, pools: &'b [&'b Pool]) -> Chooser<'b> {
        let had_before = self.given_back.get(&service.key).map_or(&[][..], Vec::as_slice);
        Chooser::new(self.world, &self.ledger, service, had_before, pools)
    }

    fn requested(
        &self,
        service: &ServiceView,
        families: Families,
        asked: Addresses,
        wanting: Addresses,
        pool: Option<&PoolName>,
    ) -> Result<(), Reason> {
        if Family::BOTH
            .iter()
            .any(|family| asked.of(*family).is_some() != families.include(*family))
        {
            return Err(Reason::FamilyMismatch {
                asked,
                wanted: families,
            });
        }
        for address in wanting.iter() {
            self.may_have(service, address, pool)?;
        }
        Ok(())
    }

    fn may_have(
        &self,
        service: &ServiceView,
        address: IpAddr,
        asked: Option<&PoolName>,
    ) -> Result<(), Reason> {
        if let Some(name) = asked
            && self.world.pools.named(name).is_none()
        {
            return Err(Reason::UnknownPool(name.clone()));
        }
        let owner = self
            .world
            .pools
            .owner(address)
            .ok_or(Reason::NotInAnyPool(address))?;
        if let Some(name) = asked
            && owner.name != *name
        {
            return Err(Reason::NotInPool {
                address,
                pool: name.clone(),
            });
        }
        if !owner.admits(&service.key.namespace, &service.labels, &self.world.namespaces) {
            return Err(Reason::NotAdmitted {
                address,
                pool: owner.name.clone(),
            });
        }
        self.ledger.check(service, address).map_err(Reason::from)
    }

    fn assignment(&self, service: &ServiceView, addresses: Addresses, notes: Vec<Note>) -> Assignment {
        let pool = |address| self.world.pools.owner(address).map(|pool| pool.name.clone());
        let pools = addresses
            .iter()
            .filter_map(|address| pool(address).or_else(|| service.allocated_from.clone()));
        Assignment {
            addresses,
            pools: pools.collect(),
            notes,
        }
    }
}

/// Services that ask for addresses by number come first, then those that wait longest; equals stay in the order of their names.
fn in_turn(services: &[&ServiceView], mut ours: Vec<usize>) -> Vec<usize> {
    ours.sort_by_key(|at| {
        let asks = matches!(services[*at].asked, Ok(Asked::Addresses(..)));
        (!asks, services[*at].created_unix_seconds)
    });
    ours
}

/// The families of which an address is still wanted.
fn missing(families: Families, kept: Addresses) -> Vec<Family> {
    Family::BOTH
        .into_iter()
        .filter(|family| families.include(*family) && kept.of(*family).is_none())
        .collect()
}

/// Adds what is missing to what is kept; a preferred second family may stay missing.
fn fill(
    chooser: &Chooser<'_>,
    families: Families,
    kept: Addresses,
) -> Result<(Addresses, Vec<Note>), Reason> {
    let lacks = |family, tried: Tried| Note::Lacks {
        family,
        why: Reason::NoAddress(tried),
    };
    if kept.is_empty() {
        let added = chooser.new_addresses(families).map_err(Reason::NoAddress)?;
        let still = missing(families, added).into_iter();
        let notes = still.filter_map(|family| chooser.one(family).err().map(|tried| lacks(family, tried)));
        return Ok((added, notes.collect()));
    }
    let (mut added, mut notes) = (Addresses::default(), Vec::new());
    for family in missing(families, kept) {
        match chooser.one(family) {
            Ok(address) => added.set(address),
            Err(tried) if families == Families::Both => return Err(Reason::NoAddress(tried)),
            Err(tried) => notes.push(lacks(family, tried)),
        }
    }
    Ok((added, notes))
}

#[cfg(test)]
mod tests;
