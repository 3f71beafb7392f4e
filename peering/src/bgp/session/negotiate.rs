//! The OPEN that is sent, and what follows from the one that comes (RFC 4271 section 6.2).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::Start;
use super::report::Negotiated;
use super::spec::{Hold, NextHops, PeerAsn, PeerSpec};
use crate::bgp::Asn;
use crate::bgp::wire::{Capabilities, GracefulRestart, KeptFamily, Notification, Open, open_error};
use crate::prefix::Family;

/// The families to offer.
fn offered(spec: &PeerSpec) -> BTreeSet<Family> {
    match spec.families.is_empty() {
        true => BTreeSet::from([Family::V4]),
        false => spec.families.clone(),
    }
}

/// The OPEN to send. IPv4 routes over IPv6 are offered where there is no IPv4 next hop.
pub(super) fn open(spec: &PeerSpec, start: Option<Start>, next_hops: NextHops) -> Open {
    let families = offered(spec);
    let kept = families.iter().map(|&family| KeptFamily {
        family,
        // On a cold start nothing was forwarded: the peer is to drop what it has (RFC 4724 section 4.2).
        forwarding: start != Some(Start::Cold),
    });
    let graceful_restart = spec.graceful_restart.map(|time| GracefulRestart {
        restarted: start == Some(Start::Restarted),
        notifications: false,
        time,
        families: kept.collect(),
    });
    Open {
        asn: spec.own_asn(),
        hold: spec.hold.seconds(),
        identifier: spec.router_id,
        capabilities: Capabilities {
            extended_next_hop: families.contains(&Family::V4) && next_hops.v4.is_none(),
            families,
            route_refresh: true,
            extended_messages: true,
            graceful_restart,
            four_octets: Some(spec.own_asn()),
            host_name: spec.host_name.clone().filter(|name| !name.is_empty()),
            other: BTreeSet::new(),
        },
    }
}

/// What both ends agree on.
///
/// # Errors
///
/// If they cannot.
pub(super) fn agree(spec: &PeerSpec, ours: &Open, theirs: Open) -> Result<Negotiated, Notification> {
    let internal = check_asn(spec, theirs.asn)?;
    let is_own = internal && theirs.identifier == spec.router_id;
    // RFC 6286 section 2.
    if theirs.identifier == Ipv4Addr::UNSPECIFIED || is_own {
        return Err(Notification::new(open_error::BAD_IDENTIFIER));
    }
    let hold = Hold::new(theirs.hold).ok_or_else(|| Notification::new(open_error::HOLD_TIME))?;
    let hold = spec.hold.agree(hold);
    let (ours, theirs_can) = (&ours.capabilities, theirs.capabilities);
    let carried = theirs_can.carried();
    let families: BTreeSet<Family> = ours.families.intersection(&carried).copied().collect();
    if families.is_empty() {
        return Err(Notification::with(
            open_error::CAPABILITY,
            ours.family_capabilities(),
        ));
    }
    let kept = match (&ours.graceful_restart, theirs_can.graceful_restart) {
        // Whether it keeps the routes of a family, it does not say: the capability alone says that it can help.
        (Some(_), Some(_)) => families.clone(),
        _ => BTreeSet::new(),
    };
    Ok(Negotiated {
        peer_asn: theirs.asn,
        internal,
        peer_id: theirs.identifier,
        peer_name: theirs_can.host_name,
        hold,
        keepalive: keepalive(spec, hold),
        families,
        four_octets: theirs_can.four_octets.is_some(),
        extended_messages: ours.extended_messages && theirs_can.extended_messages,
        extended_next_hop: ours.extended_next_hop && theirs_can.extended_next_hop,
        kept,
    })
}

/// Whether the peer is internal.
fn check_asn(spec: &PeerSpec, asn: Asn) -> Result<bool, Notification> {
    let internal = asn == spec.own_asn();
    let right = match spec.peer_asn {
        PeerAsn::Is(expected) => asn == expected,
        PeerAsn::Internal => internal,
        PeerAsn::External => !internal,
    };
    match right && asn != Asn(0) {
        true => Ok(internal),
        false => Err(Notification::new(open_error::BAD_PEER_AS)),
    }
}

/// A third of the hold time (RFC 4271 section 10), or less if that is wanted.
fn keepalive(spec: &PeerSpec, hold: Hold) -> Option<Duration> {
    let third = hold.time()? / 3;
    let wanted = spec.keepalive.filter(|wanted| !wanted.is_zero());
    Some(wanted.map_or(third, |wanted| wanted.min(third)))
}
