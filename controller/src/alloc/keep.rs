//! The first pass: what Services keep of their status.

use std::net::IpAddr;

use ferrolb_crds::domain::{Addresses, Asked, Family, ServiceView};

use super::decide::Pass;
use super::ledger::Taken;
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
            let service = services[*at];
            let since = service.assigned_since_unix_seconds.unwrap_or(i64::MAX);
            let changed = self.world.changed.contains(&service.key);
            (changed, since, service.created_unix_seconds)
        });
        let mut kept: Vec<Kept> = services.iter().map(|_| Kept::default()).collect();
        for at in claims {
            kept[at] = self.keep_one(services[at]);
        }
        kept
    }

    fn keep_one(&mut self, service: &'a ServiceView) -> Kept {
        let mut kept = Kept::default();
        let Ok(families) = service.families else {
            return kept;
        };
        let wanted: Addresses = service
            .ingress
            .iter()
            .filter(|address| families.include(Family::of(*address)))
            .collect();
        if !asks_for_these(service, wanted) {
            return kept;
        }
        for address in wanted.iter() {
            let Some(notes) = self.keepable(service, address) else {
                continue;
            };
            match self.ledger.enter(service, [address].into_iter().collect()) {
                Ok(()) => {
                    kept.addresses.set(address);
                    kept.notes.extend(notes);
                }
                Err(Taken { address, by, why }) => kept.notes.push(Note::Lost { address, to: by, why }),
            }
        }
        kept
    }

    /// What is odd about an address in use, or none if it cannot be kept: it never was ours and does not
    /// satisfy the rules, or it is not of the pool asked for.
    fn keepable(&self, service: &ServiceView, address: IpAddr) -> Option<Option<Note>> {
        let is_foreign = self.world.foreign.contains(&(service.key.clone(), address));
        let ours = service.allocated_from.as_ref().filter(|_| !is_foreign);
        let owner = self.world.pools.owner(address);
        if let Ok(Asked::Pool(asked)) = &service.asked
            && owner.map(|pool| &pool.name).or(ours) != Some(asked)
        {
            return None;
        }
        let note = match owner {
            None => Some(Note::OutsidePools { address }),
            Some(pool) if !pool.admits(&service.key.namespace, &service.labels, &self.world.namespaces) => {
                Some(Note::NoLongerAdmitted {
                    address,
                    pool: pool.name.clone(),
                })
            }
            Some(pool) if pool.avoids(address) && !asks_for(service, address) => Some(Note::NowAvoided {
                address,
                pool: pool.name.clone(),
            }),
            Some(_) => None,
        };
        (note.is_none() || ours.is_some()).then_some(note)
    }
}

/// Whether the Service asks for nothing else than these addresses.
fn asks_for_these(service: &ServiceView, current: Addresses) -> bool {
    match &service.asked {
        Ok(Asked::Addresses(asked, _)) => *asked == current,
        _ => true,
    }
}

pub(super) fn asks_for(service: &ServiceView, address: IpAddr) -> bool {
    matches!(&service.asked, Ok(Asked::Addresses(asked, _)) if asked.iter().any(|one| one == address))
}
