//! Which frames the kernel hands to a socket, as a classic BPF program (Linux
//! `Documentation/networking/filter.rst`). Pure: the same interest always gives the same program.
//!
//! Layout: the EtherType chooses one of the accepting list, the ARP block and the IPv6 block; every path ends in an
//! explicit return. A load beyond the end of a frame drops it, so a truncated frame never passes.
//!
//! VLAN tags are not in the frames that a filter sees (the kernel keeps them beside the frame), so the offsets are
//! those of untagged frames, and a tagged frame passes like the same frame without its tag.

mod code;
mod datagrams;
mod runs;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

use socket2::SockFilter;

use code::{ACCEPT, DROP, SWAP_FROM_INDEX, SWAP_TO_INDEX, Width, load, only, recall, save, when};
use runs::{Run, comparisons, covering, member, runs};

/// Most comparisons spent on the addresses of one family. One scattered address costs one, a run of consecutive ones
/// two; each IPv6 prefix of 96 bits costs three more. A family that needs more passes what lies in the narrower gaps
/// between its addresses too; with more IPv6 prefixes than a fifth of this, all neighbour solicitations and
/// advertisements pass.
///
/// The limit is set by memory, not by jumps: while a filter is exchanged, both count against `net.core.optmem_max`,
/// which was 20480 bytes before Linux 6.8, and the kernel expands a comparison to up to 20 bytes and needs two lists
/// for ARP (target and sender). Two programs at the limit in both families fit.
pub const MAX_COMPARISONS: usize = 104;

/// Most EtherTypes; with more of them every frame passes.
pub const MAX_ETHER_TYPES: usize = 16;

const ETHER_TYPE_IPV4: u32 = 0x0800;
const ETHER_TYPE_ARP: u32 = 0x0806;
const ETHER_TYPE_IPV6: u32 = 0x86dd;

/// What shall reach the process. Empty: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// ARP requests for these, and ARP requests and replies from a sender that claims one of them.
    pub ipv4: BTreeSet<Ipv4Addr>,
    /// Neighbour solicitations and advertisements whose target is one of these.
    pub ipv6: BTreeSet<Ipv6Addr>,
    /// All frames of these EtherTypes.
    pub ether_types: BTreeSet<u16>,
    /// UDP datagrams to this port: whole ones directly after an IPv4 header without options or an IPv6 header.
    pub datagrams: Option<u16>,
}

/// A classic BPF program for Ethernet frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(Vec<Instruction>);

/// One classic BPF instruction (`struct sock_filter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Instructions to skip if a comparison holds.
    pub jt: u8,
    /// Instructions to skip if it does not.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

impl Program {
    pub(crate) fn to_kernel(&self) -> Vec<SockFilter> {
        self.0
            .iter()
            .map(|i| SockFilter::new(i.code, i.jt, i.jf, i.k))
            .collect()
    }
}

/// The program that passes what is of interest, and drops the rest in the kernel.
///
/// Passes ARP (RFC 826, Ethernet and IPv4) requests whose target, and requests and replies whose sender, is one of
/// the IPv4 addresses; neighbour solicitations and advertisements (RFC 4861, directly after the IPv6 header) whose
/// target is one of the IPv6 addresses; frames of the EtherTypes; and datagrams. A list beyond [`MAX_COMPARISONS`] or
/// [`MAX_ETHER_TYPES`] passes more than it names, never less.
#[must_use]
pub fn program(interest: &Interest) -> Program {
    if interest.ether_types.len() > MAX_ETHER_TYPES {
        return Program(vec![ACCEPT]);
    }
    let ether_types = runs(interest.ether_types.iter().map(|&each| u32::from(each)));
    let mut code = vec![load(Width::Half, 12)];
    code.extend(member(&ether_types));
    if !interest.ipv4.is_empty() {
        code.extend(when(ETHER_TYPE_ARP, arp(&interest.ipv4)));
    }
    if let Some(port) = interest.datagrams {
        code.extend(when(ETHER_TYPE_IPV4, datagrams::over_ipv4(port)));
    }
    if !interest.ipv6.is_empty() || interest.datagrams.is_some() {
        code.extend(when(ETHER_TYPE_IPV6, ipv6(interest)));
    }
    code.push(DROP);
    Program(code)
}

/// Hardware type Ethernet, protocol type IPv4.
const ARP_TYPES: u32 = 0x0001_0800;
/// Address lengths 6 and 4, opcode 1.
const ARP_REQUEST: u32 = 0x0604_0001;
/// Address lengths 6 and 4, opcode 2.
const ARP_REPLY: u32 = 0x0604_0002;
const ARP_TYPES_AT: u32 = 14;
const ARP_OPCODE_AT: u32 = 18;
const ARP_SENDER_AT: u32 = 28;
const ARP_TARGET_AT: u32 = 38;

/// The target is loaded first, so that a frame without one is dropped whatever its opcode.
fn arp(addresses: &BTreeSet<Ipv4Addr>) -> Vec<Instruction> {
    let runs = runs(addresses.iter().map(|&address| u32::from(address)));
    let about = arp_about(&covering(runs, MAX_COMPARISONS));
    let mut code = vec![load(Width::Word, ARP_TARGET_AT), SWAP_TO_INDEX];
    code.extend(only(load(Width::Word, ARP_TYPES_AT), ARP_TYPES, about));
    code
}

fn arp_about(runs: &[Run]) -> Vec<Instruction> {
    let is_member = member(runs);
    let sender = [&[load(Width::Word, ARP_SENDER_AT)], &is_member[..], &[DROP]].concat();
    let target = [&[SWAP_FROM_INDEX], &is_member[..]].concat();
    let mut code = vec![load(Width::Word, ARP_OPCODE_AT)];
    code.extend(code::either(ARP_REQUEST, target, ARP_REPLY, sender));
    code
}

const NEXT_HEADER_AT: u32 = 20;
const ICMPV6: u32 = 58;
const ICMPV6_TYPE_AT: u32 = 54;
const SOLICITATION: u32 = 135;
const ADVERTISEMENT: u32 = 136;
const TARGET_AT: u32 = 62;

/// The first 96 bits of an IPv6 address, and runs of the last 32.
type Groups = BTreeMap<[u32; 3], Vec<Run>>;

fn ipv6(interest: &Interest) -> Vec<Instruction> {
    let mut code = vec![load(Width::Byte, NEXT_HEADER_AT)];
    code.extend(interest.datagrams.into_iter().flat_map(datagrams::over_ipv6));
    if !interest.ipv6.is_empty() {
        code.extend(when(ICMPV6, neighbour_discovery(&interest.ipv6)));
    }
    code.push(DROP);
    code
}

fn neighbour_discovery(addresses: &BTreeSet<Ipv6Addr>) -> Vec<Instruction> {
    let mut tail = vec![load(Width::Byte, ICMPV6_TYPE_AT)];
    tail.extend(code::unless_one_of(SOLICITATION, ADVERTISEMENT, DROP));
    tail.extend(keep_target());
    match affordable(groups(addresses)) {
        Some(groups) => {
            tail.extend(groups.iter().flat_map(|(prefix, runs)| within(*prefix, runs)));
            tail.push(DROP);
        }
        None => tail.push(ACCEPT),
    }
    tail
}

/// Loads from the frame are dear (the kernel expands each to a call), so the target is kept in scratch memory.
fn keep_target() -> impl Iterator<Item = Instruction> {
    (0..4).flat_map(|word| [load(Width::Word, TARGET_AT + 4 * word), save(word)])
}

fn within(prefix: [u32; 3], runs: &[Run]) -> Vec<Instruction> {
    let mut code = vec![recall(3)];
    code.extend(member(runs));
    code.push(DROP);
    for word in (0..3_u32).rev() {
        let rest = when(prefix[word as usize], code);
        code = vec![recall(word)];
        code.extend(rest);
    }
    code
}

fn groups(addresses: &BTreeSet<Ipv6Addr>) -> Groups {
    let mut words: BTreeMap<[u32; 3], Vec<u32>> = BTreeMap::new();
    for address in addresses {
        let bits = u128::from(*address);
        let word = |shift: u32| (bits >> shift) as u32;
        words
            .entry([word(96), word(64), word(32)])
            .or_default()
            .push(word(0));
    }
    words
        .into_iter()
        .map(|(prefix, words)| (prefix, runs(words)))
        .collect()
}

/// Comparisons to tell a prefix.
const PREFIX: usize = 3;

/// Groups that contain all of these within the limit, which all have the same share of; none if that is too small.
fn affordable(groups: Groups) -> Option<Groups> {
    let cost: usize = groups.values().map(|runs| PREFIX + comparisons(runs)).sum();
    if cost <= MAX_COMPARISONS {
        return Some(groups);
    }
    let share = (MAX_COMPARISONS / groups.len()).checked_sub(PREFIX)?;
    let within_share = |(prefix, runs)| (prefix, covering(runs, share));
    (share >= 2).then(|| groups.into_iter().map(within_share).collect())
}
