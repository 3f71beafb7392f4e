//! Which of two claims of one address wins.

use std::net::IpAddr;

use sha2::{Digest, Sha256};

use super::message::{Epoch, Hold, NodeId};

/// The strength of a claim; the greater one stays (C1).
///
/// It is a fact of the claim alone: neither what a node knows of the cluster nor how many addresses it holds enters, so
/// all nodes agree.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct ClaimKey {
    backed: bool,
    epoch: Epoch,
    hash: [u8; 32],
    node: NodeId,
}

impl ClaimKey {
    /// The key of this claim of the address by the node.
    pub(super) fn of(node: NodeId, address: IpAddr, hold: &Hold) -> Self {
        let hash = Sha256::new()
            .chain_update(node.0)
            .chain_update(address.to_string());
        Self {
            backed: hold.backed,
            epoch: hold.epoch,
            hash: hash.finalize().into(),
            node,
        }
    }
}
