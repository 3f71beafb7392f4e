//! Peers of BGP: whom a speaker dials, and as whom.

mod password;
mod place;
mod timers;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use kube::ResourceExt;

use super::{BfdProfileName, Family, InterfaceName, Invalid, Labels, PeerName, Selector};
use crate::api::{BGPPeer, BGPPeerSpec};
use crate::names::TTL_SECURITY;

pub use password::{Password, Secrecy};
pub use place::PeerPlace;
pub use timers::Timers;

/// The port of BGP (RFC 4271 section 4.1 has it from IANA).
const BGP_PORT: NonZeroU16 = NonZeroU16::new(179).expect("it is not 0");

/// A number of an autonomous system, of two or four octets; never 0, which RFC 7607 reserves.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Asn(NonZeroU32);

/// Which AS number the peer must have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RemoteAs {
    /// This one.
    Is(Asn),
    /// The one of our end (`dynamicASN: internal`).
    Internal,
    /// Any but the one of our end (`dynamicASN: external`).
    External,
}

/// A valid `BGPPeer`.
#[derive(Clone, Debug, PartialEq)]
pub struct BgpPeer {
    /// Its name.
    pub name: PeerName,
    /// The AS number of our end, as this peer sees it.
    pub local_as: Asn,
    /// That of the peer.
    pub remote_as: RemoteAs,
    /// Where it listens.
    pub place: PeerPlace,
    /// The TCP port it listens on.
    pub port: NonZeroU16,
    /// Where we dial from; none leaves it to the kernel.
    pub source: Option<IpAddr>,
    /// The VRF device it is dialled in.
    pub vrf: Option<InterfaceName>,
    /// Hold and keepalive time.
    pub timers: Timers,
    /// The longest time between two attempts to connect.
    pub connect: Duration,
    /// The BGP identifier of our end; none is chosen by the node.
    pub router_id: Option<Ipv4Addr>,
    /// What signs the segments of TCP.
    pub password: Password,
    /// It may be more than one hop away.
    pub multihop: bool,
    /// It has to show that it is one hop away (RFC 5082); an annotation, because the API has no field for it.
    pub ttl_security: bool,
    /// The peer is to keep routes while the speaker restarts (RFC 4724).
    pub graceful_restart: bool,
    /// Routes of both families go over the session.
    pub dual_stack: bool,
    /// The times by which BFD watches it; none leaves that to the hold time.
    pub bfd: Option<BfdProfileName>,
    nodes: Vec<Selector>,
}

impl BgpPeer {
    /// Reads the resource.
    ///
    /// # Errors
    /// The first field that is wrong, with its value, or that asks for what a session cannot be held without.
    pub fn parse(resource: &BGPPeer) -> Result<Self, Invalid> {
        let spec = &resource.spec;
        let my_as = Asn::parse("spec.myASN", spec.my_asn)?;
        let local_as = spec
            .local_asn
            .map(|number| Asn::parse("spec.localASN", number))
            .transpose()?;
        let local_as = local_as.unwrap_or(my_as);
        let remote_as = RemoteAs::parse(spec)?;
        let place = PeerPlace::parse(spec)?;
        let multihop = spec.ebgp_multi_hop.unwrap_or(false);
        if multihop && remote_as.is_internal(local_as) {
            let why = "true is for peers with another AS number only";
            return Err(Invalid::new("spec.ebgpMultiHop", why));
        }
        let source = ip("spec.sourceAddress", spec.source_address.as_deref())?;
        place.suits(spec, source)?;
        Ok(Self {
            name: resource.name_any().into(),
            local_as,
            remote_as,
            place,
            port: port(spec)?,
            source,
            vrf: said(spec.vrf.as_deref()).map(InterfaceName::from),
            timers: Timers::parse(spec.hold_time.as_deref(), spec.keepalive_time.as_deref())?,
            connect: timers::connect(spec.connect_time.as_deref())?,
            router_id: router_id(spec)?,
            password: Password::parse(spec)?,
            multihop,
            ttl_security: ttl_security(resource, multihop)?,
            graceful_restart: spec.enable_graceful_restart.unwrap_or(false),
            dual_stack: spec.dual_stack_address_family.unwrap_or(false),
            bfd: said(spec.bfd_profile.as_deref()).map(BfdProfileName::from),
            nodes: Selector::parse_all("spec.nodeSelectors", &spec.node_selectors)?,
        })
    }

    /// That it names a profile which does not exist: nothing watches it then.
    pub fn unknown_profile(&self, is_there: impl Fn(&str) -> bool) -> Option<Invalid> {
        let name = self.bfd.as_ref().filter(|name| !is_there(name.as_str()))?;
        let why = format!("there is no BFDProfile {name}; the hold time alone tells that the peer is gone");
        Some(Invalid::new("spec.bfdProfile", why))
    }

    /// Whether a node with these labels holds a session with it.
    pub fn selects_node(&self, labels: &Labels) -> bool {
        Selector::any_or_empty(&self.nodes, labels)
    }

    /// Whether the session carries routes of this family: that of its addresses, or both. Both, if it has no addresses but those
    /// of the link.
    pub fn carries(&self, family: Family) -> bool {
        match self.place {
            PeerPlace::Address(address) => self.dual_stack || Family::of(address) == family,
            PeerPlace::Interface(_) => true,
        }
    }
}

impl Asn {
    /// The number; none if it is 0.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0.get()
    }

    fn parse(field: &str, number: i64) -> Result<Self, Invalid> {
        let valid = u32::try_from(number).ok().and_then(Self::new);
        valid.ok_or_else(|| Invalid::new(field, format!("{number} is not within 1 to {}", u32::MAX)))
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl RemoteAs {
    fn parse(spec: &BGPPeerSpec) -> Result<Self, Invalid> {
        let number = spec.peer_asn.filter(|number| *number != 0);
        match (number, said(spec.dynamic_asn.as_deref())) {
            (Some(number), None) => Asn::parse("spec.peerASN", number).map(Self::Is),
            (None, Some("internal")) => Ok(Self::Internal),
            (None, Some("external")) => Ok(Self::External),
            (None, Some(other)) => {
                let why = format!("\"{other}\" is neither internal nor external");
                Err(Invalid::new("spec.dynamicASN", why))
            }
            (None, None) => Err(Invalid::new(
                "spec.peerASN",
                "neither it nor spec.dynamicASN is given",
            )),
            (Some(number), Some(_)) => {
                let why = format!("{number} is given beside spec.dynamicASN; only one may be");
                Err(Invalid::new("spec.peerASN", why))
            }
        }
    }

    /// Whether the peer is to have the AS number of our end, which this is.
    pub fn is_internal(self, local: Asn) -> bool {
        match self {
            Self::Is(number) => number == local,
            Self::Internal => true,
            Self::External => false,
        }
    }
}

/// A text that says something.
fn said(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn ip(field: &str, text: Option<&str>) -> Result<Option<IpAddr>, Invalid> {
    let parse = |text: &str| {
        let parsed = text.parse();
        parsed.map_err(|_| Invalid::new(field, format!("\"{text}\" is no IP address")))
    };
    said(text).map(parse).transpose()
}

/// FRR too refuses it beside multihop, and takes it for peers of both kinds.
fn ttl_security(resource: &BGPPeer, multihop: bool) -> Result<bool, Invalid> {
    let wrong = |why: &str| Err(Invalid::new(TTL_SECURITY, why));
    match resource.annotations().get(TTL_SECURITY).map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("true") if multihop => wrong("is given beside spec.ebgpMultiHop; only one may be"),
        Some("true") => Ok(true),
        Some(other) => wrong(&format!("\"{other}\" is neither \"true\" nor \"false\"")),
    }
}

fn port(spec: &BGPPeerSpec) -> Result<NonZeroU16, Invalid> {
    match spec.peer_port {
        None | Some(0) => Ok(BGP_PORT),
        Some(port) => {
            let valid = u16::try_from(port).ok().and_then(NonZeroU16::new);
            valid.ok_or_else(|| Invalid::new("spec.peerPort", format!("{port} is no port")))
        }
    }
}

/// RFC 6286 asks for an identifier that is not 0; routers refuse those that are no unicast address too.
fn router_id(spec: &BGPPeerSpec) -> Result<Option<Ipv4Addr>, Invalid> {
    let Some(text) = said(spec.router_id.as_deref()) else {
        return Ok(None);
    };
    let wrong = |why| Invalid::new("spec.routerID", format!("\"{text}\" {why}"));
    let id: Ipv4Addr = text.parse().map_err(|_| wrong("is no IPv4 address"))?;
    match is_router_id(id) {
        true => Ok(Some(id)),
        false => Err(wrong("is no address that a router may have")),
    }
}

/// Whether routers take this as the identifier of a peer.
pub fn is_router_id(id: Ipv4Addr) -> bool {
    id.octets()[0] != 0 && !id.is_loopback() && id.octets()[0] < 224
}

#[cfg(test)]
mod tests;
