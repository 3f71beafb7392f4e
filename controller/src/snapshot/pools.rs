//! The pools of a snapshot. They are parsed and put together again only when one of them changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_crds::api::IPAddressPool;
use ferrolb_crds::domain::{Invalid, Pool, PoolName, Pools};
use ferrolb_runtime::reflect::{Parsed, Problem, Reflection};
use kube::Resource;

use super::SeenPool;

/// The pools as they were read last.
#[derive(Default)]
pub(super) struct ReadPools {
    parsed: Parsed<IPAddressPool, Pool>,
    together: Pools,
    overlaps: Vec<Problem>,
}

impl ReadPools {
    /// Follows the store.
    pub(super) fn read(&mut self, store: &Reflection<IPAddressPool>) {
        if !self.parsed.read_all(store, Pool::read) {
            return;
        }
        let (together, overlaps) = Pools::new(self.parsed.values().cloned());
        self.overlaps = self.problems_of(overlaps);
        self.together = together;
    }

    /// All valid pools.
    pub(super) fn together(&self) -> &Pools {
        &self.together
    }

    /// The valid pools as the watch shows them.
    pub(super) fn seen(&self) -> BTreeMap<PoolName, SeenPool> {
        let seen = |(object, pool): (&Arc<IPAddressPool>, &Pool)| {
            let seen = SeenPool {
                reference: object.object_ref(&()),
                status: object.status.clone(),
            };
            (pool.name.clone(), seen)
        };
        self.parsed.objects().map(seen).collect()
    }

    /// What is skipped in whole or in part.
    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.parsed.problems().chain(&self.overlaps)
    }

    /// Problems of pools, about the objects as the watch shows them.
    pub(super) fn problems_of(&self, found: Vec<(PoolName, Invalid)>) -> Vec<Problem> {
        self.parsed.problems_of(found, |pool| &pool.name)
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_runtime::reflect::{Entry, ObjectKey};
    use serde_json::{Value, json};

    use super::*;

    fn store(pools: &[(&str, &str, Value)]) -> Reflection<IPAddressPool> {
        let entry = |(name, addresses, status): &(&str, &str, Value)| {
            let metadata = json!({ "name": name, "namespace": "lb" });
            let object = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
                "metadata": metadata, "spec": { "addresses": [addresses] }, "status": status });
            let object = serde_json::from_value(object).unwrap();
            (ObjectKey::new("lb", *name), Entry::Object(Arc::new(object)))
        };
        Reflection::fixed(pools.iter().map(entry).collect())
    }

    fn status(assigned: i64) -> Value {
        json!({ "assignedIPv4": assigned, "assignedIPv6": 0, "availableIPv4": 9, "availableIPv6": 0 })
    }

    #[test]
    fn pools_of_which_only_the_counters_changed_are_not_put_together_again() {
        let mut pools = ReadPools::default();
        pools.read(&store(&[("a", "192.0.2.0/24", status(1))]));
        let before = pools.together().all_addresses().as_ptr();
        pools.read(&store(&[("a", "192.0.2.0/24", status(2))]));
        assert_eq!(pools.together().all_addresses().as_ptr(), before);
        assert_eq!(
            pools.seen()[&"a".into()].status.as_ref().unwrap().assigned_ipv4,
            2
        );
    }

    #[test]
    fn a_pool_that_changed_is_put_together_with_the_others_again() {
        let mut pools = ReadPools::default();
        pools.read(&store(&[("a", "192.0.2.0/24", status(1))]));
        pools.read(&store(&[
            ("a", "192.0.2.0/25", status(1)),
            ("b", "192.0.2.0/24", status(0)),
        ]));
        let owner = |address: &str| {
            pools
                .together()
                .owner(address.parse().unwrap())
                .map(|pool| pool.name.clone())
        };
        assert_eq!(owner("192.0.2.1"), Some("a".into()));
        assert_eq!(owner("192.0.2.200"), Some("b".into()));
        let problems: Vec<String> = pools.problems().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "IPAddressPool b: spec.addresses: 192.0.2.0-192.0.2.255 overlaps pool a, which keeps the common addresses"
            ]
        );
    }
}
