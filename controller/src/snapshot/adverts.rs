//! Advertisements that name pools which are not there.

use ferrolb_crds::api::{IPAddressPool, L2Advertisement};
use ferrolb_crds::domain::Advert;
use ferrolb_runtime::reflect::{Entry, ObjectKey, Problem, Reflection};
use kube::ResourceExt;

/// What is said of them. They are looked for again only when a store changed.
#[derive(Default)]
pub(super) struct NamingNoPool {
    versions: Option<(u64, u64)>,
    pub(super) problems: Vec<Problem>,
}

impl NamingNoPool {
    /// Follows the stores. A pool that cannot be used is there all the same.
    pub(super) fn read(&mut self, adverts: &Reflection<L2Advertisement>, pools: &Reflection<IPAddressPool>) {
        let ((version, adverts), (of_pools, pools)) = (adverts.versioned(), pools.versioned());
        if self.versions.replace((version, of_pools)) == Some((version, of_pools)) {
            return;
        }
        let of_advert = |advert: &L2Advertisement| {
            let namespace = advert.namespace().unwrap_or_default();
            let exists = |name: &str| pools.contains_key(&ObjectKey::new(&*namespace, name));
            let unknown = Advert::unknown_pools(advert, exists);
            unknown
                .map(|doubt| Problem::of(advert, doubt))
                .collect::<Vec<_>>()
        };
        let objects = adverts.values().filter_map(Entry::object);
        self.problems = objects.flat_map(|advert| of_advert(advert)).collect();
    }
}
