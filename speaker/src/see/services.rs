//! The load balancers among the Services and their endpoints, followed from change to change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_crds::api::core::{self, EndpointSlice};
use ferrolb_crds::domain::{Endpoints, ServiceClass, ServiceKey, ServiceView};
use ferrolb_runtime::reflect::{Entry, ObjectKey, Problem, Reflection, Snapshot};
use itertools::EitherOrBoth::{Both, Left, Right};
use itertools::Itertools;
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
    slices: BTreeMap<ObjectKey, Arc<EndpointSlice>>,
    slices_of: BTreeSet<(ServiceKey, ObjectKey)>,
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
        for (name, object) in differences(&self.objects, &snapshot) {
            match object {
                Some(object) => {
                    self.replace(&name, &object, changed);
                    self.objects.insert(name, object);
                }
                None => {
                    self.remove(&key_of(&name));
                    self.objects.remove(&name);
                }
            }
        }
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
        for (name, slice) in differences(&self.slices, &snapshot) {
            let now = slice
                .as_deref()
                .and_then(service_of)
                .map(|key| (key, name.clone()));
            let before = match slice {
                Some(slice) => self.slices.insert(name.clone(), slice),
                None => self.slices.remove(&name),
            };
            if let Some(key) = before.as_deref().and_then(service_of) {
                changed.insert(key.clone());
                self.slices_of.remove(&(key, name));
            }
            changed.extend(now.iter().map(|(key, _)| key.clone()));
            self.slices_of.extend(now);
        }
    }

    fn renew_endpoints(&mut self, key: ServiceKey) {
        let Some(known) = self.services.get(&key) else {
            return;
        };
        let all = self.slices_of.range((key.clone(), ObjectKey::default())..);
        let own = all.take_while(|(service, _)| *service == key);
        let slices = own.filter_map(|(_, name)| self.slices.get(name));
        let endpoints = Endpoints::from_slices(slices.map(Arc::as_ref));
        if *known.endpoints != endpoints {
            let service = Service {
                view: known.view.clone(),
                endpoints: Arc::new(endpoints),
            };
            Arc::make_mut(&mut self.services).insert(key, service);
        }
    }
}

/// What of the store is not the very same as before, by name; none where it is gone. As long as an object cannot be read
/// it is what it was before.
fn differences<K>(
    before: &BTreeMap<ObjectKey, Arc<K>>,
    snapshot: &Snapshot<K>,
) -> Vec<(ObjectKey, Option<Arc<K>>)> {
    let both = before
        .iter()
        .merge_join_by(snapshot.iter(), |(one, _), (other, _)| one.cmp(other));
    let changed = both.filter_map(|pair| match pair {
        Both((_, known), (name, entry)) => {
            let object = entry.object().filter(|object| !Arc::ptr_eq(known, object))?;
            Some((name.clone(), Some(object.clone())))
        }
        Right((name, entry)) => Some((name.clone(), Some(entry.object()?.clone()))),
        Left((name, _)) => Some((name.clone(), None)),
    });
    changed.collect()
}

fn unreadable<K>(snapshot: &Snapshot<K>) -> Vec<Problem> {
    let undecodable = snapshot.values().filter_map(Entry::undecodable);
    undecodable.map(|one| one.problem.clone()).collect()
}

/// The Service that the slice belongs to.
fn service_of(slice: &EndpointSlice) -> Option<ServiceKey> {
    let service = slice.labels().get(SERVICE_NAME)?;
    Some(ServiceKey::new(
        slice.namespace().unwrap_or_default(),
        service.as_str(),
    ))
}

fn key_of(name: &ObjectKey) -> ServiceKey {
    ServiceKey::new(name.namespace.as_str(), name.name.as_str())
}
