//! Capabilities (RFC 5492): what one can do.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::Asn;
use super::refresh::{afi, family};
use crate::prefix::Family;

const MULTIPROTOCOL: u8 = 1; // RFC 4760
const ROUTE_REFRESH: u8 = 2; // RFC 2918
const EXTENDED_NEXT_HOP: u8 = 5; // RFC 8950
const EXTENDED_MESSAGE: u8 = 6; // RFC 8654
const GRACEFUL_RESTART: u8 = 64; // RFC 4724
const FOUR_OCTETS: u8 = 65; // RFC 6793
const FQDN: u8 = 73; // draft-walton-bgp-hostname-capability

/// The R bit: the sender has restarted.
const RESTARTED: u16 = 0x8000;
/// The N bit of RFC 8538. With it neither a CEASE nor the hold timer removes routes at the peer, so it is never sent.
const NOTIFICATIONS: u16 = 0x4000;
/// The restart time is in the other 12 bits.
const RESTART_TIME: u16 = 0x0fff;
/// The F bit: packets were forwarded all the while.
const FORWARDING: u8 = 0x80;

/// The longest host name that is said; the field's length is a byte, and FRR reads 64.
const NAME_MAX: usize = 64;

/// What the sender of an OPEN can do.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Capabilities {
    /// The families it offers, of those that are spoken here. See [`Capabilities::carried`].
    pub families: BTreeSet<Family>,
    /// It says everything again if asked.
    pub route_refresh: bool,
    /// It takes IPv4 routes with an IPv6 next hop.
    pub extended_next_hop: bool,
    /// It takes messages of 65,535 bytes.
    pub extended_messages: bool,
    /// It can restart without its routes being dropped, or keeps the peer's.
    pub graceful_restart: Option<GracefulRestart>,
    /// Its AS, in four octets.
    pub four_octets: Option<Asn>,
    /// Its name.
    pub host_name: Option<String>,
    /// The codes of all other capabilities; 1 if there are other families.
    pub other: BTreeSet<u8>,
}

/// What the sender says of restarts (RFC 4724 section 3).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GracefulRestart {
    /// It has restarted (R).
    pub restarted: bool,
    /// It keeps routes over a NOTIFICATION too (N, RFC 8538). Read, but never written.
    pub notifications: bool,
    /// How long a restart may take: whole seconds, at most 4095.
    pub time: Duration,
    /// Whose routes are kept. Empty: it keeps the peer's, and has none of its own to be kept.
    pub families: BTreeSet<KeptFamily>,
}

/// A family whose routes are kept over a restart.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct KeptFamily {
    /// Which one.
    pub family: Family,
    /// Packets were forwarded all the while (F).
    pub forwarding: bool,
}

impl Capabilities {
    /// Reads one capability. Those whose length is wrong are as good as not there (RFC 5492 leaves it open; a session is
    /// worth more).
    pub(super) fn read(&mut self, code: u8, value: &[u8]) {
        match (code, value) {
            (MULTIPROTOCOL, &[high, low, _, safi]) => match family([high, low], safi) {
                Some(family) => drop(self.families.insert(family)),
                None => drop(self.other.insert(MULTIPROTOCOL)),
            },
            (ROUTE_REFRESH, []) => self.route_refresh = true,
            (EXTENDED_NEXT_HOP, value) => {
                let (triples, _) = value.as_chunks::<6>();
                self.extended_next_hop |= triples.contains(&[0, 1, 0, 1, 0, 2]);
            }
            (EXTENDED_MESSAGE, []) => self.extended_messages = true,
            (GRACEFUL_RESTART, [high, low, families @ ..]) => {
                let flags = u16::from_be_bytes([*high, *low]);
                self.graceful_restart = Some(GracefulRestart::read(flags, families));
            }
            (FOUR_OCTETS, &[a, b, c, d]) => self.four_octets = Some(Asn(u32::from_be_bytes([a, b, c, d]))),
            (FQDN, [length, rest @ ..]) => {
                let name = rest.get(..usize::from(*length));
                let name = name.map(|name| String::from_utf8_lossy(name).replace(char::is_control, " "));
                self.host_name = name.filter(|name| !name.is_empty());
            }
            (other, _) => drop(self.other.insert(other)),
        }
    }

    /// The families that are carried: IPv4 if nothing is said of any (RFC 4760 section 8).
    pub fn carried(&self) -> BTreeSet<Family> {
        match self.families.is_empty() && !self.other.contains(&MULTIPROTOCOL) {
            true => BTreeSet::from([Family::V4]),
            false => self.families.clone(),
        }
    }

    /// Code, length and value of those for families: what RFC 5492 section 3 wants said of a capability that is missing.
    pub fn family_capabilities(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let families = self.families.clone();
        Self {
            families,
            ..Self::default()
        }
        .write(&mut out);
        out
    }

    /// Appends code, length and value of each. Those in `other` have no value here and are not written.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for &family in &self.families {
            let [high, low] = afi(family).to_be_bytes();
            put(out, MULTIPROTOCOL, &[high, low, 0, 1]);
        }
        if self.route_refresh {
            put(out, ROUTE_REFRESH, &[]);
        }
        if self.extended_next_hop {
            put(out, EXTENDED_NEXT_HOP, &[0, 1, 0, 1, 0, 2]);
        }
        if self.extended_messages {
            put(out, EXTENDED_MESSAGE, &[]);
        }
        if let Some(restart) = &self.graceful_restart {
            put(out, GRACEFUL_RESTART, &restart.value());
        }
        if let Some(asn) = self.four_octets {
            put(out, FOUR_OCTETS, &asn.0.to_be_bytes());
        }
        if let Some(name) = &self.host_name {
            let name = &name[..name.floor_char_boundary(NAME_MAX)];
            let length = u8::try_from(name.len()).unwrap_or(0);
            // Without a domain.
            put(out, FQDN, &[&[length], name.as_bytes(), &[0]].concat());
        }
    }
}

impl GracefulRestart {
    fn read(flags: u16, families: &[u8]) -> Self {
        let (quads, _) = families.as_chunks::<4>();
        let known = quads.iter().filter_map(|&[high, low, safi, flags]| {
            Some(KeptFamily {
                family: family([high, low], safi)?,
                forwarding: flags & FORWARDING != 0,
            })
        });
        Self {
            restarted: flags & RESTARTED != 0,
            notifications: flags & NOTIFICATIONS != 0,
            time: Duration::from_secs((flags & RESTART_TIME).into()),
            families: known.collect(),
        }
    }

    fn value(&self) -> Vec<u8> {
        let restarted = if self.restarted { RESTARTED } else { 0 };
        let seconds = u16::try_from(self.time.as_secs()).unwrap_or(u16::MAX);
        let mut value = (restarted | seconds.min(RESTART_TIME)).to_be_bytes().to_vec();
        for kept in &self.families {
            let [high, low] = afi(kept.family).to_be_bytes();
            let forwarding = if kept.forwarding { FORWARDING } else { 0 };
            value.extend_from_slice(&[high, low, 1, forwarding]);
        }
        value
    }
}

fn put(out: &mut Vec<u8>, code: u8, value: &[u8]) {
    out.extend_from_slice(&[code, u8::try_from(value.len()).unwrap_or(u8::MAX)]);
    out.extend_from_slice(value);
}
