//! The load balancers among the Services and their endpoints, followed from change to change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_crds::domain::{Endpoints, ServiceKey, TrafficPolicy};
use ferrolb_runtime::reflect::{Entry, ObjectKey, Problem, Reflection, Snapshot};
use itertools::EitherOrBoth::{Both, Left, Right};
use itertools::Itertools;
use tokio::time::Instant;

use super::succession::Successions;
use super::watch::Slice;
use crate::may::Service;
use crate::tell::condition::Shown;

/// The load balancers, and the Services that were some until their condition is gone.
#[derive(Debug, Default)]
pub(super) struct Services {
    /// As elections see them.
    pub(super) services: Arc<BTreeMap<ServiceKey, Service>>,
    /// As the watch shows them.
    pub(super) shown: Arc<BTreeMap<ServiceKey, Arc<Shown>>>,
    versions: (Option<u64>, Option<u64>),
    slices: BTreeMap<ObjectKey, Arc<Slice>>,
    /// The names of the slices of each Service.
    slices_of: BTreeSet<(ServiceKey, Arc<str>)>,
    successions: Successions,
    /// Services and slices that cannot be read.
    unreadable: (Vec<Problem>, Vec<Problem>),
}

impl Services {
    /// Follows the stores. Of what did not change nothing is read again.
    pub(super) fn follow(&mut self, services: &Reflection<Shown>, slices: &Reflection<Slice>, now: Instant) {
        let mut changed: BTreeSet<ServiceKey> = self.successions.due(now).into_iter().collect();
        if self.versions.0 != Some(services.version()) {
            self.follow_services(services, &mut changed);
        }
        if self.versions.1 != Some(slices.version()) {
            self.follow_slices(slices, &mut changed);
        }
        // A map that grew in order is half empty.
        if changed.len() * 2 > self.services.len() {
            pack(Arc::make_mut(&mut self.services));
            pack(Arc::make_mut(&mut self.shown));
            pack(&mut self.slices);
            self.slices_of = std::mem::take(&mut self.slices_of).into_iter().collect();
        }
        changed.into_iter().for_each(|key| self.renew_endpoints(key, now));
    }

    /// When they are to be followed although the stores have not changed.
    pub(super) fn next(&self) -> Option<Instant> {
        self.successions.next()
    }

    /// What cannot be read. It counts as it was when it could be.
    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.unreadable.0.iter().chain(&self.unreadable.1)
    }

    fn follow_services(&mut self, store: &Reflection<Shown>, changed: &mut BTreeSet<ServiceKey>) {
        let (version, snapshot) = store.versioned();
        self.versions.0 = Some(version);
        self.unreadable.0 = unreadable(&snapshot);
        let before = self.shown.iter();
        let before = before.map(|(key, shown)| ((&*key.namespace, &*key.name), shown));
        for (name, shown) in differences(before, &snapshot, Shown::counts) {
            let key = ServiceKey::new(name.namespace, name.name);
            match shown {
                Some(shown) => self.replace(key, shown, changed),
                None => {
                    Arc::make_mut(&mut self.services).remove(&key);
                    Arc::make_mut(&mut self.shown).remove(&key);
                }
            }
        }
    }

    fn replace(&mut self, key: ServiceKey, shown: Arc<Shown>, changed: &mut BTreeSet<ServiceKey>) {
        let known = self.services.get(&key);
        // What another field changed says the same as before: nothing need be judged again.
        if known.is_none_or(|known| known.view != shown.view) {
            let endpoints = known.map(|known| known.endpoints.clone());
            if endpoints.is_none() {
                changed.insert(key.clone());
            }
            let service = Service {
                view: shown.view.clone(),
                endpoints: endpoints.unwrap_or_default(),
            };
            Arc::make_mut(&mut self.services).insert(key.clone(), service);
        }
        Arc::make_mut(&mut self.shown).insert(key, shown);
    }

    fn follow_slices(&mut self, store: &Reflection<Slice>, changed: &mut BTreeSet<ServiceKey>) {
        let (version, snapshot) = store.versioned();
        self.versions.1 = Some(version);
        self.unreadable.1 = unreadable(&snapshot);
        let before = self.slices.iter();
        let before = before.map(|(name, slice)| ((&*name.namespace, &*name.name), slice));
        for (name, slice) in differences(before, &snapshot, |_| true) {
            if let Some(before) = self.slices.remove(&name) {
                let link = (before.service_key(&name), name.name.clone());
                self.slices_of.remove(&link);
                changed.insert(link.0);
            }
            if let Some(slice) = slice {
                let key = slice.service_key(&name);
                self.slices_of.insert((key.clone(), name.name.clone()));
                changed.insert(key);
                self.slices.insert(name, slice);
            }
        }
    }

    fn renew_endpoints(&mut self, key: ServiceKey, now: Instant) {
        let Some(known) = self.services.get(&key) else {
            return self.successions.forget(&key);
        };
        let all = self.slices_of.range((key.clone(), Arc::default())..);
        let own = all.take_while(|(service, _)| *service == key);
        let names = own.map(|(_, name)| ObjectKey::new(key.namespace.clone(), name.clone()));
        let slices = names.filter_map(|name| self.slices.get(&name));
        let found = Endpoints::of(slices.map(|slice| &slice.endpoints));
        let endpoints = if known.view.policy == TrafficPolicy::Local {
            self.successions.follow(&key, &known.endpoints, found, now)
        } else {
            self.successions.forget(&key);
            found
        };
        if known.endpoints != endpoints {
            let service = Service {
                view: known.view.clone(),
                endpoints,
            };
            Arc::make_mut(&mut self.services).insert(key, service);
        }
    }
}

/// The objects of the store that are not the very same as before; none for one that is gone or counts no more. As long as an
/// object cannot be read it is what it was before.
fn differences<'a, V: 'a>(
    before: impl Iterator<Item = ((&'a str, &'a str), &'a Arc<V>)>,
    snapshot: &Snapshot<V>,
    counts: impl Fn(&V) -> bool,
) -> Vec<(ObjectKey, Option<Arc<V>>)> {
    let both = before.merge_join_by(snapshot.iter(), |(one, _), (other, _)| {
        one.cmp(&(&*other.namespace, &*other.name))
    });
    let mut differences = Vec::new();
    for pair in both {
        let (known, (name, entry)) = match pair {
            Both((_, known), entry) => (Some(known), entry),
            Right(entry) => (None, entry),
            Left(((namespace, name), _)) => {
                differences.push((ObjectKey::new(namespace, name), None));
                continue;
            }
        };
        if let Some(object) = entry.object() {
            let object = Some(object).filter(|object| counts(object));
            if known.map(Arc::as_ptr) != object.map(Arc::as_ptr) {
                differences.push((name.clone(), object.cloned()));
            }
        }
    }
    differences
}

fn pack<K: Ord, V>(map: &mut BTreeMap<K, V>) {
    *map = std::mem::take(map).into_iter().collect();
}

fn unreadable<V>(snapshot: &Snapshot<V>) -> Vec<Problem> {
    let undecodable = snapshot.values().filter_map(Entry::undecodable);
    undecodable.map(|one| one.problem.clone()).collect()
}
