//! `ServiceL2Status`: which node announces a Service, as an object. Nothing waits for it.
//!
//! There is one object for each Service and node, made by the node that announces. When it takes over it deletes that of
//! another node, once, and only an older one: where two nodes that do not hear each other announce, both objects stay.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_crds::api::{AnnouncingInterface, ServiceL2StatusStatus};
use ferrolb_crds::domain::{InterfaceName, NodeName, ServiceKey};
use ferrolb_crds::names::{MOVE_CAUSE, MOVE_TOOK_MS};
use serde_json::{Value, json};

mod due;
mod retire;
mod seen;

pub(crate) use due::Due;
pub(crate) use seen::Seen;

use crate::history::Move;
use crate::may::Interfaces;
use crate::tell::status_object::{self, Owner};
use crate::verdict::{Announcement, Verdicts};

/// A `ServiceL2Status` as it should be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) service: ServiceKey,
    pub(crate) node: NodeName,
    /// The Pod that it goes with; none outside of a Pod.
    pub(crate) owner: Option<Owner>,
    /// Only filled where every advertisement restricts the interfaces, as in MetalLB.
    pub(crate) interfaces: BTreeSet<InterfaceName>,
}

/// A change of one object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    /// Make it, or put it right.
    Apply(Wanted),
    /// Delete the object of this uid.
    Delete {
        /// Its uid.
        uid: String,
        /// The other node that made it; none if it is our own.
        of: Option<(ServiceKey, NodeName)>,
    },
    /// Delete all objects of a node with one request.
    Retire {
        /// The node.
        node: NodeName,
        /// The other node whose objects we would delete one by one; none if the node is our own.
        of: BTreeSet<ServiceKey>,
    },
}

/// What `node` should report of what it announces, by name.
pub(crate) fn wanted(
    verdicts: &Verdicts,
    node: &NodeName,
    owner: Option<&Owner>,
) -> BTreeMap<String, Wanted> {
    let of_service = |(service, addresses): (&ServiceKey, BTreeMap<_, &Announcement>)| {
        let anywhere = addresses.values().any(|one| one.allowed == Interfaces::Any);
        let interfaces = addresses.values().flat_map(|one| one.interfaces.iter().cloned());
        let wanted = Wanted {
            service: service.clone(),
            node: node.clone(),
            owner: owner.cloned(),
            interfaces: interfaces.filter(|_| !anywhere).collect(),
        };
        (wanted.name(), wanted)
    };
    verdicts.by_service().into_iter().map(of_service).collect()
}

/// What has to change so that the objects are as they should be. `seen` is in order of the Services. `announces` says
/// whether a node announces an address of a Service besides us, as when a group is split; then its object stays.
pub(crate) fn changes(
    wanted: &BTreeMap<String, Wanted>,
    seen: &[Arc<Seen>],
    node: &NodeName,
    announces: impl Fn(&ServiceKey, &NodeName) -> bool,
) -> BTreeMap<String, Change> {
    let mut changes = BTreeMap::new();
    for (name, one) in wanted {
        let (own, others): (Vec<&Arc<Seen>>, Vec<&Arc<Seen>>) = of_service(seen, &one.service)
            .iter()
            .partition(|seen| *seen.name == **name);
        if !own.iter().any(|seen| one.is_met(seen)) {
            changes.insert(name.clone(), Change::Apply(one.clone()));
        }
        let made = own.first().map(|own| own.created_unix_seconds);
        let is_older = |seen: &Seen| made.is_none_or(|made| seen.created_unix_seconds <= made);
        for seen in others.into_iter().filter(|seen| is_older(seen)) {
            let other = seen.rest.node.as_ref().filter(|other| *other != node);
            if let Some(other) = other.filter(|other| !announces(&one.service, other)) {
                let of = Some((one.service.clone(), other.clone()));
                changes.insert(seen.name.to_string(), seen.deletion(of));
            }
        }
    }
    let own = seen.iter().filter(|seen| seen.rest.node.as_ref() == Some(node));
    let surplus = own.filter(|seen| !wanted.contains_key(&*seen.name));
    changes.extend(surplus.map(|seen| (seen.name.to_string(), seen.deletion(None))));
    changes
}

/// All in order of their Services.
pub(crate) fn in_order(seen: impl Iterator<Item = Arc<Seen>>) -> Vec<Arc<Seen>> {
    let mut seen: Vec<Arc<Seen>> = seen.collect();
    seen.shrink_to_fit();
    seen.sort_by(|one, other| one.service.cmp(&other.service));
    seen
}

/// Those of one Service, of all in order of their Services.
pub(crate) fn of_service<'a>(seen: &'a [Arc<Seen>], service: &ServiceKey) -> &'a [Arc<Seen>] {
    let begin = seen.partition_point(|one| one.service.as_ref() < Some(service));
    let count = seen[begin..].partition_point(|one| one.service.as_ref() == Some(service));
    &seen[begin..begin + count]
}

/// The Services that this node reported to announce.
pub(crate) fn services_of(seen: &[Arc<Seen>], node: &NodeName) -> BTreeSet<ServiceKey> {
    let of_node = seen.iter().filter(|one| one.rest.node.as_ref() == Some(node));
    of_node.filter_map(|one| one.service.clone()).collect()
}

impl Wanted {
    pub(crate) fn name(&self) -> String {
        status_object::name("l2", &self.service, &self.node)
    }

    /// The object without its status, for server-side apply. How the Service came here is for people: it changes nothing,
    /// and is written with the object or not at all.
    pub(crate) fn object(&self, moved: Option<&Move>) -> Value {
        let owners: Vec<_> = self.owner.iter().map(Owner::reference).collect();
        let cause = moved.map(|moved| (MOVE_CAUSE, moved.cause.to_owned()));
        let took = moved.and_then(|moved| Some((MOVE_TOOK_MS, moved.took_ms?.to_string())));
        let annotations: BTreeMap<&str, String> = cause.into_iter().chain(took).collect();
        let mut object = json!({
            "apiVersion": "metallb.io/v1beta1",
            "kind": "ServiceL2Status",
            "metadata": {"name": self.name(), "labels": self.labels(), "ownerReferences": owners},
            "spec": {},
        });
        if !annotations.is_empty() {
            object["metadata"]["annotations"] = json!(annotations);
        }
        object
    }

    /// The object with its status alone, for server-side apply.
    pub(crate) fn status_object(&self) -> Value {
        json!({
            "apiVersion": "metallb.io/v1beta1",
            "kind": "ServiceL2Status",
            "metadata": {"name": self.name()},
            "status": self.status(),
        })
    }

    /// Whether the object is as it should be.
    fn is_met(&self, Seen { service, rest, .. }: &Seen) -> bool {
        let owner = self.owner.iter().map(|owner| &*owner.uid);
        (service.as_ref(), rest.node.as_ref()) == (Some(&self.service), Some(&self.node))
            && rest.owners.iter().map(|uid| &**uid).eq(owner)
            && rest.written.as_ref() == Some(&self.interfaces)
    }

    fn status(&self) -> ServiceL2StatusStatus {
        let interface = |name: &InterfaceName| AnnouncingInterface {
            name: name.to_string(),
        };
        ServiceL2StatusStatus {
            node: self.node.to_string(),
            service_name: self.service.name.to_string(),
            service_namespace: self.service.namespace.to_string(),
            interfaces: self.interfaces.iter().map(interface).collect(),
        }
    }

    fn labels(&self) -> BTreeMap<String, String> {
        status_object::labels(&self.service, &self.node)
    }
}

#[cfg(test)]
mod tests;
