//! Where a peer is.

use std::fmt;
use std::net::IpAddr;

use super::{InterfaceName, Invalid, ip, said};
use crate::api::BGPPeerSpec;

/// Where a peer is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PeerPlace {
    /// At this address.
    Address(IpAddr),
    /// Behind this interface of each node: found by its router advertisements, and dialled at its link-local address.
    Interface(InterfaceName),
}

impl PeerPlace {
    pub(super) fn parse(spec: &BGPPeerSpec) -> Result<Self, Invalid> {
        let interface = said(spec.interface.as_deref());
        match (ip("spec.peerAddress", spec.peer_address.as_deref())?, interface) {
            (Some(address), None) => Ok(Self::Address(address)),
            (Some(_), Some(interface)) => {
                let why = format!("{interface} is given beside spec.peerAddress; only one may be");
                Err(Invalid::new("spec.interface", why))
            }
            (None, Some(interface)) => Ok(Self::Interface(interface.into())),
            (None, None) => Err(Invalid::new(
                "spec.peerAddress",
                "neither it nor spec.interface is given",
            )),
        }
    }

    /// Refuses what cannot be done with a peer that is there.
    pub(super) fn suits(&self, spec: &BGPPeerSpec, source: Option<IpAddr>) -> Result<(), Invalid> {
        let beside = |field| {
            Err(Invalid::new(
                field,
                "is given beside spec.interface; only one may be",
            ))
        };
        match (self, source) {
            (Self::Address(address), Some(source)) if source.is_ipv4() != address.is_ipv4() => {
                let why = format!("{source} is not of the family of spec.peerAddress {address}");
                Err(Invalid::new("spec.sourceAddress", why))
            }
            (Self::Address(_), _) => Ok(()),
            (Self::Interface(_), Some(_)) => beside("spec.sourceAddress"),
            (Self::Interface(_), None) if spec.ebgp_multi_hop == Some(true) => beside("spec.ebgpMultiHop"),
            (Self::Interface(_), None) => Ok(()),
        }
    }
}

impl fmt::Display for PeerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Interface(interface) => interface.fmt(f),
        }
    }
}
