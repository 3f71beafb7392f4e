//! What is wrong with an address on the wire.

use std::fmt;

use crate::domain::{InterfaceName, Mac, NodeName};

/// Nobody answers.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Unanswered {
    /// The node that asks.
    pub witness: NodeName,
    /// Where this node sees it.
    pub interface: InterfaceName,
    /// The node that holds the address.
    pub holder: NodeName,
    /// The MAC address of the holder's interface there.
    pub mac: Mac,
}

/// Another station answers.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Disputed {
    /// The node that asks.
    pub witness: NodeName,
    /// Where this node sees it.
    pub interface: InterfaceName,
    /// The node that holds the address.
    pub holder: NodeName,
    /// The MAC address of the station that answers.
    pub mac: Mac,
    /// The node that it belongs to, if it is one's.
    pub owner: Option<NodeName>,
    /// The holder answers too, or a third.
    pub beside: bool,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            witness,
            interface,
            holder,
            mac,
        } = self;
        write!(
            f,
            "node {holder} (MAC address {mac}) does not answer when node {witness} asks for the address on {interface}"
        )
    }
}

impl fmt::Display for Disputed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            witness,
            interface,
            holder,
            mac,
            ..
        } = self;
        match &self.owner {
            Some(owner) => write!(f, "node {owner} (MAC address {mac})")?,
            None => write!(f, "another station (MAC address {mac}), which is no node,")?,
        }
        let how = if self.beside { "beside" } else { "in place of" };
        write!(
            f,
            " answers {how} node {holder} when node {witness} asks for the address on {interface}"
        )
    }
}
