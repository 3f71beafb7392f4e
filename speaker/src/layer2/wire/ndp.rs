//! Neighbour solicitations and advertisements (RFC 4861 §4.3, §4.4) in IPv6 in Ethernet.

use std::net::Ipv6Addr;

use pnet_packet::ip::IpNextHeaderProtocols::Icmpv6;
use pnet_packet::util::ipv6_checksum;

use super::multicast::{ALL_NODES, group_mac, solicited_node};
use super::{ETHERNET_HEADER, Mac, ipv6};

const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/// Type, code, checksum, flags or reserved, target.
const MESSAGE: usize = 24;
pub(super) const SOURCE_LINK_ADDRESS: u8 = 1;
const TARGET_LINK_ADDRESS: u8 = 2;
/// Bytes of an option that holds an Ethernet address.
const LINK_OPTION: usize = 8;

/// Bytes of an advertisement with the target's link address, and of a solicitation with the asker's.
pub const ADVERTISEMENT_FRAME: usize = ETHERNET_HEADER + ipv6::HEADER + MESSAGE + LINK_OPTION;

/// Bytes of a question of duplicate address detection.
pub const DETECTION_FRAME: usize = ETHERNET_HEADER + ipv6::HEADER + MESSAGE;

/// A valid solicitation or advertisement, as far as it concerns which node has an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ndp {
    /// The question who has the target.
    Solicitation(Solicitation),
    /// Somebody has the target.
    Advertisement(Advertisement),
}

/// A neighbour solicitation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Solicitation {
    /// Ethernet destination.
    pub destination_mac: Mac,
    /// Ethernet source.
    pub source_mac: Mac,
    /// The node that asks; unspecified for duplicate address detection (RFC 4862 §5.4.2).
    pub source: Ipv6Addr,
    /// The address asked for.
    pub target: Ipv6Addr,
    /// The link address of the node that asks, where it says it; in a unicast question it need not.
    pub source_link: Option<Mac>,
}

/// A neighbour advertisement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Advertisement {
    /// Ethernet destination.
    pub destination_mac: Mac,
    /// Ethernet source.
    pub source_mac: Mac,
    /// IPv6 source.
    pub source: Ipv6Addr,
    /// IPv6 destination.
    pub destination: Ipv6Addr,
    /// An answer to a question.
    pub solicited: bool,
    /// Replaces what the receiver knew.
    pub override_: bool,
    /// The address that is advertised.
    pub target: Ipv6Addr,
    /// The link address of the target.
    pub target_link: Option<Mac>,
}

impl Ndp {
    /// Reads a frame; none if it is no valid solicitation or advertisement (RFC 4861 §7.1).
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let packet = Packet::read(frame)?;
        match packet.kind {
            SOLICITATION => packet.solicitation().map(Self::Solicitation),
            ADVERTISEMENT => packet.advertisement().map(Self::Advertisement),
            _ => None,
        }
    }
}

/// A message whose headers, length and checksum are right.
struct Packet<'a> {
    destination_mac: Mac,
    source_mac: Mac,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    kind: u8,
    flags: u8,
    target: Ipv6Addr,
    options: &'a [u8],
}

impl<'a> Packet<'a> {
    fn read(frame: &'a [u8]) -> Option<Self> {
        let (ethernet, packet) = frame.split_at_checked(ETHERNET_HEADER)?;
        let (source, destination, message) = ipv6::read(packet, Icmpv6.0)?;
        if ethernet[12..] != ipv6::ETHERTYPE || message.len() < MESSAGE || message[1] != 0 {
            return None;
        }
        let target = ipv6::address(&message[8..])?;
        (checksum(source, destination, message) == 0 && !target.is_multicast()).then_some(Self {
            destination_mac: Mac::read(ethernet)?,
            source_mac: Mac::read(&ethernet[6..])?,
            source,
            destination,
            kind: message[0],
            flags: message[4],
            target,
            options: &message[MESSAGE..],
        })
    }

    fn solicitation(&self) -> Option<Solicitation> {
        let source_link = link_address(self.options, SOURCE_LINK_ADDRESS)?;
        let detection = self.source.is_unspecified();
        let to_group = self.destination == solicited_node(self.target);
        // Duplicate address detection asks the group, and says nothing of itself.
        if detection && !(to_group && source_link.is_none()) {
            return None;
        }
        Some(Solicitation {
            destination_mac: self.destination_mac,
            source_mac: self.source_mac,
            source: self.source,
            target: self.target,
            source_link,
        })
    }

    fn advertisement(&self) -> Option<Advertisement> {
        let solicited = self.flags & 0x40 != 0;
        if solicited && self.destination.is_multicast() {
            return None;
        }
        Some(Advertisement {
            destination_mac: self.destination_mac,
            source_mac: self.source_mac,
            source: self.source,
            destination: self.destination,
            solicited,
            override_: self.flags & 0x20 != 0,
            target: self.target,
            target_link: link_address(self.options, TARGET_LINK_ADDRESS)?,
        })
    }
}

impl Solicitation {
    /// Asks everybody in the target's group (RFC 4861 §7.2.2). `source` is an address of who asks.
    #[must_use]
    pub fn to_group(target: Ipv6Addr, source: Ipv6Addr, own: Mac) -> Self {
        Self {
            destination_mac: group_mac(solicited_node(target)),
            source_mac: own,
            source,
            target,
            source_link: Some(own),
        }
    }

    /// The frame, to the target's group. Without a link address of who asks the option holds the source's.
    pub fn emit(&self) -> [u8; ADVERTISEMENT_FRAME] {
        let link = (SOURCE_LINK_ADDRESS, self.source_link.unwrap_or(self.source_mac));
        let message = message(SOLICITATION, 0, self.target, link);
        let macs = [self.destination_mac, self.source_mac];
        frame(macs, self.source, solicited_node(self.target), message)
    }

    /// Asks everybody in the target's group from no address, as duplicate address detection does (RFC 4862 §5.4.2): such a
    /// question has no option.
    #[must_use]
    pub fn detection(target: Ipv6Addr, own: Mac) -> [u8; DETECTION_FRAME] {
        let group = solicited_node(target);
        let message = plain(SOLICITATION, 0, target);
        frame([group_mac(group), own], Ipv6Addr::UNSPECIFIED, group, message)
    }

    /// The answer from the station `own` that has the target. To duplicate address detection it goes to
    /// all, since who asks has no address yet (RFC 4861 §7.2.4); else to who asks, at the link address he
    /// gave or sent from.
    #[must_use]
    pub fn answer(&self, own: Mac) -> Advertisement {
        let detection = self.source.is_unspecified();
        let destination = if detection { ALL_NODES } else { self.source };
        let asker = self.source_link.unwrap_or(self.source_mac);
        Advertisement {
            destination_mac: if detection { group_mac(ALL_NODES) } else { asker },
            source_mac: own,
            source: self.target,
            destination,
            solicited: !detection,
            override_: true,
            target: self.target,
            target_link: Some(own),
        }
    }
}

impl Advertisement {
    /// Tells everybody unasked that `own` has the address (RFC 4861 §7.2.6).
    #[must_use]
    pub fn unsolicited(address: Ipv6Addr, own: Mac) -> Self {
        Self {
            destination_mac: group_mac(ALL_NODES),
            source_mac: own,
            source: address,
            destination: ALL_NODES,
            solicited: false,
            override_: true,
            target: address,
            target_link: Some(own),
        }
    }

    /// The frame. The Router flag is never set: we route for nobody. Without a link address of the target
    /// the option holds the source's.
    pub fn emit(&self) -> [u8; ADVERTISEMENT_FRAME] {
        let flags = u8::from(self.solicited) << 6 | u8::from(self.override_) << 5;
        let link = (TARGET_LINK_ADDRESS, self.target_link.unwrap_or(self.source_mac));
        let message = message(ADVERTISEMENT, flags, self.target, link);
        let macs = [self.destination_mac, self.source_mac];
        frame(macs, self.source, self.destination, message)
    }
}

/// A message without options, but for its checksum.
fn plain(kind: u8, flags: u8, target: Ipv6Addr) -> [u8; MESSAGE] {
    let mut message = [0; MESSAGE];
    message[0] = kind;
    message[4] = flags;
    message[8..].copy_from_slice(&target.octets());
    message
}

/// A message with one option, but for its checksum.
fn message(kind: u8, flags: u8, target: Ipv6Addr, (option, link): (u8, Mac)) -> [u8; MESSAGE + LINK_OPTION] {
    let mut message = [0; MESSAGE + LINK_OPTION];
    message[..MESSAGE].copy_from_slice(&plain(kind, flags, target));
    message[24..26].copy_from_slice(&[option, 1]);
    message[26..].copy_from_slice(&link.0);
    message
}

/// A message in its headers, with its checksum. The MACs are those of destination and source.
fn frame<const LENGTH: usize, const FRAME: usize>(
    macs: [Mac; 2],
    source: Ipv6Addr,
    destination: Ipv6Addr,
    mut message: [u8; LENGTH],
) -> [u8; FRAME] {
    let sum = checksum(source, destination, &message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut frame = [0; FRAME];
    frame[..6].copy_from_slice(&macs[0].0);
    frame[6..12].copy_from_slice(&macs[1].0);
    frame[12..14].copy_from_slice(&ipv6::ETHERTYPE);
    let header = ipv6::header(source, destination, message.len() as u16, Icmpv6.0);
    frame[14..54].copy_from_slice(&header);
    frame[54..].copy_from_slice(&message);
    frame
}

/// The link address in the option of this kind, if there is one; none at all if the options are broken:
/// then the whole message is to be dropped (RFC 4861 §7.1.1, options of length 0).
pub(super) fn link_address(options: &[u8], wanted: u8) -> Option<Option<Mac>> {
    let (mut rest, mut found) = (options, None);
    while let [kind, units, ..] = *rest {
        let length = usize::from(units) * 8;
        if length == 0 {
            return None;
        }
        let (option, after) = rest.split_at_checked(length)?;
        if kind == wanted && length == LINK_OPTION {
            found = Mac::read(&option[2..]);
        }
        rest = after;
    }
    rest.is_empty().then_some(found)
}

/// The checksum of an ICMPv6 message with its pseudo-header (RFC 8200 §8.1); 0 over a message whose
/// checksum field is right.
fn checksum(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> u16 {
    const NO_WORD_LEFT_OUT: usize = usize::MAX;
    ipv6_checksum(message, NO_WORD_LEFT_OUT, &[], &source, &destination, Icmpv6)
}

#[cfg(test)]
pub(crate) mod tests;
