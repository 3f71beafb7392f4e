//! Which pools the addresses of a Service are from.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::domain::{Addresses, PoolName};
use crate::names::{ALLOCATED_FROM_POOL, SECOND_ALLOCATED_FROM_POOL};

/// The pools that the addresses of a Service were given from, as the annotations say. A pool that was edited since may
/// no longer hold them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Origins {
    /// The pool of the first address.
    pub first: Option<PoolName>,
    /// The pool of the second address, if it is another one.
    pub second: Option<PoolName>,
}

impl Origins {
    /// What to write for addresses of these pools, IPv4 first.
    pub fn of(pools: &[PoolName]) -> Self {
        let first = pools.first();
        Self {
            first: first.cloned(),
            second: pools.get(1).filter(|second| Some(*second) != first).cloned(),
        }
    }

    /// What is written.
    pub fn read(annotations: &BTreeMap<String, String>) -> Self {
        let pool = |name| annotations.get(name).map(|pool| pool.as_str().into());
        Self {
            first: pool(ALLOCATED_FROM_POOL),
            second: pool(SECOND_ALLOCATED_FROM_POOL),
        }
    }

    /// The pool of one of these addresses of the Service, as far as that is said.
    pub fn of_address(&self, all: &Addresses, address: IpAddr) -> Option<&PoolName> {
        let is_second = all.iter().next() != Some(address);
        let second = self.second.as_ref().filter(|_| is_second);
        second.or(self.first.as_ref())
    }

    /// The annotations that say so.
    pub fn annotations(&self) -> BTreeMap<&'static str, &PoolName> {
        let named = [
            (ALLOCATED_FROM_POOL, &self.first),
            (SECOND_ALLOCATED_FROM_POOL, &self.second),
        ];
        let named = named.into_iter();
        named
            .filter_map(|(name, pool)| Some((name, pool.as_ref()?)))
            .collect()
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.first.is_none() && self.second.is_none()
    }
}
