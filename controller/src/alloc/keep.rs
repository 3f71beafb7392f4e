//! The first pass: what Services keep of their status.

use std::net::IpAddr;

use ferrolb_crds::domain::{Addresses, Family, Reason, ServiceView};

use super::decide::Pass;
use super::ledger::Claim;
use super::outcome::Note;

/// What a Service keeps of its status.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) addresses: Addresses,
    pub(super) notes: Vec<Note>,
}

impl<'a> Pass<'a> {
    /// Enters the addresses in use, the older claim first; who changed the terms of sharing comes after
    /// those who did not. `services` are in the order of their names, and so is what is returned.
    pub(super) fn keep(
        &mut self,
        services: &[&'a ServiceView],
        ours: impl Iterator<Item = usize>,
    ) -> Vec<Kept> {
        let mut claims: Vec<usize> = ours.filter(|at| !services[*at].ingress.is_empty()).collect();
        claims.sort_by_key(|at| {
            let changed = self.world.changed.contains(&services[*at].key);
            (
                changed,
                claimed_since(services[*at]),
                services[*at].created_unix_seconds,
            )
        });
        let mut kept: Vec<Kept> = services.iter().map(|_| Kept::default()).collect();
        for at in claims {
            kept[at] = self.keep_one(services[at]);
        }
        kept
    }

    /// Whatever a Service asks for by now, it keeps what we gave it. What others wrote into its status counts for
    /// nothing, even if it lies in a pool.
    fn keep_one(&mut self, service: &'a ServiceView) -> Kept {
        let mut kept = Kept::default();
        let wanted = |address: &IpAddr| {
            let families = service.families.as_ref();
            families.map_or(true, |families| families.include(Family::of(*address)))
        };
        for address in service.ingress.iter().filter(wanted) {
            if !self.is_from_us(service, address) {
                kept.notes.extend(self.conflict(service, address));
                continue;
            }
            match self.enter_held(service, address) {
                Ok(()) => {
                    kept.addresses.set(address);
                    kept.notes.extend(self.oddity(service, address));
                }
                Err(why) => kept.notes.push(Note::Lost { address, why }),
            }
        }
        kept
    }

    fn enter_held(&mut self, service: &'a ServiceView, address: IpAddr) -> Result<(), Reason> {
        let owner = self.world.pools.owner(address);
        if let Some(by) = self.others.forbids_keeping(owner, address) {
            let by = by.clone();
            return Err(Reason::Occupied { address, by });
        }
        let address = [address].into_iter().collect();
        Ok(self.ledger.enter(service, address, Claim::Held)?)
    }

    /// What to say of an address that somebody else wrote although another Service has it.
    fn conflict(&self, service: &ServiceView, address: IpAddr) -> Option<Note> {
        let taken = self.ledger.check(service, address, Claim::Held).err()?;
        let why = taken.into();
        service.is_written_by_us().then_some(Note::Lost { address, why })
    }

    /// Whether we gave the Service this address. Outside of every pool the annotation must say where it is from.
    fn is_from_us(&self, service: &ServiceView, address: IpAddr) -> bool {
        let is_foreign = || self.world.foreign.contains(&(service.key.clone(), address));
        let has_origin = || service.origin(address).is_some() || self.world.pools.owner(address).is_some();
        service.is_written_by_us() && !is_foreign() && has_origin()
    }

    /// What is odd about an address in use.
    fn oddity(&self, service: &ServiceView, address: IpAddr) -> Option<Note> {
        match self.world.pools.owner(address) {
            None => Some(Note::OutsidePools { address }),
            Some(owner) if !self.world.admits(owner, service) => {
                let pool = owner.name.clone();
                Some(Note::NoLongerAdmitted { address, pool })
            }
            Some(owner) if !service.asks_for(address) => {
                let (why, pool) = (self.others.avoids(owner, address)?, owner.name.clone());
                Some(Note::NowAvoided { address, pool, why })
            }
            Some(_) => None,
        }
    }
}

/// Since when a Service has its addresses, by its condition. It cannot have had them before it existed, whatever is
/// written there.
fn claimed_since(service: &ServiceView) -> i64 {
    let created = match service.created_unix_seconds {
        i64::MAX => i64::MIN,
        known => known,
    };
    service
        .assigned_since_unix_seconds
        .map_or(i64::MAX, |since| since.max(created))
}
