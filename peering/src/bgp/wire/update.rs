//! UPDATE, as an announcer writes it (RFC 4271 section 4.3, RFC 4760).

use std::net::{IpAddr, Ipv4Addr};

use thiserror::Error;

use super::super::session::{NextHops, V6NextHop};
use super::super::{Asn, Attributes};
use super::frame::{HEADER, Kind, framed};
use super::refresh::afi;
use crate::prefix::{Family, Prefix};

const UNICAST: u8 = 1;

const ORIGIN: u8 = 1;
const AS_PATH: u8 = 2;
const NEXT_HOP: u8 = 3;
const LOCAL_PREF: u8 = 5;
const COMMUNITIES: u8 = 8;
const MP_REACH: u8 = 14;
const MP_UNREACH: u8 = 15;
const EXTENDED_COMMUNITIES: u8 = 16;
const AS4_PATH: u8 = 17;
const LARGE_COMMUNITIES: u8 = 32;

const TRANSITIVE: u8 = 0x40;
const OPTIONAL: u8 = 0x80;
const EXTENDED_LENGTH: u8 = 0x10;

const IGP: u8 = 0;
const AS_SEQUENCE: u8 = 2;
/// What FRR and others take a route without LOCAL_PREF for.
const USUAL_LOCAL_PREF: u32 = 100;
/// Type and subtype of the link bandwidth, transitive and with an AS of two octets.
const LINK_BANDWIDTH: [u8; 2] = [0x00, 0x04];

/// How routes are said in a session: what of an UPDATE is the same for all of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PathStyle {
    /// The AS that the peer knows this end by.
    pub asn: Asn,
    /// The peer is in the same AS: an empty path, and LOCAL_PREF.
    pub internal: bool,
    /// The peer reads AS numbers of four octets (RFC 6793).
    pub four_octets: bool,
    /// The peer takes IPv4 routes with an IPv6 next hop (RFC 8950).
    pub extended_next_hop: bool,
    /// Where the peer forwards to.
    pub next_hops: NextHops,
}

/// The attributes of a route are so many that not one prefix fits into a message beside them.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("attributes do not fit into a message")]
pub struct TooLong;

impl PathStyle {
    /// Whether there is a next hop for this family that the peer understands.
    pub fn carries(&self, family: Family) -> bool {
        match family {
            Family::V4 => {
                self.next_hops.v4.is_some() || self.extended_next_hop && self.next_hops.v6.is_some()
            }
            Family::V6 => self.next_hops.v6.is_some(),
        }
    }

    /// The next hop of IPv4 routes in the attribute of RFC 4271, where that is the one to use.
    fn plain(&self, family: Family) -> Option<Ipv4Addr> {
        self.next_hops.v4.filter(|_| family == Family::V4)
    }

    /// All attributes but MP_REACH, in the order of their types.
    fn attributes(&self, family: Family, attributes: &Attributes) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, TRANSITIVE, ORIGIN, &[IGP]);
        put(&mut out, TRANSITIVE, AS_PATH, &self.path());
        if let Some(next_hop) = self.plain(family) {
            put(&mut out, TRANSITIVE, NEXT_HOP, &next_hop.octets());
        }
        if self.internal {
            let local_pref = attributes.local_pref.unwrap_or(USUAL_LOCAL_PREF);
            put(&mut out, TRANSITIVE, LOCAL_PREF, &local_pref.to_be_bytes());
        }
        let said = &attributes.communities;
        let standard = said.standard.iter().flat_map(|one| [one.0, one.1]);
        let standard: Vec<u8> = standard.flat_map(u16::to_be_bytes).collect();
        put_some(&mut out, COMMUNITIES, &standard);
        if let Some(bandwidth) = said.bandwidth {
            let [high, low] = self.asn.short().to_be_bytes();
            let value = [&LINK_BANDWIDTH[..], &[high, low], &bandwidth.bits().to_be_bytes()].concat();
            put_some(&mut out, EXTENDED_COMMUNITIES, &value);
        }
        // What two octets cannot say follows in four (RFC 6793 section 4.2.2).
        if !self.internal && !self.four_octets && Asn(self.asn.short().into()) != self.asn {
            let path = [&[AS_SEQUENCE, 1], &self.asn.0.to_be_bytes()[..]].concat();
            put_some(&mut out, AS4_PATH, &path);
        }
        let large = said.large.iter().flat_map(|one| [one.0, one.1, one.2]);
        let large: Vec<u8> = large.flat_map(u32::to_be_bytes).collect();
        put_some(&mut out, LARGE_COMMUNITIES, &large);
        out
    }

    /// The path: this AS alone, or nothing within it.
    fn path(&self) -> Vec<u8> {
        let head = [AS_SEQUENCE, 1];
        match (self.internal, self.four_octets) {
            (true, _) => Vec::new(),
            (false, true) => [&head[..], &self.asn.0.to_be_bytes()].concat(),
            (false, false) => [&head[..], &self.asn.short().to_be_bytes()].concat(),
        }
    }

    /// What stands before the prefixes in MP_REACH (RFC 4760 section 3; RFC 2545 section 3).
    fn reach(&self, family: Family) -> Vec<u8> {
        let V6NextHop { address, link_local } = self.next_hops.v6.unwrap_or(V6NextHop {
            address: std::net::Ipv6Addr::UNSPECIFIED,
            link_local: None,
        });
        let next_hop = [Some(address), link_local].into_iter().flatten();
        let next_hop: Vec<u8> = next_hop.flat_map(|one| one.octets()).collect();
        let [high, low] = afi(family).to_be_bytes();
        let length = if next_hop.len() == 16 { 16 } else { 32 };
        [&[high, low, UNICAST, length], &next_hop[..], &[0]].concat()
    }
}

/// Appends one UPDATE of at most `max` bytes that announces as many of these prefixes as fit, from the first on; returns how
/// many. All must be of one family, which the style carries.
///
/// # Errors
///
/// If not even one fits. Then nothing is appended.
pub fn announce(
    style: &PathStyle,
    attributes: &Attributes,
    prefixes: &[Prefix],
    max: usize,
    out: &mut Vec<u8>,
) -> Result<usize, TooLong> {
    let Some(family) = prefixes.first().map(|first| first.family()) else {
        return Ok(0);
    };
    let rest = style.attributes(family, attributes);
    let head = match style.plain(family) {
        Some(_) => Vec::new(),
        None => style.reach(family),
    };
    // The header, two lengths, and those of MP_REACH.
    let fixed = HEADER + 4 + rest.len() + if head.is_empty() { 0 } else { 4 + head.len() };
    let (fit, nlri) = packed(prefixes, max.saturating_sub(fixed));
    if fit == 0 {
        return Err(TooLong);
    }
    framed(out, Kind::Update, |out| {
        out.extend_from_slice(&[0, 0]);
        sized(out, |out| {
            if !head.is_empty() {
                // First, so that the routes are found even if something else is wrong (RFC 7606 section 5.1).
                put_long(out, MP_REACH, &[&head, &nlri]);
            }
            out.extend_from_slice(&rest);
        });
        if head.is_empty() {
            out.extend_from_slice(&nlri);
        }
    });
    Ok(fit)
}

/// Appends one UPDATE of at most `max` bytes that withdraws as many of these prefixes as fit, from the first on; returns how
/// many. All must be of one family.
pub fn withdraw(style: &PathStyle, prefixes: &[Prefix], max: usize, out: &mut Vec<u8>) -> usize {
    let Some(family) = prefixes.first().map(|first| first.family()) else {
        return 0;
    };
    let head = HEADER + 4;
    framed(out, Kind::Update, |out| {
        if style.plain(family).is_some() {
            let (fit, nlri) = packed(prefixes, max.saturating_sub(head));
            sized(out, |out| out.extend_from_slice(&nlri));
            out.extend_from_slice(&[0, 0]);
            return fit;
        }
        let (fit, nlri) = packed(prefixes, max.saturating_sub(head + 7));
        out.extend_from_slice(&[0, 0]);
        let [high, low] = afi(family).to_be_bytes();
        sized(out, |out| {
            put_long(out, MP_UNREACH, &[&[high, low, UNICAST], &nlri]);
        });
        fit
    })
}

/// Appends the marker of the end of all routes of a family (RFC 4724 section 2).
pub fn end_of_rib(family: Family, out: &mut Vec<u8>) {
    framed(out, Kind::Update, |out| {
        out.extend_from_slice(&[0, 0]);
        sized(out, |out| {
            if family == Family::V6 {
                let [high, low] = afi(family).to_be_bytes();
                put(out, OPTIONAL, MP_UNREACH, &[high, low, UNICAST]);
            }
        });
    });
}

/// As many prefixes as fit into so many bytes, each as its length and the octets that it needs.
fn packed(prefixes: &[Prefix], room: usize) -> (usize, Vec<u8>) {
    let mut nlri = Vec::new();
    for (index, prefix) in prefixes.iter().enumerate() {
        let octets = usize::from(prefix.length().div_ceil(8));
        if nlri.len() + 1 + octets > room {
            return (index, nlri);
        }
        nlri.push(prefix.length());
        match prefix.network() {
            IpAddr::V4(address) => nlri.extend_from_slice(&address.octets()[..octets]),
            IpAddr::V6(address) => nlri.extend_from_slice(&address.octets()[..octets]),
        }
    }
    (prefixes.len(), nlri)
}

/// Appends what `write` appends, after its length in two octets.
fn sized(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0, 0]);
    write(out);
    let length = u16::try_from(out.len() - start - 2).unwrap_or(u16::MAX);
    out[start..start + 2].copy_from_slice(&length.to_be_bytes());
}

/// An attribute, with a length of one octet if that will do.
fn put(out: &mut Vec<u8>, flags: u8, kind: u8, value: &[u8]) {
    match u8::try_from(value.len()) {
        Ok(length) => {
            out.extend_from_slice(&[flags, kind, length]);
            out.extend_from_slice(value);
        }
        Err(_) => {
            out.extend_from_slice(&[flags | EXTENDED_LENGTH, kind]);
            sized(out, |out| out.extend_from_slice(value));
        }
    }
}

/// An optional transitive attribute, unless it would be empty.
fn put_some(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    if !value.is_empty() {
        put(out, OPTIONAL | TRANSITIVE, kind, value);
    }
}

/// An optional attribute with a length of two octets.
fn put_long(out: &mut Vec<u8>, kind: u8, value: &[&[u8]]) {
    out.extend_from_slice(&[OPTIONAL | EXTENDED_LENGTH, kind]);
    sized(out, |out| {
        value.iter().for_each(|part| out.extend_from_slice(part));
    });
}
