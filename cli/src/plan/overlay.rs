//! What a cluster would hold once manifests were applied to it.
//!
//! An object of the manifests takes the place of the live one of the same kind, namespace and name, but for what an
//! apply does not touch: status, what the API server fills in, and what controllers and kubelets write.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_crds::api::core::{Node, Service, ServiceSpec};
use ferrolb_crds::domain::{Family, ServiceKey, ServiceView};
use ferrolb_crds::names::{ALLOCATED_FROM_POOL, GIVE_UP, SECOND_ALLOCATED_FROM_POOL};
use itertools::Itertools;
use kube::{Resource, ResourceExt};

use super::defaults::{ClusterFamilies, fill_namespaces, fill_service};
use crate::cluster::family_of;
use crate::objects::{BgpObjects, Objects, id};
use crate::problem::{ObjectId, Problem};

/// A cluster with manifests applied to it.
pub(super) struct Applied {
    pub(super) objects: Objects,
    /// Services in use whose terms of sharing the manifests change.
    pub(super) changed: BTreeSet<ServiceKey>,
    /// What the API server would refuse.
    pub(super) problems: Vec<Problem>,
}

/// Applies the manifests.
pub(super) fn apply(live: &Objects, manifests: Objects, cluster: &[Family]) -> Applied {
    let mut objects = Objects {
        pools: replace(&live.pools, manifests.pools, |_, _| {}),
        adverts: replace(&live.adverts, manifests.adverts, |_, _| {}),
        bgp: BgpObjects {
            peers: replace(&live.bgp.peers, manifests.bgp.peers, |_, _| {}),
            profiles: replace(&live.bgp.profiles, manifests.bgp.profiles, |_, _| {}),
            adverts: replace(&live.bgp.adverts, manifests.bgp.adverts, |_, _| {}),
            communities: replace(&live.bgp.communities, manifests.bgp.communities, |_, _| {}),
        },
        services: replace(&live.services, manifests.services, keep_of_service),
        slices: replace(&live.slices, manifests.slices, |_, _| {}),
        nodes: replace(&live.nodes, manifests.nodes, keep_of_node),
        namespaces: replace(&live.namespaces, manifests.namespaces, keep_labels),
        states: live.states.clone(),
        statuses: live.statuses.clone(),
        bgp_statuses: live.bgp_statuses.clone(),
        sessions: live.sessions.clone(),
        held_by_odd: live.held_by_odd.clone(),
        addresses_of_odd: live.addresses_of_odd.clone(),
    };
    let cluster = ClusterFamilies {
        all: cluster,
        assumed: false,
    };
    let fill = |service| fill_service(service, cluster);
    let problems = objects.services.iter_mut().filter_map(fill).collect();
    fill_namespaces(&mut objects);
    Applied {
        changed: changed(&live.services, &objects.services),
        objects,
        problems,
    }
}

/// The families of a cluster's Services as far as they show, the default one first: that of Service `default/kubernetes`, which the API
/// server makes for itself. Then those of other Services and of the nodes' pods.
pub(super) fn families(live: &Objects) -> Vec<Family> {
    let is_api_server =
        |one: &&Service| one.namespace().as_deref() == Some("default") && one.name_any() == "kubernetes";
    let (first, others): (Vec<_>, Vec<_>) = live.services.iter().partition(is_api_server);
    let of_services = first
        .into_iter()
        .chain(others)
        .filter_map(|one| one.spec.as_ref());
    let addresses = of_services.flat_map(|spec| spec.cluster_ips.iter().flatten());
    let subnets = live.nodes.iter().filter_map(|node| node.spec.as_ref());
    let subnets = subnets.flat_map(|spec| spec.pod_cidrs.iter().flatten());
    let families = addresses
        .chain(subnets)
        .filter_map(|text| family_of(text.split('/').next()?));
    families.unique().collect()
}

fn replace<K>(live: &[K], manifests: Vec<K>, keep: impl Fn(&K, &mut K)) -> Vec<K>
where
    K: Resource<DynamicType = ()> + Clone,
{
    let mut all: BTreeMap<ObjectId, K> = live.iter().map(|one| (id(one), one.clone())).collect();
    for mut new in manifests {
        if let Some(old) = all.get(&id(&new)) {
            let (meta, kept) = (new.meta_mut(), old.meta());
            meta.uid.clone_from(&kept.uid);
            meta.creation_timestamp.clone_from(&kept.creation_timestamp);
            keep(old, &mut new);
        }
        all.insert(id(&new), new);
    }
    all.into_values().collect()
}

fn keep_of_service(old: &Service, new: &mut Service) {
    new.status.clone_from(&old.status);
    for name in [ALLOCATED_FROM_POOL, SECOND_ALLOCATED_FROM_POOL, GIVE_UP] {
        if let Some(value) = old.annotations().get(name) {
            new.annotations_mut().insert(name.to_owned(), value.clone());
        }
    }
    if let Some(kept) = &old.spec {
        keep_of_spec(kept, new.spec.get_or_insert_default());
    }
}

/// Cluster addresses stay as long as nobody asks for other families; the first family stays in any case.
fn keep_of_spec(old: &ServiceSpec, new: &mut ServiceSpec) {
    let same_policy = new.ip_family_policy.is_none() || new.ip_family_policy == old.ip_family_policy;
    if new.ip_families.is_none() && same_policy {
        new.ip_families.clone_from(&old.ip_families);
        new.ip_family_policy.clone_from(&old.ip_family_policy);
        if new.cluster_ips.is_none() && new.cluster_ip.is_none() {
            new.cluster_ips.clone_from(&old.cluster_ips);
            new.cluster_ip.clone_from(&old.cluster_ip);
        }
        return;
    }
    if new.ip_families.is_none() {
        let first = old.ip_families.iter().flatten().next();
        new.ip_families = first.map(|family| vec![family.clone()]);
    }
    if new.ip_family_policy.is_none() {
        new.ip_family_policy.clone_from(&old.ip_family_policy);
    }
}

/// Kubelets and cloud providers label nodes and describe them.
fn keep_of_node(old: &Node, new: &mut Node) {
    keep_labels(old, new);
    new.status.clone_from(&old.status);
    if new.spec.is_none() {
        new.spec.clone_from(&old.spec);
    }
}

fn keep_labels<K: Resource>(old: &K, new: &mut K) {
    for (name, value) in old.labels() {
        new.labels_mut()
            .entry(name.clone())
            .or_insert_with(|| value.clone());
    }
}

/// As the controller remembers it: with which others a Service with an address may share it, and its ports.
fn changed(before: &[Service], after: &[Service]) -> BTreeSet<ServiceKey> {
    let before: BTreeMap<ServiceKey, ServiceView> = before
        .iter()
        .map(ServiceView::read)
        .filter(|service| !service.ingress.is_empty())
        .map(|service| (service.key.clone(), service))
        .collect();
    let differs = |service: &ServiceView| {
        let old = before.get(&service.key);
        old.is_some_and(|old| !old.shares_like(service))
    };
    let after = after.iter().map(ServiceView::read).filter(differs);
    after.map(|service| service.key).collect()
}

#[cfg(test)]
mod tests;
