//! How far a Service has got that is to give addresses up.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ferrolb_crds::api::Condition;
use ferrolb_crds::api::core::Service;
use ferrolb_crds::domain::{ServiceClass, ServiceView};
use ferrolb_crds::names::{CONDITION_ASSIGNED, GIVE_UP};
use kube::ResourceExt;

use super::fate::Fate;

/// The controller's reason for keeping an address that was to be given up.
const NO_REPLACEMENT: &str = "NoReplacement";

/// Whether the Service can be asked to give the addresses up, or why it need not; none while the condition still
/// speaks of an earlier time that it was asked.
pub(super) fn beginning(service: Option<&Service>, addresses: &BTreeSet<IpAddr>) -> Option<Result<(), Fate>> {
    let Some(service) = service.filter(|one| holds_any(&ServiceView::read(one), addresses)) else {
        return Some(Err(Fate::NothingLeft));
    };
    let asked_already = service.annotations().contains_key(GIVE_UP);
    (asked_already || no_replacement(service).is_none()).then_some(Ok(()))
}

/// How it ended, once it has, for a Service that was asked to give the addresses up.
pub(super) fn end(service: Option<&Service>, addresses: &BTreeSet<IpAddr>) -> Option<Fate> {
    let Some(service) = service else {
        return Some(Fate::NothingLeft);
    };
    let view = ServiceView::read(service);
    if view.class == ServiceClass::NotLoadBalancer {
        return Some(Fate::NothingLeft);
    }
    if !holds_any(&view, addresses) {
        // In between, as while it changes its class, it may hold nothing.
        return (!view.ingress.is_empty()).then_some(Fate::Moved(view.ingress));
    }
    no_replacement(service).map(|condition| Fate::NoReplacement(condition.message.clone()))
}

fn holds_any(view: &ServiceView, addresses: &BTreeSet<IpAddr>) -> bool {
    view.ingress.iter().any(|address| addresses.contains(&address))
}

fn no_replacement(service: &Service) -> Option<&Condition> {
    let assigned = service.condition(CONDITION_ASSIGNED);
    assigned.filter(|one| one.reason == NO_REPLACEMENT)
}

#[cfg(test)]
mod tests;
