//! What an instance does, and what it reports.

use std::net::IpAddr;
use std::time::Duration;

use crate::message::{Body, Epoch, Finding, Instance, NodeId};

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Answer for this address from now on.
    Hold(IpAddr),
    /// Do not answer for it any more.
    Release(IpAddr),
    /// Tell everybody that it is here.
    Announce(IpAddr),
    /// Say this to all speakers of the segment.
    Send(Body),
    /// This node, which is up or this one, found this on the wire.
    Found(NodeId, Vec<Finding>),
    /// Ask neighbours that are no speakers whether they hear this node.
    AskNeighbours,
    /// Ask all stations which of them has one of these addresses, from no address of this node's (N2).
    Probe(Vec<IpAddr>),
    /// Something that is worth a line in the log.
    Tell(Event),
}

/// Something that happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// This instance takes part from now on.
    Joined,
    /// An instance and this one hear each other.
    Up(Instance),
    /// An instance is silent for this long, and the others are asked.
    Suspected(Instance, Duration),
    /// Nobody hears an instance any more; its last frame is this old.
    Down(Instance, Duration),
    /// An address without a holder for this long was claimed.
    Claimed(IpAddr, Duration),
    /// An address was taken over from a node that yields it.
    TookOver(IpAddr),
    /// An address was given up, to this node or to nobody.
    GaveUp(IpAddr, Option<NodeId>),
    /// An address was given up because this node has a stronger claim.
    Lost(IpAddr, NodeId),
    /// A claim with an implausibly high epoch was ignored.
    Incredible(Instance, IpAddr, Epoch),
    /// More than half of the speakers hear this instance, or do not any more; under `single-owner` only.
    Majority(bool),
    /// This instance was late, or without a carrier, for so long that others may have taken over: it is silent until it
    /// knows more.
    Stunned(Duration),
}
