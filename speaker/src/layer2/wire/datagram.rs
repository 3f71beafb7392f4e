//! UDP datagrams (RFC 768) in IPv4 without options or in IPv6, in Ethernet, between stations of one segment.

use std::net::{IpAddr, Ipv4Addr};

use pnet_packet::ip::IpNextHeaderProtocols::Udp;
use pnet_packet::util::{checksum, ipv4_checksum, ipv6_checksum};

use super::ipv6::{self, HOP_LIMIT};
use super::{ETHERNET_HEADER, Mac};

const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
const IPV4_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
const UDP: u8 = Udp.0;
/// Which word of a header its checksum is, from 0.
const IPV4_SUM_WORD: usize = 5;
const UDP_SUM_WORD: usize = 3;
const DO_NOT_FRAGMENT: u8 = 0x40;

/// A datagram and the headers around it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Datagram<'a> {
    /// Ethernet destination.
    pub destination_mac: Mac,
    /// Ethernet source.
    pub source_mac: Mac,
    /// The source, of the same family as the destination.
    pub source: IpAddr,
    /// The station it is for.
    pub destination: IpAddr,
    /// What it says.
    pub payload: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// Reads a frame; none if it is no whole datagram from and to this port, or was forwarded. The checksums are left
    /// to who checks more.
    pub fn parse(frame: &'a [u8], port: u16) -> Option<Self> {
        let (ethernet, packet) = frame.split_at_checked(ETHERNET_HEADER)?;
        let (source, destination, datagram) = match [ethernet[12], ethernet[13]] {
            ETHERTYPE_IPV4 => ipv4(packet)?,
            ipv6::ETHERTYPE => {
                let (source, destination, datagram) = ipv6::read(packet, UDP)?;
                (source.into(), destination.into(), datagram)
            }
            _ => return None,
        };
        let (header, _) = datagram.split_first_chunk::<UDP_HEADER>()?;
        let ports = port.to_be_bytes();
        let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
        let right = header[..2] == ports && header[2..4] == ports;
        Some(Self {
            destination_mac: Mac::read(ethernet)?,
            source_mac: Mac::read(&ethernet[6..])?,
            source,
            destination,
            payload: datagram.get(UDP_HEADER..length).filter(|_| right)?,
        })
    }

    /// The frame, from and to the port; none if the families differ or it is too long.
    pub fn emit(&self, port: u16) -> Option<Vec<u8>> {
        let length = u16::try_from(UDP_HEADER + self.payload.len()).ok()?;
        let mut frame = Vec::with_capacity(ETHERNET_HEADER + ipv6::HEADER + usize::from(length));
        frame.extend(self.destination_mac.0);
        frame.extend(self.source_mac.0);
        let mut datagram = [
            port.to_be_bytes(),
            port.to_be_bytes(),
            length.to_be_bytes(),
            [0; 2],
        ]
        .concat();
        datagram.extend(self.payload);
        let sum = match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                frame.extend(ETHERTYPE_IPV4);
                frame.extend(ipv4_header(source, destination, length)?);
                ipv4_checksum(&datagram, UDP_SUM_WORD, &[], &source, &destination, Udp)
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                frame.extend(ipv6::ETHERTYPE);
                frame.extend(ipv6::header(source, destination, length, UDP));
                ipv6_checksum(&datagram, UDP_SUM_WORD, &[], &source, &destination, Udp)
            }
            _ => return None,
        };
        // Zero says that there is none (RFC 768).
        let sum = if sum == 0 { u16::MAX } else { sum };
        datagram[6..8].copy_from_slice(&sum.to_be_bytes());
        frame.extend(datagram);
        Some(frame)
    }
}

fn ipv4(packet: &[u8]) -> Option<(IpAddr, IpAddr, &[u8])> {
    let (header, _) = packet.split_first_chunk::<IPV4_HEADER>()?;
    let [
        0x45,
        _,
        long,
        short,
        _,
        _,
        flags,
        offset,
        HOP_LIMIT,
        UDP,
        _,
        _,
        rest @ ..,
    ] = *header
    else {
        return None;
    };
    let [a, b, c, d, e, f, g, h] = rest;
    let is_whole = flags & !DO_NOT_FRAGMENT == 0 && offset == 0;
    let length = usize::from(u16::from_be_bytes([long, short]));
    let datagram = packet.get(IPV4_HEADER..length).filter(|_| is_whole)?;
    Some(([a, b, c, d].into(), [e, f, g, h].into(), datagram))
}

fn ipv4_header(source: Ipv4Addr, destination: Ipv4Addr, length: u16) -> Option<[u8; IPV4_HEADER]> {
    let mut header = [0; IPV4_HEADER];
    let whole = length.checked_add(IPV4_HEADER as u16)?;
    header[0] = 0x45;
    header[2..4].copy_from_slice(&whole.to_be_bytes());
    header[6] = DO_NOT_FRAGMENT;
    (header[8], header[9]) = (HOP_LIMIT, UDP);
    header[12..16].copy_from_slice(&source.octets());
    header[16..].copy_from_slice(&destination.octets());
    let sum = checksum(&header, IPV4_SUM_WORD);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    Some(header)
}

#[cfg(test)]
mod tests {
    use etherparse::{PacketHeaders, TransportHeader};
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const PORT: u16 = 7947;

    fn datagram<'a>(source: &str, destination: &str, payload: &'a [u8]) -> Datagram<'a> {
        Datagram {
            destination_mac: Mac([2, 0, 0, 0, 0, 2]),
            source_mac: Mac([2, 0, 0, 0, 0, 1]),
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            payload,
        }
    }

    #[rstest]
    #[case::ipv4("192.0.2.1", "192.0.2.2")]
    #[case::ipv6("2001:db8::1", "2001:db8::2")]
    fn what_is_emitted_is_parsed_back_and_summed_as_others_sum(#[case] source: &str, #[case] to: &str) {
        let datagram = datagram(source, to, b"odd");
        let frame = datagram.emit(PORT).unwrap();
        assert_eq!(Datagram::parse(&frame, PORT), Some(datagram));
        let headers = PacketHeaders::from_ethernet_slice(&frame).unwrap();
        let Some(TransportHeader::Udp(udp)) = headers.transport else {
            panic!("{headers:?}");
        };
        let sum = match headers.net.unwrap() {
            etherparse::NetHeaders::Ipv4(ip, _) => {
                assert_eq!(ip.header_checksum, ip.calc_header_checksum());
                udp.calc_checksum_ipv4(&ip, b"odd").unwrap()
            }
            etherparse::NetHeaders::Ipv6(ip, _) => udp.calc_checksum_ipv6(&ip, b"odd").unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(udp.checksum, sum);
    }

    #[rstest]
    #[case::forwarded_ipv4("192.0.2.1", "192.0.2.2", 22, 254)]
    #[case::forwarded_ipv6("2001:db8::1", "2001:db8::2", 21, 254)]
    #[case::tcp("192.0.2.1", "192.0.2.2", 23, 6)]
    #[case::fragment("192.0.2.1", "192.0.2.2", 20, 0x20)]
    #[case::options("192.0.2.1", "192.0.2.2", 14, 0x46)]
    #[case::other_port("192.0.2.1", "192.0.2.2", 37, 0)]
    fn another_packet_is_none(#[case] source: &str, #[case] to: &str, #[case] at: usize, #[case] byte: u8) {
        let mut frame = datagram(source, to, b"beacon").emit(PORT).unwrap();
        frame[at] = byte;
        assert_eq!(Datagram::parse(&frame, PORT), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..90)) {
            let _any = Datagram::parse(&bytes, PORT);
        }

        #[test]
        fn a_datagram_cut_short_is_none(length in 0_usize..48) {
            let frame = datagram("192.0.2.1", "192.0.2.2", b"beacon").emit(PORT).unwrap();
            prop_assert_eq!(Datagram::parse(&frame[..length.min(frame.len() - 1)], PORT), None);
        }
    }
}
