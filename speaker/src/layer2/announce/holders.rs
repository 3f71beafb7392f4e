//! Which node holds which address on a segment, in parts that one report shares with the next.

use std::collections::BTreeMap;
use std::net::IpAddr;
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
