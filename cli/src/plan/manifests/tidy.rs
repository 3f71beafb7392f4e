//! What the API server and the daemons would make of a pile of objects: namespaces filled in, strays and doubles
//! taken out.

use std::collections::BTreeMap;

use kube::{Resource, ResourceExt};

use super::Manifests;
use crate::objects::id;
use crate::problem::{ObjectId, Problem};

impl Manifests {
    pub(super) fn tidy(&mut self, namespace: &str) {
        let problems = &mut self.problems;
        let all = &mut self.objects;
        default_namespace(&mut all.pools, namespace);
        default_namespace(&mut all.adverts, namespace);
        default_namespace(&mut all.bgp.peers, namespace);
        default_namespace(&mut all.bgp.profiles, namespace);
        default_namespace(&mut all.bgp.adverts, namespace);
        default_namespace(&mut all.bgp.communities, namespace);
        default_namespace(&mut all.services, "default");
        default_namespace(&mut all.slices, "default");
        elsewhere(&mut all.pools, namespace, problems);
        elsewhere(&mut all.adverts, namespace, problems);
        elsewhere(&mut all.bgp.peers, namespace, problems);
        elsewhere(&mut all.bgp.profiles, namespace, problems);
        elsewhere(&mut all.bgp.adverts, namespace, problems);
        elsewhere(&mut all.bgp.communities, namespace, problems);
        last_of_each(&mut all.pools, problems);
        last_of_each(&mut all.adverts, problems);
        last_of_each(&mut all.bgp.peers, problems);
        last_of_each(&mut all.bgp.profiles, problems);
        last_of_each(&mut all.bgp.adverts, problems);
        last_of_each(&mut all.bgp.communities, problems);
        last_of_each(&mut all.services, problems);
        last_of_each(&mut all.slices, problems);
        last_of_each(&mut all.nodes, problems);
        last_of_each(&mut all.namespaces, problems);
    }
}

fn default_namespace<K: Resource>(objects: &mut [K], namespace: &str) {
    for object in objects {
        let of_object = &mut object.meta_mut().namespace;
        if of_object.as_deref().is_none_or(str::is_empty) {
            *of_object = Some(namespace.to_owned());
        }
    }
}

/// Takes out what is in another namespace: nobody reads it there.
fn elsewhere<K: Resource<DynamicType = ()>>(
    objects: &mut Vec<K>,
    namespace: &str,
    problems: &mut Vec<Problem>,
) {
    objects.retain(|object| {
        let here = object.namespace().as_deref() == Some(namespace);
        if !here {
            let message = format!("metadata.namespace: is not \"{namespace}\", so nobody reads it");
            problems.push(Problem::new(id(object), message));
        }
        here
    });
}

/// Where an object stands twice, the last one counts, as when the manifests are applied in order.
fn last_of_each<K: Resource<DynamicType = ()>>(objects: &mut Vec<K>, problems: &mut Vec<Problem>) {
    let mut last: BTreeMap<ObjectId, usize> = BTreeMap::new();
    for (at, object) in objects.iter().enumerate() {
        if last.insert(id(object), at).is_some() {
            problems.push(Problem::new(
                id(object),
                "stands more than once; the last one counts",
            ));
        }
    }
    let mut at = 0;
    objects.retain(|object| {
        at += 1;
        last.get(&id(object)) == Some(&(at - 1))
    });
}
