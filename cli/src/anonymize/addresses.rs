//! What an address becomes: one that shares as many leading bits with the others as the original did.
//!
//! The first octet (of IPv6, the first 16 bits) becomes another one that no original has: of 240.0.0.0/4 as long as there are,
//! and of 4000::/3, which nobody uses. Of the bits that follow each is turned over or not, as a hash of the key and of the
//! bits before it says, which keeps prefixes (Crypto-PAn, Xu and others 2002). Below a range of a pool nothing is turned over,
//! so that its arithmetic stays what it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use itertools::Itertools;
use sha2::{Digest, Sha256};

/// How many keys are tried.
const ATTEMPTS: u8 = 64;
/// Ranges that span more than this stay no secret if nothing below them is turned over.
const LONGEST_RANGE_V4: u8 = 16;
const LONGEST_RANGE_V6: u8 = 48;

/// An address with the length of a prefix.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Network {
    pub(super) address: IpAddr,
    pub(super) length: u8,
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// The bits of an address, the first ones at the top.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Bits {
    bits: u128,
    is_v4: bool,
}

/// What the addresses become.
pub(super) struct Addresses {
    key: [u8; 32],
    /// By family (true for IPv4), what the first octet or 16 bits become.
    beginnings: BTreeMap<(bool, u16), u16>,
    /// Prefixes below which nothing is turned over: those of pools.
    pools: Vec<(Bits, u8)>,
    /// What was worked out already.
    known: BTreeMap<IpAddr, IpAddr>,
}

impl Addresses {
    /// For all of these, none of which is what another one becomes. None if there are too many.
    pub(super) fn of(
        addresses: &BTreeSet<IpAddr>,
        networks: &BTreeSet<Network>,
        pools: &[(IpAddr, IpAddr)],
        key: &[u8; 32],
    ) -> Option<Self> {
        let pools: Vec<(Bits, u8)> = pools
            .iter()
            .filter_map(|(first, last)| cover(*first, *last))
            .collect();
        let of_networks = networks.iter().map(|network| network.address);
        let all: BTreeSet<IpAddr> = addresses.iter().copied().chain(of_networks).collect();
        let attempt = |number: u8| {
            let key = hash(&[key, &[number]]);
            let mut found = Self {
                beginnings: beginnings(&all, &key),
                key,
                pools: pools.clone(),
                known: BTreeMap::new(),
            };
            found.known = all.iter().map(|one| (*one, found.changed(*one))).collect();
            found.is_anonymous(addresses, networks).then_some(found)
        };
        (0..ATTEMPTS).find_map(attempt)
    }

    /// What an address becomes.
    pub(super) fn address(&self, address: IpAddr) -> IpAddr {
        let known = self.known.get(&address).copied();
        known.unwrap_or_else(|| self.changed(address))
    }

    fn changed(&self, address: IpAddr) -> IpAddr {
        if let IpAddr::V6(v6) = address
            && let Some(v4) = v6.to_ipv4_mapped()
        {
            return match self.changed(v4.into()) {
                IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
                IpAddr::V6(_) => address,
            };
        }
        let Some(kept) = kept_bits(address) else {
            return address;
        };
        let original = Bits::of(address);
        let (beginning, length) = original.beginning();
        let begun = self.beginnings.get(&(original.is_v4, beginning));
        let mut bits = original.begun_with(begun.copied().unwrap_or(beginning)).bits;
        for depth in kept.max(length)..original.width() {
            if !self.is_in_a_pool(original, depth) && self.turns(original, depth) {
                bits ^= 1 << (127 - depth);
            }
        }
        Bits { bits, ..original }.address()
    }

    /// What a network becomes: one without bits behind its prefix, if it has none.
    pub(super) fn network(&self, network: Network) -> Network {
        let Network { address, length } = network;
        let changed = Bits::of(self.address(address));
        let is_bare = Bits::of(address).first(length) == Bits::of(address);
        let address = if is_bare { changed.first(length) } else { changed };
        Network {
            address: address.address(),
            length,
        }
    }

    fn turns(&self, original: Bits, depth: u8) -> bool {
        let prefix = original.first(depth).bits.to_be_bytes();
        hash(&[&self.key, &[depth, u8::from(original.is_v4)], &prefix])[0] & 1 == 1
    }

    fn is_in_a_pool(&self, original: Bits, depth: u8) -> bool {
        let is_below = |(prefix, length): &(Bits, u8)| *length <= depth && original.first(*length) == *prefix;
        self.pools.iter().any(is_below)
    }

    /// Whether nothing becomes an original, and no two become the same.
    fn is_anonymous(&self, addresses: &BTreeSet<IpAddr>, networks: &BTreeSet<Network>) -> bool {
        let is_new =
            |from: IpAddr, to: IpAddr| is_kept(from) || (!self.known.contains_key(&to) && !is_kept(to));
        let changed: BTreeSet<IpAddr> = addresses.iter().map(|one| self.address(*one)).collect();
        let nets: BTreeSet<Network> = networks.iter().map(|one| self.network(*one)).collect();
        changed.len() == addresses.len()
            && nets.len() == networks.len()
            && addresses.iter().all(|one| is_new(*one, self.address(*one)))
            && networks
                .iter()
                .all(|one| is_new(one.address, self.network(*one).address))
    }
}

/// How many leading bits are those of a kind of addresses, not of somebody's; none if all of them are.
fn kept_bits(address: IpAddr) -> Option<u8> {
    match address {
        IpAddr::V4(v4) => {
            let is_nobodys =
                v4.is_unspecified() || v4.is_loopback() || v4.is_multicast() || v4.is_broadcast();
            (!is_nobodys).then_some(0)
        }
        IpAddr::V6(v6) => match v6.segments() {
            [0xfe80, 0, 0, 0, ..] => Some(64),
            // A solicited-node group has the last bits of an address (RFC 4291, section 2.7.1).
            [0xff02, 0, 0, 0, 0, 1, rest, _] if rest >> 8 == 0xff => Some(104),
            _ if v6.is_unspecified() || v6.is_loopback() || v6.is_multicast() => None,
            _ => Some(0),
        },
    }
}

fn is_kept(address: IpAddr) -> bool {
    kept_bits(address).is_none()
}

/// Others for all first octets and 16 bits that the addresses have.
fn beginnings(all: &BTreeSet<IpAddr>, key: &[u8; 32]) -> BTreeMap<(bool, u16), u16> {
    let unmapped = |address: &IpAddr| match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(*address, IpAddr::V4),
        IpAddr::V4(_) => *address,
    };
    let free = all.iter().map(unmapped).filter(|one| kept_bits(*one) == Some(0));
    let used: BTreeSet<(bool, u16)> = free
        .map(|address| {
            let bits = Bits::of(address);
            (bits.is_v4, bits.beginning().0)
        })
        .collect();
    let mut beginnings = BTreeMap::new();
    for is_v4 in [true, false] {
        let used: BTreeSet<u16> = used
            .iter()
            .filter(|one| one.0 == is_v4)
            .map(|one| one.1)
            .collect();
        let fresh = if is_v4 {
            octets(key)
        } else {
            groups(key, used.len() * 2)
        };
        // If there are not enough, they are given to each other.
        let fresh = fresh
            .into_iter()
            .filter(|one| !used.contains(one))
            .chain(used.iter().copied());
        beginnings.extend(used.iter().zip(fresh).map(|(from, to)| ((is_v4, *from), to)));
    }
    beginnings
}

/// First octets in an order that the key makes, those that nobody uses before the others.
fn octets(key: &[u8; 32]) -> Vec<u16> {
    let shuffled = |mut octets: Vec<u16>| {
        octets.sort_by_cached_key(|one| hash(&[key, &one.to_be_bytes()]));
        octets
    };
    let in_use = (1..224).filter(|one| *one != 127).collect();
    [shuffled((240..255).collect()), shuffled(in_use)].concat()
}

/// So many first 16 bits that nobody uses, by the key; fewer if it repeats itself.
fn groups(key: &[u8; 32], count: usize) -> Vec<u16> {
    let group = |number: usize| {
        let [first, second, ..] = hash(&[key, b"group", &number.to_be_bytes()]);
        0x4000 | u16::from_be_bytes([first, second]) & 0x1fff
    };
    (0..count).map(group).unique().collect()
}

/// The longest prefix that has both; none if it is so short that nearly nothing of its addresses would be turned over.
fn cover(first: IpAddr, last: IpAddr) -> Option<(Bits, u8)> {
    let (first, last) = (Bits::of(first), Bits::of(last));
    let length = u8::try_from((first.bits ^ last.bits).leading_zeros())
        .ok()?
        .min(first.width());
    let shortest = if first.is_v4 {
        LONGEST_RANGE_V4
    } else {
        LONGEST_RANGE_V6
    };
    (first.is_v4 == last.is_v4 && length >= shortest).then(|| (first.first(length), length))
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

impl Bits {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self {
                bits: u128::from(u32::from(v4)) << 96,
                is_v4: true,
            },
            IpAddr::V6(v6) => Self {
                bits: v6.into(),
                is_v4: false,
            },
        }
    }

    fn address(self) -> IpAddr {
        match self.is_v4 {
            true => Ipv4Addr::from((self.bits >> 96) as u32).into(),
            false => Ipv6Addr::from(self.bits).into(),
        }
    }

    fn width(self) -> u8 {
        if self.is_v4 { 32 } else { 128 }
    }

    /// The same with nothing behind so many bits.
    fn first(self, length: u8) -> Self {
        let mask = u128::MAX.checked_shl(u32::from(128 - length)).unwrap_or_default();
        Self {
            bits: self.bits & mask,
            ..self
        }
    }

    /// The first octet, or 16 bits, and how many bits that are.
    fn beginning(self) -> (u16, u8) {
        match self.is_v4 {
            true => ((self.bits >> 120) as u16, 8),
            false => ((self.bits >> 112) as u16, 16),
        }
    }

    fn begun_with(self, beginning: u16) -> Self {
        let length = self.beginning().1;
        let rest = self.bits & (u128::MAX >> length);
        Self {
            bits: u128::from(beginning) << (128 - length) | rest,
            ..self
        }
    }
}
