//! What trials have in common: manifests that are gone afterwards, and questions to the cluster and the LAN.

use std::collections::BTreeSet;
use std::time::Duration;

use ferrolb_lab::suite::Outcome;
use ferrolb_lab::{Lab, Result, source, wait};
use serde_json::Value;

/// Long enough for anything that takes a second, on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// Long enough for pods to be replaced and for Kubernetes to notice it.
pub(crate) const PODS: Duration = Duration::from_secs(60);

/// Installs FerroLB and the workload of the examples.
pub(crate) fn prepare(lab: &Lab) -> Outcome {
    lab.install()?;
    let echo = source::root().join("deploy/examples/echo.yaml");
    lab.kubectl(&["apply", "-f", &echo.to_string_lossy()])?;
    lab.rolled_out("default", "deployment/echo")?;
    Ok(())
}

/// Manifests that are in the cluster as long as this lives.
pub(crate) struct Scene<'a> {
    lab: &'a Lab,
    manifests: String,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(lab: &'a Lab, manifests: impl Into<String>) -> Result<Self> {
        let scene = Self {
            lab,
            manifests: manifests.into(),
        };
        lab.apply(&scene.manifests)?;
        Ok(scene)
    }
}

impl Drop for Scene<'_> {
    /// A trial that failed has said so; what it leaves is removed as well as can be.
    fn drop(&mut self) {
        if let Err(failed) = self.lab.delete(&self.manifests) {
            eprintln!("a trial's manifests stay: {failed}");
        }
    }
}

/// A pool of these addresses that only Services that ask for it use, and its advertisement.
pub(crate) fn pool(name: &str, addresses: &str) -> String {
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
spec: {{ipAddressPools: [{name}]}}
"
    )
}

/// A Service of the echo pods that asks for this pool; `more` is further fields of its `spec`.
pub(crate) fn service(name: &str, pool: &str, more: &str) -> String {
    annotated(name, &format!("metallb.io/address-pool: {pool}"), more)
}

/// A Service of the echo pods with this annotation.
pub(crate) fn annotated(name: &str, annotation: &str, more: &str) -> String {
    format!(
        "
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, annotations: {{{annotation}}}}}
spec: {{type: LoadBalancer, selector: {{app: echo}}, ports: [{{name: http, port: 80, targetPort: 8080}}], {more}}}
"
    )
}

/// The nodes with a ready echo pod that is not being deleted.
pub(crate) fn nodes_with_pods(lab: &Lab) -> Result<BTreeSet<u8>> {
    let pods = lab.json(&["get", "pods", "-l", "app=echo"])?;
    let ready = |pod: &&Value| {
        let conditions = pod["status"]["conditions"].as_array();
        let ready = conditions
            .into_iter()
            .flatten()
            .any(|one| one["type"] == "Ready" && one["status"] == "True");
        ready && pod["metadata"]["deletionTimestamp"].is_null()
    };
    let nodes = pods["items"].as_array().into_iter().flatten().filter(ready);
    Ok(nodes
        .filter_map(|pod| lab.node_number(pod["spec"]["nodeName"].as_str()?))
        .collect())
}

/// Waits for an event about an object whose text holds all of `words`.
pub(crate) fn event(lab: &Lab, object: &str, reason: &str, words: &[&str]) -> Result<String> {
    wait::until_seen(
        &format!("event {reason} of {object} with {words:?}"),
        SOON,
        || {
            let events = lab.json(&["get", "events", "-A"])?;
            let of_object = events["items"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|event| event["involvedObject"]["name"] == object && event["reason"] == reason);
            let texts: Vec<String> = of_object
                .filter_map(|event| event["message"].as_str().map(str::to_owned))
                .collect();
            let found = texts
                .iter()
                .find(|text| words.iter().all(|word| text.contains(word)));
            Ok(found.cloned().ok_or_else(|| format!("{texts:?}")))
        },
    )
}
