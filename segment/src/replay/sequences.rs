//! A frame counts once, and nothing counts that is older than what was heard already.

use thiserror::Error;

use super::recent::Recent;
use crate::mac::Mac;
use crate::message::{Boot, Instance, NodeId};

/// So many nodes are remembered, those heard last.
pub const NODES: usize = 1024;
/// So many boots of a node are remembered, those heard last.
pub const BOOTS: usize = 16;
/// So many interfaces of a boot are remembered, those heard last. A node has seldom more than one on a segment.
pub const INTERFACES: usize = 4;

/// That frame or a later one of the same boot and interface was heard already.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("heard already")]
pub struct Replayed;

/// The last frames heard on one segment, in bounded memory (S3).
///
/// An interface of another node is known by the Ethernet address that its frames are sealed with. A boot that was
/// forgotten counts as new: what it said then can be said again by anyone, and two-way liveness has to refuse it.
#[derive(Clone, Debug, Default)]
pub struct Sequences(Recent<NodeId, Recent<Boot, Recent<Mac, u64, INTERFACES>, BOOTS>, NODES>);

impl Sequences {
    /// Remembers an authentic frame, which counts if it is later than what was heard of that boot and interface.
    ///
    /// # Errors
    ///
    /// If it does not count; then nothing is remembered.
    pub fn accept(&mut self, from: Instance, source: Mac, sequence: u64) -> Result<(), Replayed> {
        self.judge(from, source, sequence)?;
        *self.0.touch(from.node).touch(from.boot).touch(source) = sequence;
        Ok(())
    }

    /// Whether such a frame would count, if it is authentic. What would not is not worth the check of its seal.
    ///
    /// # Errors
    ///
    /// If it would not.
    pub fn judge(&self, from: Instance, source: Mac, sequence: u64) -> Result<(), Replayed> {
        let interfaces = self.0.get(from.node).and_then(|boots| boots.get(from.boot));
        match interfaces.and_then(|interfaces| interfaces.get(source)) {
            Some(last) if *last >= sequence => Err(Replayed),
            _ => Ok(()),
        }
    }
}
