//! Which node holds which address, looked up again only where it may have changed.
//!
//! A holder changes with a page of claims, of this node or of another, or when a peer comes or goes; nothing else changes
//! one. Pages name buckets of addresses, so these are the parts that are looked up.

use std::net::IpAddr;

use ferrolb_segment::digest::bucket_of;
use ferrolb_segment::message::{BUCKETS, Body, NodeId};
use ferrolb_segment::{Effect, Event, SegmentView};

use crate::layer2::announce::holders::Holders;

/// The holders of the addresses of the view.
#[derive(Default)]
pub(super) struct HolderIndex {
    /// The addresses of the view, by bucket.
    addresses: Vec<Vec<IpAddr>>,
    known: Holders,
    /// The buckets that are to be looked up again, as bits.
    stale: u64,
}

const _: () = assert!(BUCKETS as u32 <= u64::BITS);

impl HolderIndex {
    /// The cluster names these addresses.
    pub(super) fn follow(&mut self, view: &SegmentView) {
        let mut addresses = vec![Vec::new(); usize::from(BUCKETS)];
        for address in view.groups.keys() {
            addresses[usize::from(bucket_of(*address))].push(*address);
        }
        for (bucket, now) in addresses.iter().enumerate() {
            if self.addresses.get(bucket) != Some(now) {
                self.stale |= 1 << bucket;
            }
        }
        self.addresses = addresses;
    }

    /// Another node said this.
    pub(super) fn heard(&mut self, body: &Body) {
        if let Body::Claims(page) = body {
            self.stale |= 1 << page.bucket;
        }
    }

    /// This node does this.
    pub(super) fn did(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Send(body) => self.heard(body),
                Effect::Tell(Event::Up(_) | Event::Down(..)) => self.stale = u64::MAX,
                _ => {}
            }
        }
    }

    /// Looks up what may have changed.
    pub(super) fn renew(&mut self, holder: impl Fn(IpAddr) -> Option<NodeId>) -> Holders {
        let stale = std::mem::take(&mut self.stale);
        let is_stale = |bucket: &usize| stale >> bucket & 1 == 1;
        for bucket in (0..self.addresses.len()).filter(is_stale) {
            let held = self.addresses[bucket].iter();
            let part = held.filter_map(|address| Some((*address, holder(*address)?)));
            self.known.replace(bucket, part.collect());
        }
        self.known.clone()
    }
}

#[cfg(test)]
mod tests;
