//! A frame counts once, and nothing counts that is older than what was heard already.

use thiserror::Error;

use super::recent::Recent;
use crate::mac::Mac;
use crate::message::{Boot, Instance, NodeId};

/// So many nodes are remembered, those heard or retired last.
pub const NODES: usize = 1024;
/// So many boots of a node are remembered, those heard or retired last.
pub const BOOTS: usize = 16;
/// So many interfaces of a boot are remembered, those heard last. A node has seldom more than one on a segment.
pub const INTERFACES: usize = 4;

/// Why an authentic frame does not count.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Stale {
    /// That frame or a later one of the same interface was heard already.
    #[error("heard already")]
    Replayed,
    /// Another boot took the place of this one, or it left.
    #[error("of a boot that is no more")]
    Retired,
}

impl Stale {
    /// All reasons.
    pub const ALL: [Self; 2] = [Self::Replayed, Self::Retired];

    /// The reason as the label of a metric.
    pub fn label(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Retired => "retired",
        }
    }
}

/// The last frames heard on one segment, in bounded memory.
///
/// An interface of another node is known by the Ethernet address that its frames are sealed with. A boot that was
/// forgotten counts as new: what it said then can be said again by anyone, and two-way liveness has to refuse it.
#[derive(Clone, Debug, Default)]
pub struct Sequences(Recent<NodeId, Recent<Boot, Heard, BOOTS>, NODES>);

#[derive(Clone, Debug)]
enum Heard {
    /// The last sequence of each interface.
    Running(Recent<Mac, u64, INTERFACES>),
    Retired,
}

impl Default for Heard {
    fn default() -> Self {
        Self::Running(Recent::default())
    }
}

impl Sequences {
    /// Remembers an authentic frame, which counts if it is later than what was heard of that boot and interface.
    ///
    /// # Errors
    ///
    /// If it does not count; then nothing is remembered.
    pub fn accept(&mut self, from: Instance, source: Mac, sequence: u64) -> Result<(), Stale> {
        self.judge(from, source, sequence)?;
        if let Heard::Running(interfaces) = self.touch(from) {
            *interfaces.touch(source) = sequence;
        }
        Ok(())
    }

    /// From now on nothing of that boot counts.
    pub fn retire(&mut self, instance: Instance) {
        *self.touch(instance) = Heard::Retired;
    }

    /// Whether such a frame would count, if it is authentic. What would not is not worth the check of its seal.
    ///
    /// # Errors
    ///
    /// If it would not.
    pub fn judge(&self, from: Instance, source: Mac, sequence: u64) -> Result<(), Stale> {
        match self.0.get(from.node).and_then(|boots| boots.get(from.boot)) {
            None => Ok(()),
            Some(Heard::Retired) => Err(Stale::Retired),
            Some(Heard::Running(interfaces)) => match interfaces.get(source) {
                Some(last) if *last >= sequence => Err(Stale::Replayed),
                _ => Ok(()),
            },
        }
    }

    fn touch(&mut self, instance: Instance) -> &mut Heard {
        self.0.touch(instance.node).touch(instance.boot)
    }
}
