//! ARP for IPv4 over Ethernet (RFC 826).

use std::net::Ipv4Addr;

use pnet_packet::Packet;
use pnet_packet::arp::{ArpHardwareTypes, ArpOperation, ArpOperations, ArpPacket, MutableArpPacket};
use pnet_packet::ethernet::{EtherTypes, EthernetPacket, MutableEthernetPacket};

use super::{ETHERNET_HEADER, Mac};

/// Bytes of an ARP frame without padding.
pub const FRAME: usize = ETHERNET_HEADER + 28;

/// What an ARP packet is, by its number (RFC 826).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operation {
    /// The question who has the target address. Also an announcement, or with sender 0.0.0.0 a probe (RFC 5227 §1.1).
    Request = 1,
    /// The sender has its address.
    Reply = 2,
}

/// An ARP packet and the Ethernet header around it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Arp {
    /// Ethernet destination.
    pub destination: Mac,
    /// Ethernet source.
    pub source: Mac,
    /// Question or answer.
    pub operation: Operation,
    /// Hardware address of the sender.
    pub sender_mac: Mac,
    /// Protocol address of the sender.
    pub sender: Ipv4Addr,
    /// Hardware address of the target; of no meaning in a request.
    pub target_mac: Mac,
    /// Protocol address of the target.
    pub target: Ipv4Addr,
}

impl Arp {
    /// Reads a frame; none if it is not ARP for IPv4 over Ethernet.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let ethernet = EthernetPacket::new(frame).filter(|frame| frame.get_ethertype() == EtherTypes::Arp)?;
        let arp = ArpPacket::new(ethernet.payload())?;
        let ipv4_over_ethernet = arp.get_hardware_type() == ArpHardwareTypes::Ethernet
            && arp.get_protocol_type() == EtherTypes::Ipv4
            && (arp.get_hw_addr_len(), arp.get_proto_addr_len()) == (6, 4);
        let operation = match arp.get_operation() {
            ArpOperations::Request => Operation::Request,
            ArpOperations::Reply => Operation::Reply,
            _ => return None,
        };
        ipv4_over_ethernet.then(|| Self {
            destination: Mac(ethernet.get_destination().octets()),
            source: Mac(ethernet.get_source().octets()),
            operation,
            sender_mac: Mac(arp.get_sender_hw_addr().octets()),
            sender: arp.get_sender_proto_addr(),
            target_mac: Mac(arp.get_target_hw_addr().octets()),
            target: arp.get_target_proto_addr(),
        })
    }

    /// The frame.
    pub fn emit(&self) -> [u8; FRAME] {
        let mut frame = [0; FRAME];
        let (header, payload) = frame.split_at_mut(ETHERNET_HEADER);
        if let Some(mut ethernet) = MutableEthernetPacket::new(header) {
            ethernet.set_destination(self.destination.0.into());
            ethernet.set_source(self.source.0.into());
            ethernet.set_ethertype(EtherTypes::Arp);
        }
        if let Some(mut arp) = MutableArpPacket::new(payload) {
            arp.set_hardware_type(ArpHardwareTypes::Ethernet);
            arp.set_protocol_type(EtherTypes::Ipv4);
            arp.set_hw_addr_len(6);
            arp.set_proto_addr_len(4);
            arp.set_operation(ArpOperation(self.operation as u16));
            arp.set_sender_hw_addr(self.sender_mac.0.into());
            arp.set_sender_proto_addr(self.sender);
            arp.set_target_hw_addr(self.target_mac.0.into());
            arp.set_target_proto_addr(self.target);
        }
        frame
    }

    /// The answer to this request from the station `own` that has the target: unicast to the sender.
    #[must_use]
    pub fn answer(&self, own: Mac) -> Self {
        Self {
            destination: self.sender_mac,
            source: own,
            operation: Operation::Reply,
            sender_mac: own,
            sender: self.target,
            target_mac: self.sender_mac,
            target: self.sender,
        }
    }

    /// Tells everybody unasked that `own` has the address: sender and target are the address, and the
    /// target's hardware address is broadcast. Some stations heed only one of the two forms, so both are
    /// sent, as MetalLB does (RFC 5944 §4.6 names them).
    #[must_use]
    pub fn gratuitous(operation: Operation, address: Ipv4Addr, own: Mac) -> Self {
        Self {
            destination: Mac::BROADCAST,
            source: own,
            operation,
            sender_mac: own,
            sender: address,
            target_mac: Mac::BROADCAST,
            target: address,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mac() -> impl Strategy<Value = Mac> {
        any::<[u8; 6]>().prop_map(Mac)
    }

    fn arp() -> impl Strategy<Value = Arp> {
        let operation = prop_oneof![Just(Operation::Request), Just(Operation::Reply)];
        let addresses = (any::<u32>(), any::<u32>());
        (operation, mac(), mac(), mac(), mac(), addresses).prop_map(
            |(operation, destination, source, sender_mac, target_mac, (sender, target))| Arp {
                destination,
                source,
                operation,
                sender_mac,
                sender: Ipv4Addr::from_bits(sender),
                target_mac,
                target: Ipv4Addr::from_bits(target),
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_emitted_is_parsed_back(arp in arp()) {
            prop_assert_eq!(Arp::parse(&arp.emit()), Some(arp));
        }

        #[test]
        fn any_bytes_are_parsed_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _any = Arp::parse(&bytes);
        }

        #[test]
        fn a_frame_cut_short_is_none(arp in arp(), length in 0..FRAME) {
            prop_assert_eq!(Arp::parse(&arp.emit()[..length]), None);
        }
    }

    #[test]
    fn a_frame_is_as_the_rfc_draws_it() {
        let own = Mac([2, 0, 0, 0, 0, 1]);
        let frame = Arp::gratuitous(Operation::Request, Ipv4Addr::new(192, 0, 2, 200), own).emit();
        let expected: [u8; FRAME] = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06, // Ethernet
            0, 1, 0x08, 0, 6, 4, 0, 1, // hardware, protocol, lengths, request
            2, 0, 0, 0, 0, 1, 192, 0, 2, 200, // sender
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 192, 0, 2, 200, // target
        ];
        assert_eq!(frame, expected);
    }
}
