//! The three passes: keep, asked for, new.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{
    Addresses, Asked, Families, Family, PoolName, Reason, Scope, ServiceKey, ServiceView, Tried,
};

use super::World;
use super::alike::Refusals;
use super::choose::{Chooser, Reach, reused};
use super::keep::Kept;
use super::ledger::{Claim, Ledger, Numbered};
use super::others::Others;
use super::outcome::{Assignment, Note, Outcome};
use super::usage::{self, Usage};

/// Addresses that are withheld because another station has them; with so many no Service gives one up for that.
const MOST_TAKEN: usize = 16;

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
    Pass::new(world).run()
}

pub(super) struct Pass<'a> {
    pub(super) world: &'a World,
    pub(super) ledger: Ledger<'a>,
    pub(super) others: Others<'a>,
    given_back: BTreeMap<&'a ServiceKey, Vec<IpAddr>>,
    pub(super) reaches: &'static [Reach],
    /// Plain pools and pools made for somebody, in the order in which they are tried.
    automatic: Vec<Numbered<'a>>,
    refusals: Refusals<'a>,
}

impl<'a> Pass<'a> {
    fn new(world: &'a World) -> Self {
        let mut given_back: BTreeMap<&ServiceKey, Vec<IpAddr>> = BTreeMap::new();
        for (address, last) in &world.cooling {
            given_back.entry(&last.by).or_default().push(*address);
        }
        let numbered = world.pools.iter().enumerate();
        let mut automatic: Vec<Numbered<'_>> = numbered.filter(|(_, pool)| pool.auto_assign).collect();
        // A pool made for somebody comes before the plain ones, even if it is made for everybody.
        automatic.sort_by_key(|(position, pool)| {
            (
                pool.scope.is_none(),
                pool.scope.as_ref().map(Scope::turn),
                *position,
            )
        });
        Self {
            world,
            ledger: Ledger::new(&world.pools),
            others: Others::new(world),
            given_back,
            reaches: Reach::all(world),
            automatic,
            refusals: Refusals::new(world),
        }
    }

    fn run(mut self) -> Decision {
        let world = self.world;
        let is_ours = |view: &ServiceView| view.class.is_ours(world.class.as_deref());
        let services: Vec<&ServiceView> = world.services.values().map(|view| &**view).collect();
        let ours: Vec<usize> = (0..services.len()).filter(|at| is_ours(services[*at])).collect();
        let mut kept = self.keep(&services, ours.iter().copied());
        for (address, owner) in &world.unreadable {
            self.ledger.close(*address, owner);
        }
        let mut outcomes = vec![Outcome::NotOurs; services.len()];
        for at in in_turn(&services, ours) {
            outcomes[at] = self.settle(services[at], std::mem::take(&mut kept[at]));
        }
        Decision {
            outcomes: world.services.keys().cloned().zip(outcomes).collect(),
            usage: usage::usage(&world.pools, &self.ledger, &self.others),
        }
    }

    /// What is kept is refused to nobody: a wish that cannot be met is said, and costs nothing.
    fn settle(&mut self, service: &'a ServiceView, mut kept: Kept) -> Outcome {
        let has_nothing = kept.addresses.is_empty() && !self.given_back.contains_key(&service.key);
        let terms = self.refusals.terms(service).filter(|_| has_nothing);
        if let Some(why) = terms.as_ref().and_then(|terms| self.refusals.of(terms)) {
            return Outcome::Refused(left_alone(service, why.clone()));
        }
        let exchanged = self.exchange(service, &mut kept);
        let asks_in_vain = exchanged.is_err() && matches!(service.asked, Ok(Asked::Addresses(..)));
        // First, since it is the owner's own doing: the condition takes its reason from there.
        kept.notes.splice(0..0, exchanged.err());
        let added = match asks_in_vain {
            true => Ok((Addresses::default(), Vec::new())),
            false => self.complete(service, kept.addresses),
        };
        match added.and_then(|(added, notes)| Ok((self.take(service, added)?, notes))) {
            Ok((added, notes)) => {
                kept.addresses = kept.addresses.iter().chain(added.iter()).collect();
                kept.notes.extend(notes);
            }
            Err(why) if kept.addresses.is_empty() => {
                if let Some(terms) = terms {
                    self.refusals.note(terms, &why);
                }
                return Outcome::Refused(left_alone(service, why));
            }
            Err(why) => kept.notes.push(Note::RequestIgnored(why)),
        }
        Outcome::Assigned(self.assignment(service, kept))
    }

    /// Exchanges addresses that are not as wished, or to be given up, for others: all of them or none. They stay entered
    /// in this pass: nobody else gets an address before the Service is told of its new one.
    fn exchange(&mut self, service: &'a ServiceView, kept: &mut Kept) -> Result<(), Note> {
        let given_up = match &service.give_up {
            Ok(given_up) => given_up,
            Err(error) => return Err(Note::RequestIgnored(Reason::InvalidRequest(error.clone()))),
        };
        let world = self.world;
        let gives_up = |address: &IpAddr| given_up.contains(address) || is_taken(world, service, *address);
        let goes = |address: &IpAddr| match self.is_as_wished(service, *address) {
            true => gives_up(address) && !service.asks_for(*address),
            false => true,
        };
        let (going, staying): (Vec<IpAddr>, Vec<IpAddr>) = kept.addresses.iter().partition(goes);
        let Some(first) = going.first() else {
            return Ok(());
        };
        let staying: Addresses = staying.into_iter().collect();
        let new = self.complete(service, staying).and_then(|(added, notes)| {
            let is_replaced = |address: &IpAddr| added.of(Family::of(*address)).is_some();
            match going.iter().all(is_replaced) {
                true => self.take(service, added),
                false => Err(lacking(notes)),
            }
        });
        match new {
            Ok(added) => {
                kept.notes.retain(|note| !note.flags(&going));
                kept.addresses = staying.iter().chain(added.iter()).collect();
                let taken = going.iter().filter(|address| is_taken(world, service, **address));
                kept.notes
                    .extend(taken.map(|address| Note::Exchanged { address: *address }));
                Ok(())
            }
            Err(why) if gives_up(first) => Err(Note::NoReplacement { address: *first, why }),
            Err(why) => Err(Note::RequestIgnored(why)),
        }
    }

    /// Whether an address in use is one that the Service asks for, as far as that can be read.
    fn is_as_wished(&self, service: &ServiceView, address: IpAddr) -> bool {
        match &service.asked {
            Ok(Asked::Anything) | Err(_) => true,
            Ok(Asked::Addresses(..)) => service.asks_for(address),
            Ok(Asked::Pool(asked)) => {
                let owner = self.world.pools.owner(address).map(|pool| &pool.name);
                owner.or(service.origin(address)) == Some(asked)
            }
        }
    }

    fn take(&mut self, service: &'a ServiceView, addresses: Addresses) -> Result<Addresses, Reason> {
        self.ledger.enter(service, addresses, Claim::New)?;
        Ok(addresses)
    }

    /// The addresses to add to those that are kept, and what to say about it.
    fn complete(&self, service: &ServiceView, kept: Addresses) -> Result<(Addresses, Vec<Note>), Reason> {
        let families = service.families.clone().map_err(Reason::InvalidFamilies)?;
        let nothing_to_add = missing(families, kept).is_empty();
        match &service.asked {
            Err(error) => Err(Reason::InvalidRequest(error.clone())),
            Ok(Asked::Addresses(asked, pool)) => {
                let wanting: Addresses = asked.iter().filter(|address| !kept.contains(*address)).collect();
                self.requested(service, families, *asked, wanting, pool.as_ref())?;
                Ok((wanting, Vec::new()))
            }
            Ok(_) if nothing_to_add => Ok(Default::default()),
            Ok(Asked::Pool(name)) => {
                let position = self.world.pools.position(name);
                let position = position.ok_or_else(|| Reason::UnknownPool(name.clone()))?;
                let pool = (position, self.world.pools.at(position));
                fill(&self.chooser(service, &[pool]), families, kept)
            }
            Ok(Asked::Anything) if self.world.pools.is_empty() && kept.is_empty() => Err(Reason::NoPools),
            Ok(Asked::Anything) => {
                // The second family suits best from the pool that the first is of.
                let own = |address| self.world.pools.owner_position(address);
                let chooser = Chooser {
                    first: kept.iter().find_map(own),
                    names_manual: true,
                    ..self.chooser(service, &self.automatic)
                };
                fill(&chooser, families, kept)
            }
        }
    }

    fn chooser<'b>(&'b self, service: &'b ServiceView, pools: &'b [Numbered<'b>]) -> Chooser<'b> {
        Chooser {
            pass: self,
            service,
            had_before: self.given_back.get(&service.key).map_or(&[][..], Vec::as_slice),
            pools,
            first: None,
            names_manual: false,
        }
    }

    fn requested(
        &self,
        service: &ServiceView,
        families: Families,
        asked: Addresses,
        wanting: Addresses,
        pool: Option<&PoolName>,
    ) -> Result<(), Reason> {
        let differs = |family: &Family| asked.of(*family).is_some() != families.include(*family);
        if Family::BOTH.iter().any(differs) {
            let wanted = families;
            return Err(Reason::FamilyMismatch { asked, wanted });
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
        let pools = &self.world.pools;
        if let Some(name) = asked.filter(|name| pools.named(name).is_none()) {
            return Err(Reason::UnknownPool(name.clone()));
        }
        let owner = pools.owner(address).ok_or(Reason::NotInAnyPool(address))?;
        if let Some(pool) = asked.filter(|name| owner.name != **name).cloned() {
            return Err(Reason::NotInPool { address, pool });
        }
        if !self.world.admits(owner, service) {
            let pool = owner.name.clone();
            return Err(Reason::NotAdmitted { address, pool });
        }
        if let Some(by) = self.others.forbids(&service.key, Some(owner), address) {
            let by = by.clone();
            return Err(Reason::Occupied { address, by });
        }
        self.ledger
            .check(service, address, Claim::New)
            .map_err(Reason::from)
    }

    fn assignment(&self, service: &ServiceView, Kept { addresses, mut notes }: Kept) -> Assignment {
        notes.extend(addresses.iter().filter_map(|address| {
            let by = self.others.uses_too(&service.key, address)?.clone();
            Some(Note::UsedElsewhere { address, by })
        }));
        let reused = |address| reused(self.world, service, address);
        notes.extend(addresses.iter().filter_map(reused));
        let owner = |address| self.world.pools.owner(address).map(|pool| &pool.name);
        let pool = |address| owner(address).or(service.origin(address)).cloned();
        let pools = addresses.iter().filter_map(pool);
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

/// Whether the address was never announced, because another station has it, and another is worth trying: where so many
/// are taken, some station answers for all that it hears asked for.
fn is_taken(world: &World, service: &ServiceView, address: IpAddr) -> bool {
    service.taken.contains(address) && world.taken.len() < MOST_TAKEN
}

/// The families of which an address is still wanted.
fn missing(families: Families, kept: Addresses) -> Vec<Family> {
    Family::BOTH
        .into_iter()
        .filter(|family| families.include(*family) && kept.of(*family).is_none())
        .collect()
}

/// Adds what is missing to what is kept; where something is, the rest may stay missing.
fn fill(
    chooser: &Chooser<'_>,
    families: Families,
    kept: Addresses,
) -> Result<(Addresses, Vec<Note>), Reason> {
    let lacks = |family, tried: Arc<Tried>| Note::Lacks {
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
            Err(tried) => notes.push(lacks(family, tried)),
        }
    }
    Ok((added, notes))
}

/// Why not all was to be had.
fn lacking(notes: Vec<Note>) -> Reason {
    let why = |note| match note {
        Note::Lacks { why, .. } => Some(why),
        _ => None,
    };
    notes
        .into_iter()
        .find_map(why)
        .unwrap_or_else(|| Reason::NoAddress(Arc::default()))
}

/// What another implementation wrote stays in the status of a Service for which there is nothing else.
fn left_alone(service: &ServiceView, why: Reason) -> Reason {
    if service.is_written_by_us() || service.ingress.is_empty() {
        return why;
    }
    why.leaving(service.ingress)
}

#[cfg(test)]
mod tests;
