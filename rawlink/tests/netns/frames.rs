//! Frames to send, and what shall pass.

use std::net::{Ipv4Addr, Ipv6Addr};

use ferrolb_rawlink::filter::{Interest, Program, program};
use ferrolb_rawlink::{MacBytes, PacketSocket, Received};

pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
pub(crate) const OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 11);
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 200);
pub(crate) const VIP6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10);
pub(crate) const OTHER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x11);
/// An EtherType for local experiments (IEEE 802).
pub(crate) const BEACON: u16 = 0x88b5;
pub(crate) const BROADCAST: MacBytes = [0xff; 6];

pub(crate) fn nothing() -> Program {
    program(&Interest::default())
}

pub(crate) fn about(ipv4: &[Ipv4Addr]) -> Program {
    program(&Interest {
        ipv4: ipv4.iter().copied().collect(),
        ..Interest::default()
    })
}

pub(crate) fn of_types(ether_types: &[u16]) -> Program {
    program(&Interest {
        ether_types: ether_types.iter().copied().collect(),
        ..Interest::default()
    })
}

pub(crate) fn ethernet(destination: MacBytes, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = destination.to_vec();
    frame.extend([2, 0, 0, 0, 0, 1]);
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

pub(crate) fn beacon(number: u32) -> Vec<u8> {
    ethernet(BROADCAST, BEACON, &number.to_be_bytes())
}

fn arp(opcode: u8, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut payload = vec![0, 1, 8, 0, 6, 4, 0, opcode, 2, 0, 0, 0, 0, 1];
    payload.extend(sender.octets());
    payload.extend([0; 6]);
    payload.extend(target.octets());
    ethernet(BROADCAST, 0x0806, &payload)
}

pub(crate) fn request(sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    arp(1, sender, target)
}

pub(crate) fn reply(sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    arp(2, sender, target)
}

/// A neighbour message: 135 solicits, 136 advertises.
pub(crate) fn neighbour(kind: u8, target: Ipv6Addr) -> Vec<u8> {
    let mut payload = vec![0x60, 0, 0, 0, 0, 24, 58, 255];
    payload.extend([0; 32]);
    payload.extend([kind, 0, 0, 0, 0, 0, 0, 0]);
    payload.extend(target.octets());
    ethernet([0x33, 0x33, 0xff, 0, 0, 0x10], 0x86dd, &payload)
}

/// The same frame with an 802.1Q tag.
pub(crate) fn tagged(frame: &[u8], tag: u16) -> Vec<u8> {
    let mut tagged = frame[..12].to_vec();
    tagged.extend([0x81, 0x00]);
    tagged.extend(tag.to_be_bytes());
    tagged.extend(&frame[12..]);
    tagged
}

pub(crate) async fn receive(socket: &PacketSocket) -> (Received, Vec<u8>) {
    let mut buffer = [0; 2048];
    let received = socket.recv(&mut buffer).await.unwrap();
    (received, buffer[..received.length].to_vec())
}
