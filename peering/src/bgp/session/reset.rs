//! Which change of a peer's specification needs a new session.

use std::fmt;

use strum::VariantArray;

use super::spec::PeerSpec;

/// Something in the OPEN or on the socket that changed, so that the session has to begin anew.
///
/// Everything else never touches a session: routes, communities, BFD, the host name. A new hold or keepalive time counts
/// from the next OPEN on.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, VariantArray)]
pub enum ResetCause {
    /// The own AS, or the one shown to the peer.
    Asn,
    /// The peer's AS.
    PeerAsn,
    /// The BGP identifier.
    RouterId,
    /// The families.
    Families,
    /// Graceful restart, on or off, or its time.
    GracefulRestart,
    /// The peer's address or interface.
    Address,
    /// The peer's port.
    Port,
    /// The VRF.
    Vrf,
    /// The own address.
    Source,
    /// The password.
    Password,
    /// One hop or several.
    Multihop,
    /// Whether the peer has to show that it is one hop away.
    TtlSecurity,
}

impl ResetCause {
    fn applies(self, old: &PeerSpec, new: &PeerSpec) -> bool {
        let (from, to) = (&old.endpoint, &new.endpoint);
        match self {
            Self::Asn => (old.asn, old.shown_asn) != (new.asn, new.shown_asn),
            Self::PeerAsn => old.peer_asn != new.peer_asn,
            Self::RouterId => old.router_id != new.router_id,
            Self::Families => old.families != new.families,
            Self::GracefulRestart => old.graceful_restart != new.graceful_restart,
            Self::Address => (&from.address, &from.interface) != (&to.address, &to.interface),
            Self::Port => from.port != to.port,
            Self::Vrf => from.vrf != to.vrf,
            Self::Source => from.source != to.source,
            Self::Password => from.password != to.password,
            Self::Multihop => from.multihop != to.multihop,
            Self::TtlSecurity => from.ttl_security != to.ttl_security,
        }
    }
}

impl fmt::Display for ResetCause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Asn => "own AS",
            Self::PeerAsn => "peer's AS",
            Self::RouterId => "router ID",
            Self::Families => "address families",
            Self::GracefulRestart => "graceful restart",
            Self::Address => "peer's address or interface",
            Self::Port => "peer's port",
            Self::Vrf => "VRF",
            Self::Source => "source address",
            Self::Password => "password",
            Self::Multihop => "multihop",
            Self::TtlSecurity => "TTL security",
        })
    }
}

/// What in this change needs a new session; empty if the session goes on.
pub fn reset_causes(old: &PeerSpec, new: &PeerSpec) -> Vec<ResetCause> {
    let all = ResetCause::VARIANTS.iter().copied();
    all.filter(|cause| cause.applies(old, new)).collect()
}

/// Whether the new times count only from the next OPEN on.
pub fn waits_for_reset(old: &PeerSpec, new: &PeerSpec) -> bool {
    (old.hold, old.keepalive) != (new.hold, new.keepalive)
}

#[cfg(test)]
mod tests;
