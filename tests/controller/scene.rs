//! What trials have in common: manifests that are gone afterwards, and questions to the API server.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_lab::suite::Outcome;
use ferrolb_lab::{Lab, Result, wait};
use serde_json::Value;

/// Long enough for anything that takes a second, on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// Long enough for a Lease to expire first.
pub(crate) const AFTER_EXPIRY: Duration = Duration::from_secs(45);

pub(crate) fn prepare(lab: &Lab) -> Outcome {
    lab.apply_definitions(None)?;
    lab.apply(&marker_pool())?;
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

/// A pool; `more` is further fields of its `spec`.
pub(crate) fn pool(name: &str, addresses: &str, more: &str) -> String {
    format!(
        "
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {{name: {name}, namespace: metallb-system}}
spec: {{addresses: [{addresses}], {more}}}
"
    )
}

/// A Service of namespace `default`; `annotations` and `more`, further fields of its `spec`, may be empty.
pub(crate) fn service(name: &str, annotations: &str, more: &str) -> String {
    format!(
        "
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, annotations: {{{annotations}}}}}
spec: {{type: LoadBalancer, allocateLoadBalancerNodePorts: false, ports: [{{name: http, port: 80}}], {more}}}
"
    )
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// The reason of the condition `Assigned` once it is this one.
pub(crate) fn reason(lab: &Lab, service: &str, expected: &str, within: Duration) -> Result<()> {
    let path = r#"jsonpath={.status.conditions[?(@.type=="ferrolb.io/Assigned")].reason}"#;
    wait::until_seen(&format!("reason {expected} of {service}"), within, || {
        let reason = lab.kubectl(&["get", "service", service, "-o", path])?;
        Ok(if reason == expected {
            Ok(())
        } else {
            Err(lab.why(service))
        })
    })
}

/// Waits for an event about a Service whose text holds `words`.
pub(crate) fn event(lab: &Lab, service: &str, reason: &str, words: &str) -> Result<()> {
    wait::until_seen(&format!("event {reason} of {service} with {words}"), SOON, || {
        let selector = format!("--field-selector=involvedObject.name={service},reason={reason}");
        let events = lab.kubectl(&["get", "events", &selector, "-o", "jsonpath={.items[*].message}"])?;
        Ok(if events.contains(words) {
            Ok(())
        } else {
            Err(events)
        })
    })
}

/// All Services of the namespace `default` that hold addresses, with them.
pub(crate) fn holdings(lab: &Lab) -> Result<BTreeMap<String, Vec<String>>> {
    let services = lab.json(&["get", "services", "-n", "default"])?;
    let of_service = |service: &Value| {
        let ingress = service["status"]["loadBalancer"]["ingress"].as_array()?;
        let texts = ingress
            .iter()
            .filter_map(|entry| Some(entry["ip"].as_str()?.to_owned()));
        Some((service["metadata"]["name"].as_str()?.to_owned(), texts.collect()))
    };
    Ok(services["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(of_service)
        .collect())
}

/// The resource version of every Service of the namespace `default`: equal to an earlier one if nobody wrote since.
pub(crate) fn versions(lab: &Lab) -> Result<BTreeSet<String>> {
    let format = r#"jsonpath={range .items[*]}{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}"#;
    let listed = lab.kubectl(&["get", "services", "-n", "default", "-o", format])?;
    Ok(listed.lines().map(str::to_owned).collect())
}

/// Waits until each of so many Services has an address, and fails if two have the same.
pub(crate) fn all_different(lab: &Lab, count: usize, within: Duration) -> Result<()> {
    let held = wait::until_seen(&format!("{count} Services with an address"), within, || {
        let held = holdings(lab)?;
        Ok(if held.len() == count {
            Ok(held)
        } else {
            Err(format!("{} have one", held.len()))
        })
    })?;
    assert!(are_different(&held), "an address was given twice: {held:?}");
    Ok(())
}

/// Waits until each of so many Services has an address of its own: one that was given twice does not stay so.
pub(crate) fn in_the_end_different(lab: &Lab, count: usize, within: Duration) -> Result<()> {
    wait::until_seen(
        &format!("{count} Services with different addresses"),
        within,
        || {
            let held = holdings(lab)?;
            Ok(if held.len() == count && are_different(&held) {
                Ok(())
            } else {
                Err(format!("{held:?}"))
            })
        },
    )
}

fn are_different(held: &BTreeMap<String, Vec<String>>) -> bool {
    let addresses: Vec<&String> = held.values().flatten().collect();
    let distinct: BTreeSet<&&String> = addresses.iter().collect();
    distinct.len() == addresses.len()
}

/// A pool that only [`decided`] uses.
pub(crate) fn marker_pool() -> String {
    pool("marker", "203.0.113.250/32", "autoAssign: false")
}

/// A Service that is made now and has an address: a controller has decided about everything that was there before.
pub(crate) fn decided<'a>(lab: &'a Lab, marker: &str, within: Duration) -> Result<Scene<'a>> {
    let scene = Scene::new(lab, service(marker, "metallb.io/address-pool: marker", ""))?;
    lab.assigned(marker, 1, within)?;
    Ok(scene)
}
