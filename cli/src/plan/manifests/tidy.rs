//! What the API server and the daemons would make of a pile of objects: namespaces filled in, strays and doubles
//! taken out.

use std::collections::BTreeMap;

use ferrolb_crds::domain::{ObjectId, Problem};
use kube::{Resource, ResourceExt};

use super::Manifests;

impl Manifests {
    pub(super) fn tidy(&mut self, namespace: &str) {
        let mut problems = Vec::new();
        default_namespace(&mut self.pools, namespace);
        default_namespace(&mut self.adverts, namespace);
        default_namespace(&mut self.services, "default");
        default_namespace(&mut self.slices, "default");
        elsewhere(&mut self.pools, namespace, &mut problems);
        elsewhere(&mut self.adverts, namespace, &mut problems);
        last_of_each(&mut self.pools, &mut problems);
        last_of_each(&mut self.adverts, &mut problems);
        last_of_each(&mut self.services, &mut problems);
        last_of_each(&mut self.slices, &mut problems);
        last_of_each(&mut self.nodes, &mut problems);
        last_of_each(&mut self.namespaces, &mut problems);
        self.problems = problems;
    }
}

fn default_namespace<K: Resource>(objects: &mut [K], namespace: &str) {
    for object in objects {
        object
            .meta_mut()
            .namespace
            .get_or_insert_with(|| namespace.to_owned());
    }
}

fn id<K: Resource<DynamicType = ()>>(object: &K) -> ObjectId {
    ObjectId::new(
        &K::kind(&()),
        object.namespace().unwrap_or_default(),
        object.name_any(),
    )
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
