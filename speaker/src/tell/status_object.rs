//! What `ServiceL2Status` and `ServiceBGPStatus` have in common: one object for each Service and node, as in MetalLB.

use std::collections::BTreeMap;

use ferrolb_crds::domain::{NodeName, ServiceKey};
use ferrolb_crds::names::{STATUS_NODE, STATUS_SERVICE_NAME, STATUS_SERVICE_NAMESPACE};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use sha2::{Digest, Sha256};

/// The longest value of a label; names of nodes and of Services may be longer.
const LABEL_LIMIT: usize = 63;

/// Our own Pod.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Owner {
    pub(crate) name: String,
    pub(crate) uid: String,
}

impl Owner {
    pub(crate) fn reference(&self) -> OwnerReference {
        OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            ..OwnerReference::default()
        }
    }
}

/// The same name for the same thing and node, so that there cannot be two.
pub(crate) fn name(prefix: &str, of: impl std::fmt::Display, node: &NodeName) -> String {
    let hash = Sha256::digest(format!("{of}#{node}"));
    let first = u64::from_be_bytes(std::array::from_fn(|byte| hash[byte]));
    format!("{prefix}-{first:016x}")
}

/// The labels by which the objects are found.
pub(crate) fn labels(service: &ServiceKey, node: &NodeName) -> BTreeMap<String, String> {
    fitting([
        (STATUS_NODE, node.as_str()),
        (STATUS_SERVICE_NAME, &service.name),
        (STATUS_SERVICE_NAMESPACE, &service.namespace),
    ])
}

/// The label of the objects of this node, `key=value`; none if its name fits into no label.
pub(crate) fn label_of_node(label: &str, node: &NodeName) -> Option<String> {
    (node.as_str().len() <= LABEL_LIMIT).then(|| format!("{label}={node}"))
}

/// Those of the labels that the API server takes.
pub(crate) fn fitting<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    let fits = |(_, value): &(&str, &str)| value.len() <= LABEL_LIMIT;
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    labels.into_iter().filter(fits).map(owned).collect()
}
