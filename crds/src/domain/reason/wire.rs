//! What is wrong with an address on the wire.

use std::fmt;

use std::net::IpAddr;

use itertools::Itertools;

use super::words::NOT_ANNOUNCED;
use crate::domain::{Addresses, InterfaceName, Mac, NodeName};

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

/// Another station has the address, which no node announced yet.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Taken {
    /// The node that asked.
    pub finder: NodeName,
    /// Where this node sees it.
    pub interface: InterfaceName,
    /// The MAC address of the station that answers.
    pub mac: Mac,
}

/// How the sentence ends.
const BEFORE_ITS_FIRST_USE: &str = "before its first use";

impl Taken {
    /// The addresses that a condition's message says are taken.
    pub fn addresses_in(message: &str) -> Addresses {
        let sentences = message
            .split("; ")
            .filter_map(|one| one.split_once(NOT_ANNOUNCED));
        let taken = sentences.filter(|(_, why)| why.ends_with(BEFORE_ITS_FIRST_USE));
        let texts = taken.flat_map(|(addresses, _)| addresses.trim().split(", "));
        texts
            .filter_map(|text| text.parse::<IpAddr>().ok())
            .unique()
            .collect()
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            finder,
            interface,
            mac,
        } = self;
        write!(
            f,
            "another station ({}), which is no node, answers when node {finder} asks for the address on {interface} \
             {BEFORE_ITS_FIRST_USE}",
            mac.described()
        )
    }
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
            None => write!(f, "another station ({}), which is no node,", mac.described())?,
        }
        let how = if self.beside { "beside" } else { "in place of" };
        write!(
            f,
            " answers {how} node {holder} when node {witness} asks for the address on {interface}"
        )
    }
}
