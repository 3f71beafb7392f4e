//! The connection: what came and is no whole message yet, and what waits to be written.

use std::collections::BTreeSet;

use super::report::Counters;
use super::spec::NextHops;
use crate::bgp::routes::OUTGOING_MAX;
use crate::bgp::wire::{Kind, MESSAGE_MAX};
use crate::prefix::Family;

/// Kept for the next messages when everything is written.
const SPARE: usize = 4096;

/// One connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Connection {
    next_hops: NextHops,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    /// So much of `outgoing` is written.
    written: usize,
    /// So much was written and is gone.
    gone: u64,
    /// What the peer asked for again, and is to be told once there is room: asking often costs no more than once.
    pub(super) asked: BTreeSet<Family>,
}

impl Connection {
    /// There is a new one.
    pub(super) fn open(&mut self, next_hops: NextHops) {
        *self = Self {
            next_hops,
            ..Self::default()
        };
    }

    /// There is none any more. Returns what was not written.
    pub(super) fn close(&mut self) -> Vec<u8> {
        let last = self.outgoing().to_vec();
        *self = Self::default();
        last
    }

    pub(super) fn next_hops(&self) -> NextHops {
        self.next_hops
    }

    pub(super) fn outgoing(&self) -> &[u8] {
        &self.outgoing[self.written..]
    }

    /// How much was ever to be written.
    pub(super) fn said(&self) -> u64 {
        self.gone + self.outgoing.len() as u64
    }

    pub(super) fn has_room(&self) -> bool {
        self.outgoing().len() + MESSAGE_MAX <= OUTGOING_MAX
    }

    /// Where to append; what was written makes room first.
    pub(super) fn paper(&mut self) -> &mut Vec<u8> {
        self.outgoing.drain(..self.written);
        self.gone += self.written as u64;
        self.written = 0;
        &mut self.outgoing
    }

    /// Appends a message.
    pub(super) fn say(&mut self, kind: Kind, counters: &mut Counters, emit: impl FnOnce(&mut Vec<u8>)) {
        counters.sent[kind as usize - 1] += 1;
        emit(self.paper());
    }

    /// So much more was written. Returns whether that is anything.
    pub(super) fn sent(&mut self, count: usize) -> bool {
        self.written = self.outgoing.len().min(self.written + count);
        if self.outgoing().is_empty() {
            self.paper().shrink_to(SPARE);
        }
        count > 0
    }

    /// What came before and is no whole message, with this after it.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut incoming = std::mem::take(&mut self.incoming);
        incoming.extend_from_slice(bytes);
        incoming
    }

    /// Keeps what is no whole message yet.
    pub(super) fn keep(&mut self, rest: &[u8]) {
        self.incoming = rest.to_vec();
    }
}
