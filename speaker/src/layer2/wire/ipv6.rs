//! The header of IPv6 (RFC 8200), of packets between stations of one segment.

use std::net::Ipv6Addr;

pub(super) const ETHERTYPE: [u8; 2] = [0x86, 0xdd];
pub(super) const HEADER: usize = 40;
/// A packet that was forwarded has less: it is not from this link (RFC 4861 §7.1, RFC 5082).
pub(super) const HOP_LIMIT: u8 = 255;

/// Source, destination and what is in the packet; none if that is of another protocol or cut off, or was forwarded.
pub(super) fn read(packet: &[u8], protocol: u8) -> Option<(Ipv6Addr, Ipv6Addr, &[u8])> {
    let (header, rest) = packet.split_first_chunk::<HEADER>()?;
    let right = header[0] >> 4 == 6 && header[6] == protocol && header[7] == HOP_LIMIT;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let content = rest.get(..length).filter(|_| right)?;
    Some((address(&header[8..])?, address(&header[24..])?, content))
}

/// The address that these bytes begin with.
pub(super) fn address(bytes: &[u8]) -> Option<Ipv6Addr> {
    bytes.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes))
}

/// The header of a packet with so many bytes in it.
pub(super) fn header(source: Ipv6Addr, destination: Ipv6Addr, length: u16, protocol: u8) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[0] = 6 << 4;
    header[4..6].copy_from_slice(&length.to_be_bytes());
    (header[6], header[7]) = (protocol, HOP_LIMIT);
    header[8..24].copy_from_slice(&source.octets());
    header[24..].copy_from_slice(&destination.octets());
    header
}
