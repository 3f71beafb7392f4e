//! When a cluster can be used: one question each, asked until the answer is yes.

use std::process::Command;

use crate::command::{USUAL, text};
use crate::kubectl::Kubectl;
use crate::netns;
use crate::plan::{Machine, Plan};

/// Yes, or what was seen instead.
pub(crate) type Seen = Result<(), String>;

pub(crate) fn api(kubectl: &Kubectl) -> Seen {
    match kubectl.run(&["get", "--raw", "/readyz"]) {
        Ok(answer) if answer == "ok" => Ok(()),
        Ok(answer) => Err(answer),
        Err(failed) => Err(failed.to_string()),
    }
}

pub(crate) fn nodes(kubectl: &Kubectl, count: usize) -> Seen {
    let nodes = kubectl
        .run(&["get", "nodes", "--no-headers"])
        .map_err(|failed| failed.to_string())?;
    let ready = nodes
        .lines()
        .filter(|line| line.split_whitespace().nth(1) == Some("Ready"))
        .count();
    if ready == count { Ok(()) } else { Err(nodes) }
}

/// Pods are refused until their namespace has its default service account.
pub(crate) fn account(kubectl: &Kubectl) -> Seen {
    kubectl
        .run(&["get", "serviceaccount", "default"])
        .map(drop)
        .map_err(|failed| failed.to_string())
}

/// kube-proxy's own health check says yes before its first rules are in.
pub(crate) fn proxy(plan: &Plan, node: u8) -> Seen {
    let name = plan.full_name(Machine::Node(node));
    let list = || text(Command::new("nft").args(["list", "tables"]), USUAL);
    let tables = netns::inside(&name, list)
        .and_then(|listed| listed)
        .map_err(|failed| failed.to_string())?;
    let has = |table: &str| tables.lines().any(|line| line.trim() == table);
    if has("table ip kube-proxy") && has("table ip6 kube-proxy") {
        Ok(())
    } else {
        Err(format!("{name} has {tables:?}"))
    }
}
