//! A store as values, read again only when it has changed.

use std::sync::Arc;

use ferrolb_crds::domain::Invalid;
use ferrolb_runtime::reflect::{Entry, Reflection};
use kube::Resource;

use super::snapshot::Fault;

/// What was read of a store, and of which version.
#[derive(Debug)]
pub(super) struct Parsed<T> {
    version: Option<u64>,
    value: Arc<T>,
    faults: Vec<Fault>,
}

impl<T: Default> Default for Parsed<T> {
    fn default() -> Self {
        Self {
            version: None,
            value: Arc::default(),
            faults: Vec::new(),
        }
    }
}

impl<T: PartialEq> Parsed<T> {
    /// The store as a value. An equal value stays the very same.
    pub(super) fn read<K: Resource<DynamicType = ()>>(
        &mut self,
        store: &Reflection<K>,
        faults: &mut Vec<Fault>,
        make: impl FnOnce(Vec<Arc<K>>, &mut Vec<Fault>) -> T,
    ) -> Arc<T> {
        let version = store.version();
        if self.version != Some(version) {
            self.faults.clear();
            let objects = objects(store, &mut self.faults);
            let value = make(objects, &mut self.faults);
            if *self.value != value {
                self.value = Arc::new(value);
            }
            self.version = Some(version);
        }
        faults.extend(self.faults.iter().cloned());
        self.value.clone()
    }
}

/// Every object of a store that could be decoded; the others become faults.
pub(super) fn objects<K>(store: &Reflection<K>, faults: &mut Vec<Fault>) -> Vec<Arc<K>> {
    let mut decoded = Vec::new();
    for entry in store.snapshot().values() {
        match entry {
            Entry::Object(object) => decoded.push(object.clone()),
            Entry::Problem(problem) => faults.push(Fault {
                object: problem.object.clone(),
                message: problem.message.clone(),
            }),
        }
    }
    decoded
}

/// Parses every object; one that cannot be parsed becomes a fault.
pub(super) fn parse_all<K, T>(
    objects: Vec<Arc<K>>,
    parse: impl Fn(&K) -> Result<T, Invalid>,
    faults: &mut Vec<Fault>,
) -> Vec<(Arc<K>, T)>
where
    K: Resource<DynamicType = ()>,
{
    let mut valid = Vec::new();
    for object in objects {
        match parse(&object) {
            Ok(value) => valid.push((object, value)),
            Err(invalid) => faults.push(Fault {
                object: object.object_ref(&()),
                message: invalid.to_string(),
            }),
        }
    }
    valid
}
