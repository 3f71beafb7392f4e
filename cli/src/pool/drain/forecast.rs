//! Where Services would move to: the controller's own decision, one Service after the other.

use std::sync::Arc;

use ferrolb_controller::alloc::{self, Decision, GivenBack, Note, Outcome, World};
use ferrolb_crds::domain::{Origins, ServiceView};

use super::fate::Fate;
use super::select::Leaving;

/// What would become of each, in this order.
pub(super) fn forecast(mut world: World, leaving: &[Leaving]) -> Vec<Fate> {
    let decision = alloc::decide(&world);
    write(&mut world, &decision);
    leaving.iter().map(|one| exchange(&mut world, one)).collect()
}

fn exchange(world: &mut World, leaving: &Leaving) -> Fate {
    if leaving.asked_for {
        return Fate::AskedFor;
    }
    change(world, leaving, |service| {
        service.give_up = Ok(leaving.addresses.clone());
    });
    let decision = alloc::decide(world);
    write(world, &decision);
    change(world, leaving, |service| service.give_up = Ok(Default::default()));
    let outcome = &decision.outcomes[&leaving.service];
    if let Outcome::Assigned(assignment) = outcome {
        let none = |note: &&Note| matches!(note, Note::NoReplacement { .. });
        if let Some(note) = assignment.notes.iter().find(none) {
            return Fate::NoReplacement(note.to_string());
        }
    }
    let service = &world.services[&leaving.service];
    let last = GivenBack::by(service);
    let moved = Fate::Moved(service.ingress);
    let cooling = leaving.addresses.iter().map(|address| (*address, last.clone()));
    world.cooling.extend(cooling);
    moved
}

fn change(world: &mut World, leaving: &Leaving, change: impl FnOnce(&mut ServiceView)) {
    if let Some(service) = world.services.get_mut(&leaving.service) {
        change(Arc::make_mut(service));
    }
}

/// The world once the controller has written its decision.
fn write(world: &mut World, decision: &Decision) {
    for (key, outcome) in &decision.outcomes {
        let (Outcome::Assigned(assignment), Some(service)) = (outcome, world.services.get_mut(key)) else {
            continue;
        };
        if service.ingress != assignment.addresses {
            let service = Arc::make_mut(service);
            service.ingress = assignment.addresses;
            service.allocated_from = Origins::of(&assignment.pools);
        }
    }
}

#[cfg(test)]
mod tests;
