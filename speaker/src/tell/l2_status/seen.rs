//! A `ServiceL2Status` as the watch shows it: what is kept of it, for there is one for each Service.

use std::collections::BTreeSet;
use std::sync::Arc;

use ferrolb_crds::api::{ServiceL2Status, ServiceL2StatusStatus};
use ferrolb_crds::domain::{InterfaceName, NodeName, ServiceKey, Shared};
use ferrolb_crds::names::{MOVE_TO, STATUS_NODE, STATUS_SERVICE_NAME, STATUS_SERVICE_NAMESPACE};
use ferrolb_runtime::reflect::ObjectKey;
use kube::ResourceExt;

use super::{Change, Wanted};

/// A `ServiceL2Status` as the watch shows it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) service: Option<ServiceKey>,
    pub(crate) rest: Arc<Rest>,
    /// When it was made (Unix time in seconds); not yet made comes last.
    pub(super) created_unix_seconds: i64,
    pub(super) name: Arc<str>,
    pub(super) uid: Box<str>,
}

/// What the objects of one node have in common.
#[derive(Debug, Eq, Hash, PartialEq)]
pub(crate) struct Rest {
    /// The announcing node; none while nothing says so.
    pub(crate) node: Option<NodeName>,
    /// The node that the Service is to move to (`ferrolb rebalance`).
    pub(crate) move_to: Option<NodeName>,
    /// The node in its labels.
    pub(super) labelled: Option<NodeName>,
    /// The uids of what it goes with.
    pub(super) owners: Box<[Box<str>]>,
    /// The interfaces, if labels and status are such as we write them.
    pub(super) written: Option<BTreeSet<InterfaceName>>,
}

impl Seen {
    /// Reads objects, of which there are many for each node.
    pub(crate) fn reader(
        names: Arc<Shared<str>>,
    ) -> impl FnMut(&ObjectKey, ServiceL2Status) -> Self + Send + Sync {
        let rests = Shared::<Rest>::default();
        move |key, object| {
            let [namespace, name] = [
                stated(
                    &object,
                    |status| &status.service_namespace,
                    STATUS_SERVICE_NAMESPACE,
                ),
                stated(&object, |status| &status.service_name, STATUS_SERVICE_NAME),
            ];
            let service = namespace
                .zip(name)
                .map(|(namespace, name)| ServiceKey::new(names.of(namespace), names.of(name)));
            let created = object.creation_timestamp();
            Self {
                rest: rests.of(Rest::read(&object, service.as_ref())),
                service,
                created_unix_seconds: created.map_or(i64::MAX, |time| time.0.as_second()),
                name: key.name.clone(),
                uid: object.uid().unwrap_or_default().into(),
            }
        }
    }

    pub(super) fn deletion(&self, of: Option<(ServiceKey, NodeName)>) -> Change {
        Change::Delete {
            uid: self.uid.to_string(),
            of,
        }
    }
}

/// What the status of the object says counts, and before that is written its labels.
fn stated<'a>(
    object: &'a ServiceL2Status,
    field: fn(&ServiceL2StatusStatus) -> &String,
    label: &str,
) -> Option<&'a str> {
    let field = object.status.as_ref().map(field).filter(|text| !text.is_empty());
    field.or_else(|| object.labels().get(label)).map(String::as_str)
}

impl Rest {
    fn read(object: &ServiceL2Status, service: Option<&ServiceKey>) -> Self {
        let name = |name: Option<&String>| name.map(|name| NodeName::from(name.as_str()));
        let node = stated(object, |status| &status.node, STATUS_NODE).map(NodeName::from);
        let wanted = |(service, node): (&ServiceKey, &NodeName)| Wanted {
            service: service.clone(),
            node: node.clone(),
            owner: None,
            interfaces: BTreeSet::new(),
        };
        let wanted = service.zip(node.as_ref()).map(wanted);
        let owners = object.owner_references().iter();
        Self {
            written: wanted.and_then(|wanted| wanted.written(object)),
            node,
            move_to: name(object.annotations().get(MOVE_TO)),
            labelled: name(object.labels().get(STATUS_NODE)),
            owners: owners.map(|owner| owner.uid.as_str().into()).collect(),
        }
    }
}

impl Wanted {
    /// The interfaces of an object of this Service and node, if its labels and its status are such as we write them.
    fn written(mut self, object: &ServiceL2Status) -> Option<BTreeSet<InterfaceName>> {
        let status = object.status.as_ref()?;
        let names = status.interfaces.iter().map(|one| one.name.as_str().into());
        self.interfaces = names.collect();
        let labelled = |(name, value): (&String, &String)| object.labels().get(name) == Some(value);
        let is_whole = self.status() == *status && self.labels().iter().all(labelled);
        is_whole.then_some(self.interfaces)
    }
}
