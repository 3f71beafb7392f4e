//! `ServiceL2Status`: which node announces a Service, as an object. Nothing waits for it.
//!
//! There is one object for each Service and node, made by the node that announces. When it takes over it deletes that of
//! another node, once, and only an older one: where two nodes that do not hear each other announce, both objects stay.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use ferrolb_crds::api::{AnnouncingInterface, ServiceL2Status, ServiceL2StatusStatus};
use ferrolb_crds::domain::{InterfaceName, NodeName, ServiceKey};
use ferrolb_crds::names::{MOVE_TO, STATUS_NODE, STATUS_SERVICE_NAME, STATUS_SERVICE_NAMESPACE};
use kube::ResourceExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

mod due;
mod retire;

pub(crate) use due::Due;

use crate::may::Interfaces;
use crate::verdict::{Announcement, Verdicts};

/// The longest value of a label; node names may be longer.
const LABEL_LIMIT: usize = 63;

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

/// Our own Pod.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Owner {
    pub(crate) name: String,
    pub(crate) uid: String,
}

/// A `ServiceL2Status` as the watch shows it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The announcing node; none while nothing says so.
    pub(crate) node: Option<NodeName>,
    pub(crate) service: Option<ServiceKey>,
    /// When it was made (Unix time in seconds); not yet made comes last.
    created_unix_seconds: i64,
    object: Arc<ServiceL2Status>,
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
    seen: &[Seen],
    node: &NodeName,
    announces: impl Fn(&ServiceKey, &NodeName) -> bool,
) -> BTreeMap<String, Change> {
    let mut changes = BTreeMap::new();
    for (name, one) in wanted {
        let (own, others): (Vec<&Seen>, Vec<&Seen>) = of_service(seen, &one.service)
            .iter()
            .partition(|seen| seen.name() == name);
        if !own.iter().any(|seen| one.is_met(seen)) {
            changes.insert(name.clone(), Change::Apply(one.clone()));
        }
        let made = own.first().map(|own| own.created_unix_seconds);
        let is_older = |seen: &Seen| made.is_none_or(|made| seen.created_unix_seconds <= made);
        for seen in others.into_iter().filter(|seen| is_older(seen)) {
            let other = seen.node.as_ref().filter(|other| *other != node);
            if let Some(other) = other.filter(|other| !announces(&one.service, other)) {
                let of = Some((one.service.clone(), other.clone()));
                changes.insert(seen.name().to_owned(), seen.deletion(of));
            }
        }
    }
    let own = seen.iter().filter(|seen| seen.node.as_ref() == Some(node));
    let surplus = own.filter(|seen| !wanted.contains_key(seen.name()));
    changes.extend(surplus.map(|seen| (seen.name().to_owned(), seen.deletion(None))));
    changes
}

/// All in order of their Services.
pub(crate) fn in_order(seen: impl Iterator<Item = Seen>) -> Vec<Seen> {
    let mut seen: Vec<Seen> = seen.collect();
    seen.sort_by(|one, other| one.service.cmp(&other.service));
    seen
}

/// Those of one Service, of all in order of their Services.
pub(crate) fn of_service<'a>(seen: &'a [Seen], service: &ServiceKey) -> &'a [Seen] {
    let begin = seen.partition_point(|one| one.service.as_ref() < Some(service));
    let count = seen[begin..].partition_point(|one| one.service.as_ref() == Some(service));
    &seen[begin..begin + count]
}

/// The Services that this node reported to announce.
pub(crate) fn services_of(seen: &[Seen], node: &NodeName) -> BTreeSet<ServiceKey> {
    let of_node = seen.iter().filter(|one| one.node.as_ref() == Some(node));
    of_node.filter_map(|one| one.service.clone()).collect()
}

impl Wanted {
    /// The same for the same Service and node, so that there cannot be two.
    pub(crate) fn name(&self) -> String {
        let text = format!("{}#{}", self.service, self.node);
        let mut name = "l2-".to_owned();
        for byte in &Sha256::digest(text)[..8] {
            // Writing to a String cannot fail.
            let _written = write!(name, "{byte:02x}");
        }
        name
    }

    /// The object without its status, for server-side apply.
    pub(crate) fn object(&self) -> Value {
        let owner =
            |owner: &Owner| json!({"apiVersion": "v1", "kind": "Pod", "name": owner.name, "uid": owner.uid});
        let owners: Vec<Value> = self.owner.iter().map(owner).collect();
        json!({
            "apiVersion": "metallb.io/v1beta1",
            "kind": "ServiceL2Status",
            "metadata": {"name": self.name(), "labels": self.labels(), "ownerReferences": owners},
            "spec": {},
        })
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

    /// Whether the object itself, its status aside, is as it should be.
    pub(crate) fn is_made(&self, seen: &Seen) -> bool {
        let owners = seen.object.owner_references().iter().map(|owner| &owner.uid);
        let labelled = |(name, value): (&String, &String)| seen.object.labels().get(name) == Some(value);
        owners.eq(self.owner.iter().map(|owner| &owner.uid)) && self.labels().iter().all(labelled)
    }

    fn is_met(&self, seen: &Seen) -> bool {
        self.is_made(seen) && seen.object.status.as_ref() == Some(&self.status())
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
        let labels = [
            (STATUS_NODE, self.node.as_str()),
            (STATUS_SERVICE_NAME, &self.service.name),
            (STATUS_SERVICE_NAMESPACE, &self.service.namespace),
        ];
        let fits = |(_, value): &(&str, &str)| value.len() <= LABEL_LIMIT;
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        labels.into_iter().filter(fits).map(owned).collect()
    }
}

impl Seen {
    /// Reads the object. What its status says counts, and before that is written its labels.
    pub(crate) fn read(object: Arc<ServiceL2Status>) -> Self {
        let status = object.status.as_ref();
        let stated = |field: fn(&ServiceL2StatusStatus) -> &String, label: &str| {
            let field = status.map(field).filter(|text| !text.is_empty());
            field.or_else(|| object.labels().get(label)).map(String::as_str)
        };
        let namespace = stated(|status| &status.service_namespace, STATUS_SERVICE_NAMESPACE);
        let name = stated(|status| &status.service_name, STATUS_SERVICE_NAME);
        Self {
            node: stated(|status| &status.node, STATUS_NODE).map(Into::into),
            service: namespace
                .zip(name)
                .map(|(namespace, name)| ServiceKey::new(namespace, name)),
            created_unix_seconds: object
                .creation_timestamp()
                .map_or(i64::MAX, |time| time.0.as_second()),
            object,
        }
    }

    fn name(&self) -> &str {
        self.object.metadata.name.as_deref().unwrap_or_default()
    }

    /// The node that the Service is to move to (`ferrolb rebalance`).
    pub(crate) fn move_to(&self) -> Option<NodeName> {
        let node = self.object.annotations().get(MOVE_TO);
        node.map(|node| node.as_str().into())
    }

    fn deletion(&self, of: Option<(ServiceKey, NodeName)>) -> Change {
        Change::Delete {
            uid: self.object.uid().unwrap_or_default(),
            of,
        }
    }
}

#[cfg(test)]
mod tests;
