//! What trials have in common: manifests that are gone afterwards, and questions to the cluster and the LAN.

use ferrolb_lab::Mac;
use ferrolb_lab::suite::Outcome;
use ferrolb_lab::{Lab, Machine, Result, probe::Answer, source, wait};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Long enough for anything that takes a second, on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// Long enough for pods to be replaced and for Kubernetes to notice it.
pub(crate) const PODS: Duration = Duration::from_secs(60);
/// How long answers on the LAN are collected.
const HEARING: Duration = Duration::from_millis(400);

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

/// A pool of these addresses that only those who ask for it use, and its advertisement.
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

/// The addresses in a Service's status; none while it is pending.
pub(crate) fn addresses(lab: &Lab, service: &str) -> Result<Vec<IpAddr>> {
    let service = lab.json(&["get", "service", service])?;
    let ingress = service["status"]["loadBalancer"]["ingress"].as_array();
    let texts = ingress
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["ip"].as_str());
    Ok(texts
        .map(|text| text.parse().expect("the API server gives addresses"))
        .collect())
}

/// Waits until a Service has this many addresses.
pub(crate) fn assigned(lab: &Lab, service: &str, count: usize) -> Result<Vec<IpAddr>> {
    wait::until_seen(&format!("{count} addresses of {service}"), SOON, || {
        let addresses = addresses(lab, service)?;
        Ok(if addresses.len() == count {
            Ok(addresses)
        } else {
            Err(format!("{addresses:?}, {}", why(lab, service)))
        })
    })
}

/// What the condition `Assigned` of a Service says.
pub(crate) fn why(lab: &Lab, service: &str) -> String {
    let condition = r#"jsonpath={.status.conditions[?(@.type=="ferrolb.io/Assigned")]}"#;
    lab.kubectl(&["get", "service", service, "-o", condition])
        .unwrap_or_default()
}

/// Everybody who answers ARP or neighbour discovery for an address.
pub(crate) fn answering(lab: &Lab, address: IpAddr) -> Result<BTreeSet<Mac>> {
    let answers = match address {
        IpAddr::V4(v4) => lab.arp_ask(v4, HEARING),
        IpAddr::V6(v6) => lab.ndp_ask(v6, HEARING),
    };
    Ok(answers?.into_iter().collect())
}

/// Waits until one node, and nobody else, answers for an address; one that `suits`.
pub(crate) fn announced(
    lab: &Lab,
    address: IpAddr,
    within: Duration,
    suits: impl Fn(u8) -> bool,
) -> Result<u8> {
    wait::until_seen(&format!("one node to announce {address}"), within, || {
        let macs: Vec<Mac> = answering(lab, address)?.into_iter().collect();
        let node = match macs[..] {
            [only] => lab.node_number(&only.to_string()).filter(|node| suits(*node)),
            _ => None,
        };
        Ok(node.ok_or_else(|| format!("answers of {macs:?}")))
    })
}

/// Waits until nobody answers for an address.
pub(crate) fn silent(lab: &Lab, address: IpAddr, within: Duration) -> Result<()> {
    wait::until_seen(&format!("nobody to announce {address}"), within, || {
        let macs = answering(lab, address)?;
        Ok(if macs.is_empty() {
            Ok(())
        } else {
            Err(format!("answers of {macs:?}"))
        })
    })
}

/// The first answer of the workload at an address: kube-proxy takes up to a second to follow.
pub(crate) fn fetch(lab: &Lab, address: IpAddr) -> Result<Answer> {
    let url = format!("http://{}/", SocketAddr::new(address, 80));
    wait::until_seen(&format!("an answer at {address}"), SOON, || {
        Ok(lab
            .http_get(&url, Duration::from_secs(2))
            .map_err(|failed| failed.to_string()))
    })
}

/// True if the pod saw the client's own address.
pub(crate) fn saw_the_client(answer: &Answer) -> bool {
    let client = Machine::Client(1);
    let own = [
        format!("from={}:", client.ipv4()),
        format!("from=[{}]:", client.ipv6()),
    ];
    own.iter().any(|own| answer.body.contains(own))
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
