//! What a frame means to us: an answer, somebody else's claim, or nothing, and then why.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use ferrolb_crds::domain::InterfaceName;

use crate::layer2::wire::Mac;
use crate::layer2::wire::arp::{self, Arp, Operation};
use crate::layer2::wire::ndp::{ADVERTISEMENT_FRAME, Advertisement, Ndp, Solicitation};

/// The interface a frame came in by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Port {
    /// Its name.
    pub interface: InterfaceName,
    /// Its own address, which answers name.
    pub mac: Mac,
    /// The addresses of all interfaces of this node: two may be on one segment, and hear each other.
    pub siblings: BTreeSet<Mac>,
}

impl Port {
    fn is_own(&self, mac: Mac) -> bool {
        mac == self.mac || self.siblings.contains(&mac)
    }
}

/// What a frame means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Response {
    /// Answer with this frame.
    Reply {
        /// The address that was asked for.
        address: IpAddr,
        /// The answer.
        frame: Frame,
    },
    /// Another station says that it has an address that we hold.
    ForeignClaim {
        /// The address.
        address: IpAddr,
        /// The other station.
        mac: Mac,
    },
    /// Nothing.
    Ignored(Ignored),
}

/// Why a frame is ignored; the value of a metric label.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Ignored {
    /// Neither ARP nor a valid neighbour solicitation or advertisement.
    NotOurProtocol,
    /// Tagged for a VLAN: not of this interface's segment.
    Vlan,
    /// From an interface of this node.
    OwnFrame,
    /// An answer to somebody else's question.
    NotAQuestion,
    /// Sent to another station.
    OtherDestination,
    /// Names no station that could be answered.
    NoSender,
    /// Asks for an address that is not held here.
    NotHeld,
}

impl Ignored {
    /// All reasons, each with the value of its metric label.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::NotOurProtocol, "not_our_protocol"),
        (Self::Vlan, "vlan"),
        (Self::OwnFrame, "own_frame"),
        (Self::NotAQuestion, "not_a_question"),
        (Self::OtherDestination, "other_destination"),
        (Self::NoSender, "no_sender"),
        (Self::NotHeld, "not_held"),
    ];
}

/// A frame to send, without allocation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Frame {
    bytes: [u8; ADVERTISEMENT_FRAME],
    length: usize,
}

impl Frame {
    /// The frame as bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl From<Arp> for Frame {
    fn from(arp: Arp) -> Self {
        let mut bytes = [0; ADVERTISEMENT_FRAME];
        bytes[..arp::FRAME].copy_from_slice(&arp.emit());
        Self {
            bytes,
            length: arp::FRAME,
        }
    }
}

impl From<Advertisement> for Frame {
    fn from(advertisement: Advertisement) -> Self {
        Self {
            bytes: advertisement.emit(),
            length: ADVERTISEMENT_FRAME,
        }
    }
}

/// The frames that tell everybody unasked that this port has the address.
pub fn gratuitous(address: IpAddr, port: &Port) -> impl Iterator<Item = Frame> + use<> {
    let frames: [Option<Frame>; 2] = match address {
        IpAddr::V4(v4) => [Operation::Request, Operation::Reply]
            .map(|operation| Some(Arp::gratuitous(operation, v4, port.mac).into())),
        IpAddr::V6(v6) => [Some(Advertisement::unsolicited(v6, port.mac).into()), None],
    };
    frames.into_iter().flatten()
}

/// Judges a frame that came in by `port`, on which the addresses `held` are held: one look-up for each question. `vlan` is
/// the tag that the kernel took off; priority tags (VLAN 0) belong to the segment itself.
pub fn respond(frame: &[u8], vlan: Option<u16>, port: &Port, held: &HashSet<IpAddr>) -> Response {
    if vlan.is_some_and(|tag| tag & 0x0fff != 0) {
        return Response::Ignored(Ignored::Vlan);
    }
    if let Some(arp) = Arp::parse(frame) {
        return to_arp(&arp, port, held);
    }
    match Ndp::parse(frame) {
        Some(Ndp::Solicitation(question)) => to_solicitation(&question, port, held),
        Some(Ndp::Advertisement(claim)) => to_advertisement(&claim, port, held),
        None => Response::Ignored(Ignored::NotOurProtocol),
    }
}

fn to_arp(arp: &Arp, port: &Port, held: &HashSet<IpAddr>) -> Response {
    if port.is_own(arp.source) || port.is_own(arp.sender_mac) {
        return Response::Ignored(Ignored::OwnFrame);
    }
    if !arp.sender_mac.is_station() {
        return Response::Ignored(Ignored::NoSender);
    }
    if held.contains(&arp.sender.into()) {
        return Response::ForeignClaim {
            address: arp.sender.into(),
            mac: arp.sender_mac,
        };
    }
    if arp.operation == Operation::Reply {
        return Response::Ignored(Ignored::NotAQuestion);
    }
    if arp.destination != Mac::BROADCAST && arp.destination != port.mac {
        return Response::Ignored(Ignored::OtherDestination);
    }
    answered(arp.target.into(), held, || arp.answer(port.mac).into())
}

fn to_solicitation(question: &Solicitation, port: &Port, held: &HashSet<IpAddr>) -> Response {
    if port.is_own(question.source_mac) || question.source_link.is_some_and(|mac| port.is_own(mac)) {
        return Response::Ignored(Ignored::OwnFrame);
    }
    if question.destination_mac != port.mac && !question.destination_mac.is_group() {
        return Response::Ignored(Ignored::OtherDestination);
    }
    if !question.source_link.unwrap_or(question.source_mac).is_station() || question.source.is_multicast() {
        return Response::Ignored(Ignored::NoSender);
    }
    answered(question.target.into(), held, || question.answer(port.mac).into())
}

fn to_advertisement(claim: &Advertisement, port: &Port, held: &HashSet<IpAddr>) -> Response {
    let mac = claim.target_link.unwrap_or(claim.source_mac);
    if port.is_own(mac) || port.is_own(claim.source_mac) {
        return Response::Ignored(Ignored::OwnFrame);
    }
    if !mac.is_station() {
        return Response::Ignored(Ignored::NoSender);
    }
    let address = claim.target.into();
    match held.contains(&address) {
        true => Response::ForeignClaim { address, mac },
        false => Response::Ignored(Ignored::NotAQuestion),
    }
}

fn answered(address: IpAddr, held: &HashSet<IpAddr>, answer: impl FnOnce() -> Frame) -> Response {
    match held.contains(&address) {
        true => Response::Reply {
            address,
            frame: answer(),
        },
        false => Response::Ignored(Ignored::NotHeld),
    }
}

#[cfg(test)]
mod tests;
