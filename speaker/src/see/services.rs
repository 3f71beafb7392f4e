//! The load balancers among the Services and their endpoints, followed from change to change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_crds::api::core::{self, EndpointSlice};
use ferrolb_crds::domain::{Endpoints, ServiceClass, ServiceKey, ServiceView};
use ferrolb_runtime::reflect::{Entry, ObjectKey, Problem, Reflection, Snapshot};
use kube::ResourceExt;

use super::watch::SERVICE_NAME;
use crate::may::Service;
use crate::tell::condition::{self, Shown};

/// The load balancers, and the Services that were some until their condition is gone.
#[derive(Debug, Default)]
pub(super) struct Services {
    /// As elections see them.
    pub(super) services: Arc<BTreeMap<ServiceKey, Service>>,
    /// As the watch shows them.
    pub(super) shown: Arc<BTreeMap<ServiceKey, Shown>>,
    versions: (Option<u64>, Option<u64>),
    objects: BTreeMap<ObjectKey, Arc<core::Service>>,
    slices: BTreeMap<ObjectKey, (Arc<EndpointSlice>, ServiceKey)>,
    slices_of: BTreeMap<ServiceKey, BTreeSet<ObjectKey>>,
    /// Services and slices that cannot be read.
    unreadable: (Vec<Problem>, Vec<Problem>),
}

impl Services {
    /// Follows the stores. Of what did not change nothing is read again.
    pub(super) fn follow(
        &mut self,
        services: &Reflection<core::Service>,
        slices: &Reflection<EndpointSlice>,
    ) {
        let mut changed = BTreeSet::new();
        if self.versions.0 != Some(services.version()) {
            self.follow_services(services, &mut changed);
        }
        if self.versions.1 != Some(slices.version()) {
            self.follow_slices(slices, &mut changed);
        }
        changed.into_iter().for_each(|key| self.renew_endpoints(key));
    }

    /// What cannot be read. It counts as it was when it could be.
    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.unreadable.0.iter().chain(&self.unreadable.1)
    }

    fn follow_services(&mut self, store: &Reflection<core::Service>, changed: &mut BTreeSet<ServiceKey>) {
        let (version, snapshot) = store.versioned();
        self.versions.0 = Some(version);
        self.unreadable.0 = unreadable(&snapshot);
        let mut gone = std::mem::take(&mut self.objects);
        for (name, entry) in snapshot.iter() {
            let Some(object) = readable(entry, gone.get(name)) else {
                continue;
            };
            let known = gone
                .remove(name)
                .is_some_and(|known| Arc::ptr_eq(&known, &object));
            if !known {
                self.replace(name, &object, changed);
            }
            self.objects.insert(name.clone(), object);
        }
        gone.into_keys().for_each(|name| self.remove(&key_of(&name)));
    }

    fn replace(&mut self, name: &ObjectKey, object: &Arc<core::Service>, changed: &mut BTreeSet<ServiceKey>) {
        let view = Arc::new(ServiceView::read(object));
        if view.class == ServiceClass::NotLoadBalancer && !condition::is_shown(object) {
            self.remove(&key_of(name));
            return;
        }
        let (key, known) = match self.services.get_key_value(&view.key) {
            Some((key, known)) => (key.clone(), Some(known)),
            None => (view.key.clone(), None),
        };
        // What another field changed says the same as before: nothing need be judged again.
        let view = match known {
            Some(known) if known.view == view => known.view.clone(),
            _ => view,
        };
        let endpoints = known.map(|known| known.endpoints.clone());
        let is_new = endpoints.is_none();
        let service = Service {
            view: view.clone(),
            endpoints: endpoints.unwrap_or_default(),
        };
        if known.is_none_or(|known| !known.is(&service)) {
            Arc::make_mut(&mut self.services).insert(key.clone(), service);
        }
        let shown = Shown {
            object: object.clone(),
            view,
        };
        Arc::make_mut(&mut self.shown).insert(key.clone(), shown);
        if is_new {
            changed.insert(key);
        }
    }

    fn remove(&mut self, key: &ServiceKey) {
        if self.shown.contains_key(key) {
            Arc::make_mut(&mut self.services).remove(key);
            Arc::make_mut(&mut self.shown).remove(key);
        }
    }

    fn follow_slices(&mut self, store: &Reflection<EndpointSlice>, changed: &mut BTreeSet<ServiceKey>) {
        let (version, snapshot) = store.versioned();
        self.versions.1 = Some(version);
        self.unreadable.1 = unreadable(&snapshot);
        let mut gone = std::mem::take(&mut self.slices);
        for (name, entry) in snapshot.iter() {
            let Some(slice) = readable(entry, gone.get(name).map(|(known, _)| known)) else {
                continue;
            };
            match gone.remove(name) {
                Some((known, key)) if Arc::ptr_eq(&known, &slice) => {
                    self.slices.insert(name.clone(), (known, key));
                }
                before => {
                    before
                        .into_iter()
                        .for_each(|(_, key)| self.unlink(name, key, changed));
                    self.link(name, &slice, changed);
                }
            }
        }
        for (name, (_, key)) in gone {
            self.unlink(&name, key, changed);
        }
    }

    fn link(&mut self, name: &ObjectKey, slice: &Arc<EndpointSlice>, changed: &mut BTreeSet<ServiceKey>) {
        let Some(service) = slice.labels().get(SERVICE_NAME) else {
            return;
        };
        let key = ServiceKey::new(name.namespace.as_str(), service.as_str());
        self.slices_of
            .entry(key.clone())
            .or_default()
            .insert(name.clone());
        self.slices.insert(name.clone(), (slice.clone(), key.clone()));
        changed.insert(key);
    }

    fn unlink(&mut self, name: &ObjectKey, key: ServiceKey, changed: &mut BTreeSet<ServiceKey>) {
        if let Some(names) = self.slices_of.get_mut(&key) {
            names.remove(name);
            if names.is_empty() {
                self.slices_of.remove(&key);
            }
        }
        changed.insert(key);
    }

    fn renew_endpoints(&mut self, key: ServiceKey) {
        let Some(known) = self.services.get(&key) else {
            return;
        };
        let names = self.slices_of.get(&key).into_iter().flatten();
        let slices = names.filter_map(|name| self.slices.get(name));
        let endpoints = Endpoints::from_slices(slices.map(|(slice, _)| &**slice));
        if *known.endpoints != endpoints {
            let service = Service {
                view: known.view.clone(),
                endpoints: Arc::new(endpoints),
            };
            Arc::make_mut(&mut self.services).insert(key, service);
        }
    }
}

/// The object, or as long as it cannot be read what it was before.
fn readable<K>(entry: &Entry<K>, known: Option<&Arc<K>>) -> Option<Arc<K>> {
    entry.object().or(known).cloned()
}

fn unreadable<K>(snapshot: &Snapshot<K>) -> Vec<Problem> {
    let undecodable = snapshot.values().filter_map(Entry::undecodable);
    undecodable.map(|one| one.problem.clone()).collect()
}

fn key_of(name: &ObjectKey) -> ServiceKey {
    ServiceKey::new(name.namespace.as_str(), name.name.as_str())
}
