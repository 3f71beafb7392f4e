//! What `make demo` shows: the examples at work, as a client on the LAN sees them.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::external::saw_the_client;
use crate::lab::Lab;
use crate::source;

const SOON: Duration = Duration::from_secs(60);

/// One external address of one Service.
#[derive(Debug, Clone)]
struct Shown {
    service: String,
    policy: String,
    pool: String,
    address: IpAddr,
    node: u8,
    answer: String,
}

impl Lab {
    /// Applies `deploy/examples/` on an installed lab, fetches an answer through every address of them and returns
    /// what was seen as a table and the answers. Checks what the policies promise: a Local Service is announced
    /// by a node that runs one of its pods, and the pod sees the client's own address.
    ///
    /// # Errors
    /// If an address is missing, is not announced by exactly one node, or does not answer as it should.
    pub fn demonstrate(&self) -> Result<String> {
        let examples = source::root().join("deploy/examples");
        self.kubectl(&["apply", "-f", &examples.to_string_lossy()])?;
        self.rolled_out("default", "deployment/echo")?;
        let services = self.json(&["get", "services"])?;
        let of_examples = services["items"].as_array().into_iter().flatten();
        let mut all = Vec::new();
        for service in of_examples.filter(|service| service["spec"]["type"] == "LoadBalancer") {
            all.extend(self.show(service)?);
        }
        Ok(table(self, &all))
    }

    fn show(&self, service: &Value) -> Result<Vec<Shown>> {
        let text = |path: &str| {
            let value = service.pointer(path).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let (name, policy) = (text("/metadata/name"), text("/spec/externalTrafficPolicy"));
        let families = service["spec"]["ipFamilies"].as_array().map_or(1, Vec::len);
        let addresses = self.assigned(&name, families, SOON)?;
        let pool = r"jsonpath={.metadata.annotations.metallb\.io/ip-allocated-from-pool}";
        let pool = self.kubectl(&["get", "service", &name, "-o", pool])?;
        addresses
            .into_iter()
            .map(|address| {
                let node = self.announced(address, SOON, |_| true)?;
                let answer = self.fetch(address, SOON)?;
                let here = format!("node={} ", self.node_name(node));
                if policy == "Local" && !(answer.body.contains(&here) && saw_the_client(&answer)) {
                    return Error::refused(format!("{address} of {name}, policy Local: {}", answer.body));
                }
                Ok(Shown {
                    service: name.clone(),
                    policy: policy.clone(),
                    pool: pool.clone(),
                    address,
                    node,
                    answer: answer.body.trim().to_owned(),
                })
            })
            .collect()
    }
}

fn table(lab: &Lab, all: &[Shown]) -> String {
    let mut text = row(["SERVICE", "POLICY", "ADDRESS", "POOL", "NODE", "MAC"].map(str::to_owned));
    for shown in all {
        text += &row([
            shown.service.clone(),
            shown.policy.clone(),
            shown.address.to_string(),
            shown.pool.clone(),
            lab.node_name(shown.node),
            lab.node_mac(shown.node).to_string(),
        ]);
    }
    text += "\nFetched by a client on the LAN:\n";
    for shown in all {
        text += &format!("{:<18} {}\n", shown.address, shown.answer);
    }
    text
}

fn row([service, policy, address, pool, node, mac]: [String; 6]) -> String {
    format!("{service:<12} {policy:<8} {address:<18} {pool:<12} {node:<12} {mac}\n")
}
