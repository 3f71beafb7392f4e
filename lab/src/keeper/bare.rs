//! Node objects that nobody reports for.

use serde_json::{Value, json};

use crate::command::USUAL;
use crate::error::Result;
use crate::kubectl::Kubectl;
use crate::plan::{Machine, Plan};

/// Creates a Ready Node for every bare node. With its grace period of a day the controller manager believes it, and
/// takes away the taint that every new Node gets.
pub(super) fn register(plan: &Plan, kubectl: &Kubectl) -> Result<()> {
    let items: Vec<Value> = plan.nodes().map(|number| node(plan, number)).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    kubectl
        .run_with_input(&["create", "-f", "-"], &list, USUAL)
        .map(drop)
}

fn node(plan: &Plan, number: u8) -> Value {
    let machine = Machine::Node(number);
    let name = plan.full_name(machine);
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
        },
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": machine.ipv4().to_string()},
                {"type": "InternalIP", "address": machine.ipv6().to_string()},
                {"type": "Hostname", "address": name},
            ],
            "conditions": [{"type": "Ready", "status": "True", "reason": "Bare"}],
        },
    })
}
