//! What trials write on nodes, gone afterwards; and advertisements that ask for it.

use ferrolb_lab::{Lab, Result};

/// An advertisement of a pool of its own; `spec` is further fields of the `L2Advertisement`.
pub(crate) fn advertised(name: &str, addresses: &str, spec: &str) -> String {
    format!(
        "
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {{name: {name}, namespace: metallb-system}}
spec: {{autoAssign: false, addresses: [{addresses}]}}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {{name: {name}, namespace: metallb-system}}
spec: {{ipAddressPools: [{name}], {spec}}}
"
    )
}

/// A field of an `L2Advertisement`: only nodes with this label.
pub(crate) fn only_nodes_with(label: &str) -> String {
    format!("nodeSelectors: [{{matchLabels: {{{label}: \"\"}}}}]")
}

/// A label that a node bears as long as this lives.
pub(crate) struct Label<'a> {
    lab: &'a Lab,
    node: String,
    key: &'a str,
}

impl<'a> Label<'a> {
    pub(crate) fn put(lab: &'a Lab, node: u8, key: &'a str) -> Result<Self> {
        let label = Self {
            lab,
            node: lab.node_name(node),
            key,
        };
        lab.kubectl(&["label", "node", &label.node, &format!("{key}=")])?;
        Ok(label)
    }

    pub(crate) fn put_on_all(
        lab: &'a Lab,
        nodes: impl IntoIterator<Item = u8>,
        key: &'a str,
    ) -> Result<Vec<Self>> {
        nodes.into_iter().map(|node| Self::put(lab, node, key)).collect()
    }
}

impl Drop for Label<'_> {
    fn drop(&mut self) {
        let off = format!("{}-", self.key);
        if let Err(failed) = self.lab.kubectl(&["label", "node", &self.node, &off]) {
            eprintln!("a label stays: {failed}");
        }
    }
}

/// Condition `NetworkUnavailable` of a node, as a network plugin sets it; False when this is dropped.
pub(crate) struct NetworkUnavailable<'a> {
    lab: &'a Lab,
    node: String,
}

impl<'a> NetworkUnavailable<'a> {
    pub(crate) fn set(lab: &'a Lab, node: u8) -> Result<Self> {
        let condition = Self {
            lab,
            node: lab.node_name(node),
        };
        condition.say("True")?;
        Ok(condition)
    }

    fn say(&self, status: &str) -> Result<()> {
        let patch = format!(
            r#"{{"status": {{"conditions": [{{"type": "NetworkUnavailable", "status": "{status}", "reason": "Test"}}]}}}}"#
        );
        let node = ["patch", "node", &self.node, "--subresource=status", "-p", &patch];
        self.lab.kubectl(&node).map(drop)
    }
}

impl Drop for NetworkUnavailable<'_> {
    fn drop(&mut self) {
        if let Err(failed) = self.say("False") {
            eprintln!("a condition stays: {failed}");
        }
    }
}
