//! What one peer is to be.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::super::Asn;
use crate::prefix::Family;

/// The AS that a peer must say in its OPEN.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PeerAsn {
    /// This one.
    Is(Asn),
    /// The own one, whatever it is (`dynamicASN: internal`).
    Internal,
    /// Any but the own one (`dynamicASN: external`).
    External,
}

impl fmt::Display for PeerAsn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(asn) => asn.fmt(formatter),
            Self::Internal => formatter.write_str("internal"),
            Self::External => formatter.write_str("external"),
        }
    }
}

/// A hold time that may stand in an OPEN: zero, which means no keepalives and no hold timer, or at least three seconds
/// (RFC 4271 section 4.2).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Hold(u16);

impl Hold {
    /// 90 seconds, which RFC 4271 section 10 suggests.
    pub const DEFAULT: Self = Self(90);

    /// A hold time in seconds; none of 1 and 2.
    pub const fn new(seconds: u16) -> Option<Self> {
        match seconds {
            1 | 2 => None,
            seconds => Some(Self(seconds)),
        }
    }

    /// In seconds.
    pub const fn seconds(self) -> u16 {
        self.0
    }

    /// None if there is no hold timer.
    pub fn time(self) -> Option<Duration> {
        (self.0 > 0).then(|| Duration::from_secs(self.0.into()))
    }

    /// The lesser of both, where zero is the least (RFC 4271 section 4.2).
    pub fn agree(self, other: Self) -> Self {
        self.min(other)
    }
}

/// A secret that both ends put into each segment of TCP (RFC 2385). Not shown by `Debug`.
#[derive(Clone, Eq, PartialEq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

/// Where and how the shell dials. The session looks at it only to know which change needs a new connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// The peer's address. None if the shell learns it from the router's advertisements on the interface.
    pub address: Option<IpAddr>,
    /// TCP port, 179 by default.
    pub port: u16,
    /// The interface of a peer without an address.
    pub interface: Option<String>,
    /// The VRF to dial in.
    pub vrf: Option<String>,
    /// The own address, if the kernel shall not choose it.
    pub source: Option<IpAddr>,
    /// The password of TCP MD5.
    pub password: Option<Password>,
    /// An external peer may be more than one hop away.
    pub multihop: bool,
    /// The peer has to show that it is one hop away (RFC 5082).
    pub ttl_security: bool,
}

impl Endpoint {
    /// Port 179 of an address, one hop away, without a password.
    pub const fn new(address: IpAddr) -> Self {
        Self {
            address: Some(address),
            port: 179,
            interface: None,
            vrf: None,
            source: None,
            password: None,
            multihop: false,
            ttl_security: false,
        }
    }

    /// Port 179 of the router behind an interface.
    pub fn behind(interface: &str) -> Self {
        Self {
            address: None,
            interface: Some(interface.to_owned()),
            ..Self::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
        }
    }
}

/// What one peer is to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerSpec {
    /// The own AS (`myASN`).
    pub asn: Asn,
    /// The AS shown to this peer instead of the own one (`localASN`): then the path is this one alone.
    pub shown_asn: Option<Asn>,
    /// The peer's AS.
    pub peer_asn: PeerAsn,
    /// The own BGP identifier. Not zero, and another one on each node (RFC 6286).
    pub router_id: Ipv4Addr,
    /// The families to offer. An empty set is taken as IPv4, which a peer without the capability assumes (RFC 4760).
    pub families: BTreeSet<Family>,
    /// The hold time to offer.
    pub hold: Hold,
    /// Time between keepalives, if it is to be less than a third of the agreed hold time.
    pub keepalive: Option<Duration>,
    /// The longest wait between two attempts to connect.
    pub connect: Duration,
    /// For how long the peer keeps the routes while this process restarts, in whole seconds up to 4095 (RFC 4724). None: it
    /// does not.
    pub graceful_restart: Option<Duration>,
    /// The node's name, which routers then show (capability 73). At most 64 bytes are said.
    pub host_name: Option<String>,
    /// Where and how to dial.
    pub endpoint: Endpoint,
}

impl PeerSpec {
    /// A peer with the defaults: IPv4, hold time 90 s, attempts at least every 5 s, graceful restart within 60 s.
    pub fn new(asn: Asn, peer_asn: PeerAsn, router_id: Ipv4Addr, endpoint: Endpoint) -> Self {
        Self {
            asn,
            shown_asn: None,
            peer_asn,
            router_id,
            families: BTreeSet::from([Family::V4]),
            hold: Hold::DEFAULT,
            keepalive: None,
            connect: Duration::from_secs(5),
            graceful_restart: Some(Duration::from_secs(60)),
            host_name: None,
            endpoint,
        }
    }

    /// The AS that this peer sees.
    pub fn own_asn(&self) -> Asn {
        self.shown_asn.unwrap_or(self.asn)
    }
}

/// A next hop for IPv6 (RFC 2545 section 3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct V6NextHop {
    /// The global address, or the link-local one where the interface has no other.
    pub address: Ipv6Addr,
    /// The link-local address too, if the peer is on the same subnet.
    pub link_local: Option<Ipv6Addr>,
}

/// The own addresses that a peer can forward to: those of the interface that the connection runs over.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct NextHops {
    /// For IPv4. Without one IPv4 routes get the IPv6 one, if the peer understands that (RFC 8950).
    pub v4: Option<Ipv4Addr>,
    /// For IPv6.
    pub v6: Option<V6NextHop>,
}
