//! What several Services of one address ask of a node, and what a Service says of where it is announced.

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result, wait};
use serde_json::Value;

use crate::marks::{Label, advertised, only_nodes_with};
use crate::scene::{SOON, Scene, event, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "two_local_services_of_one_address_are_announced_where_both_have_a_pod_and_else_nowhere",
            shared,
        ),
        trial(
            "the_service_names_the_announcing_node_in_a_condition_with_one_writer_and_in_events",
            condition,
        ),
    ]
}

/// A Local Service without selector that shares an address, and its endpoints on these nodes.
fn sharing(lab: &Lab, name: &str, port: u16, nodes: &[u8]) -> String {
    let service = format!(
        "
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, annotations: {{metallb.io/address-pool: common, metallb.io/allow-shared-ip: common}}}}
spec: {{type: LoadBalancer, externalTrafficPolicy: Local, ports: [{{name: http, port: {port}}}]}}
"
    );
    service + &endpoints(lab, name, port, nodes)
}

fn endpoints(lab: &Lab, service: &str, port: u16, nodes: &[u8]) -> String {
    let endpoint = |node: &u8| {
        let name = lab.node_name(*node);
        format!("{{addresses: [10.244.{node}.250], nodeName: {name}, conditions: {{ready: true}}}}")
    };
    let endpoints: Vec<String> = nodes.iter().map(endpoint).collect();
    format!(
        "
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {service}, labels: {{kubernetes.io/service-name: {service}}}}}
addressType: IPv4
ports: [{{name: http, port: {port}}}]
endpoints: [{}]
",
        endpoints.join(", ")
    )
}

fn shared(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("common", "192.0.2.205/32")
            + &sharing(lab, "left", 80, &[1, 2])
            + &sharing(lab, "right", 81, &[2, 3]),
    )?;
    let address = lab.assigned("left", 1, SOON)?[0];
    assert_eq!(lab.assigned("right", 1, SOON)?, [address]);
    lab.announced(address, SOON, |node| node == 2)?;
    lab.apply(&endpoints(lab, "right", 81, &[3]))?;
    lab.silent(address, SOON)?;
    for name in ["left", "right"] {
        says(lab, name, |status, message| {
            let lack = |service: &str| message.contains(&format!("default/{service}"));
            status == "False" && message.contains("no local endpoint") && lack("left") && lack("right")
        })?;
    }
    lab.apply(&endpoints(lab, "right", 81, &[3, 1]))?;
    lab.announced(address, SOON, |node| node == 1)?;
    for name in ["left", "right"] {
        says(lab, name, |status, message| {
            status == "True" && message.contains(&lab.node_name(1))
        })?;
    }
    Ok(())
}

const ANNOUNCED: &str = "ferrolb.io/Announced";

/// Waits until the condition of a Service has a status and a message that suit. Returns the Service.
pub(crate) fn says(lab: &Lab, name: &str, suits: impl Fn(&str, &str) -> bool) -> Result<Value> {
    wait::until_seen(&format!("{ANNOUNCED} of {name} to say so"), SOON, || {
        let service = lab.json(&["get", "service", name, "--show-managed-fields"])?;
        let conditions = service["status"]["conditions"].as_array();
        let found = conditions
            .into_iter()
            .flatten()
            .find(|one| one["type"] == ANNOUNCED);
        let text = |field: &str| found.and_then(|one| one[field].as_str()).unwrap_or_default();
        let met = suits(text("status"), text("message"));
        Ok(if met {
            Ok(service.clone())
        } else {
            Err(format!("{found:?}"))
        })
    })
}

/// The owner of the condition, by the managed fields of the Service.
fn writers(service: &Value) -> Vec<String> {
    let key = format!(r#"k:{{"type":"{ANNOUNCED}"}}"#);
    let entries = service["metadata"]["managedFields"].as_array();
    let owns = |entry: &&Value| !entry["fieldsV1"]["f:status"]["f:conditions"][&key].is_null();
    entries
        .into_iter()
        .flatten()
        .filter(owns)
        .map(|entry| entry["manager"].as_str().unwrap_or_default().to_owned())
        .collect()
}

fn condition(lab: &Lab) -> Outcome {
    let label = "layer2.test/tells";
    let _scene = Scene::new(
        lab,
        advertised("talks", "192.0.2.206/32", &only_nodes_with(label)) + &service("talks", "talks", ""),
    )?;
    let address = lab.assigned("talks", 1, SOON)?[0];
    let of_nobody = |status: &str, message: &str| status == "False" && message.contains("spec.nodeSelectors");
    says(lab, "talks", of_nobody)?;
    let mut chosen = Vec::new();
    for node in [1, 2] {
        // the next is chosen before the last one no longer is
        chosen = vec![Label::put(lab, node, label)?];
        let name = lab.node_name(node);
        lab.announced(address, SOON, |announcer| announcer == node)?;
        let service = says(lab, "talks", |status, message| {
            status == "True" && message.contains(&name) && message.contains("eth0")
        })?;
        assert_eq!(writers(&service), ["ferrolb-speaker"]);
        event(lab, "talks", "nodeAssigned", &[&format!("\"{name}\"")])?;
    }
    drop(chosen);
    let service = says(lab, "talks", of_nobody)?;
    assert_eq!(writers(&service), ["ferrolb-speaker"]);
    Ok(())
}
