//! Which node holds which address on a segment, in parts that one report shares with the next.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use ferrolb_segment::digest::bucket_of;
use ferrolb_segment::message::{BUCKETS, NodeId};

type Part = BTreeMap<IpAddr, NodeId>;

/// The holder of each address that has one. A clone shares everything, and what is shared is equal at a glance.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Holders(Arc<Vec<Arc<Part>>>);

impl Holders {
    /// Who holds the address.
    pub(crate) fn of(&self, address: IpAddr) -> Option<NodeId> {
        self.0[usize::from(bucket_of(address))].get(&address).copied()
    }

    /// How many addresses have one.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|part| part.len()).sum()
    }

    /// All of them, bucket by bucket, each in order of its addresses.
    pub(super) fn iter(&self) -> impl Iterator<Item = (IpAddr, NodeId)> + '_ {
        let parts = self.0.iter().flat_map(|part| part.iter());
        parts.map(|(address, node)| (*address, *node))
    }

    /// The address that [`Self::iter`] would name after this one; the first after the last.
    pub(super) fn after(&self, address: Option<IpAddr>) -> Option<IpAddr> {
        let bucket = address.map_or(0, |address| usize::from(bucket_of(address)));
        let rest = |address: IpAddr| self.0[bucket].range((Excluded(address), Unbounded)).next();
        let same = address.and_then(rest);
        let turned = (1..=self.0.len()).map(|more| (bucket + more) % self.0.len());
        let first = |bucket: usize| self.0[bucket].first_key_value();
        let next = same.or_else(|| match address {
            Some(_) => turned.into_iter().find_map(first),
            None => (0..self.0.len()).find_map(first),
        });
        next.map(|(address, _)| *address)
    }

    /// The addresses whose holder is another than it was, with the one that is; none if nobody holds it any more.
    pub(super) fn changed(&self, before: &Self) -> Vec<(IpAddr, Option<NodeId>)> {
        let parts = self.0.iter().zip(before.0.iter());
        let different = parts.filter(|(now, before)| !Arc::ptr_eq(now, before));
        let changes = different.flat_map(|(now, before)| {
            let gone = before.keys().filter(|address| !now.contains_key(*address));
            let gone = gone.map(|address| (*address, None));
            let other = now
                .iter()
                .filter(|(address, node)| before.get(*address) != Some(*node));
            other.map(|(address, node)| (*address, Some(*node))).chain(gone)
        });
        changes.collect()
    }

    /// What holds of the addresses of a bucket from now on; the rest stays shared with earlier clones.
    pub(super) fn replace(&mut self, bucket: usize, part: Part) {
        if *self.0[bucket] != part {
            Arc::make_mut(&mut self.0)[bucket] = Arc::new(part);
        }
    }
}

impl Default for Holders {
    fn default() -> Self {
        Self(Arc::new(vec![Arc::default(); usize::from(BUCKETS)]))
    }
}

impl FromIterator<(IpAddr, NodeId)> for Holders {
    fn from_iter<I: IntoIterator<Item = (IpAddr, NodeId)>>(holders: I) -> Self {
        let mut all = Self::default();
        let parts = Arc::make_mut(&mut all.0);
        for (address, node) in holders {
            let part = &mut parts[usize::from(bucket_of(address))];
            Arc::make_mut(part).insert(address, node);
        }
        all
    }
}
