//! Fields into bytes.

use crate::message::{Instance, NodeId, Part};

/// Where fields are appended.
pub(super) struct Writer<'a>(pub(super) &'a mut Vec<u8>);

impl Writer<'_> {
    pub(super) fn bytes(&mut self, field: &[u8]) {
        self.0.extend_from_slice(field);
    }

    pub(super) fn u8(&mut self, field: u8) {
        self.0.push(field);
    }

    pub(super) fn u16(&mut self, field: u16) {
        self.bytes(&field.to_be_bytes());
    }

    pub(super) fn u32(&mut self, field: u32) {
        self.bytes(&field.to_be_bytes());
    }

    pub(super) fn u64(&mut self, field: u64) {
        self.bytes(&field.to_be_bytes());
    }

    /// The flags that are true.
    pub(super) fn flags<const N: usize>(&mut self, flags: [(bool, u8); N]) {
        let set = flags.into_iter().filter(|(on, _)| *on);
        self.u8(set.fold(0, |all, (_, bit)| all | bit));
    }

    pub(super) fn node(&mut self, node: NodeId) {
        self.bytes(&node.0);
    }

    pub(super) fn instance(&mut self, instance: Instance) {
        self.node(instance.node);
        self.u64(instance.boot.0);
    }

    pub(super) fn part(&mut self, part: Part) {
        self.u8(part.index);
        self.u8(part.of);
    }
}
