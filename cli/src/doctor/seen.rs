//! All that the checks look at.

use std::collections::BTreeMap;

use ferrolb_crds::domain::NodeName;
use ferrolb_speaker::facts::Facts;
use serde_json::Value;

use crate::explain::case::{Case, Cases, Evidence};
use crate::explain::cause::{Cause, Effect, causes};
use crate::problem::ObjectId;

/// What a check is given.
pub(crate) struct Seen<'a> {
    pub(crate) evidence: &'a Evidence,
    pub(crate) cases: &'a Cases<'a>,
    /// All Services that can be read.
    pub(crate) services: &'a [Caused<'a>],
    pub(crate) beside: &'a Beside,
    /// What the speakers that could be asked say of their nodes.
    pub(crate) facts: &'a BTreeMap<NodeName, Facts>,
    /// What speakers that are not ready say of themselves; empty of one that is ready by now.
    pub(crate) waiting: &'a BTreeMap<NodeName, String>,
    /// The installation's namespace.
    pub(crate) installation: &'a str,
}

/// A Service, and what `ferrolb explain` says is wrong with it.
pub(crate) struct Caused<'a> {
    pub(crate) case: Case<'a>,
    pub(crate) causes: Vec<Cause>,
}

/// Objects of kinds that the daemons do not read.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// `DaemonSet`s and `Deployment`s of all namespaces.
    pub(crate) workloads: Vec<Value>,
    pub(crate) webhooks: Vec<Value>,
    /// What kube-proxy reads, if it is where kubeadm puts it.
    pub(crate) kube_proxy: Option<Value>,
    pub(crate) service_cidrs: Vec<Value>,
    /// Cilium's policies for layer 2.
    pub(crate) cilium_policies: Vec<Value>,
}

impl<'a> Caused<'a> {
    /// Each Service of these cases.
    pub(crate) fn all(cases: &'a Cases<'a>) -> Vec<Self> {
        let caused = |case| Self {
            causes: causes(&case),
            case,
        };
        cases.all().map(caused).collect()
    }

    /// The Service.
    pub(crate) fn object(&self) -> ObjectId {
        let key = &self.case.view.key;
        ObjectId::new("Service", &*key.namespace, &*key.name)
    }

    /// What is wrong in this way.
    pub(crate) fn with(&self, effect: Effect) -> impl Iterator<Item = &Cause> {
        self.causes.iter().filter(move |cause| cause.effect == effect)
    }
}

impl Seen<'_> {
    /// The facts of each node with the object that it is.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (ObjectId, &Facts)> {
        self.facts.iter().map(|(name, facts)| (node(name), facts))
    }
}

/// The object that a node is.
pub(crate) fn node(name: &NodeName) -> ObjectId {
    ObjectId::new("Node", "", name.as_str())
}
