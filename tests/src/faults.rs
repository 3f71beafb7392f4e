//! What a test breaks and mends.

use crate::error::Result;
use crate::keeper_request::{Request, ask};
use crate::lab::Lab;
use crate::plan::Machine;
use crate::{machine, readiness, wait};
use std::time::Duration;

const BOOTING: Duration = Duration::from_secs(60);

impl Lab {
    /// Cuts a node's power: its cable goes dead and every process of it is gone when this returns. Its disk stays.
    ///
    /// # Errors
    /// If the node is down already.
    pub fn cut(&self, node: u8) -> Result<()> {
        ask(self.state(), Request::Cut(node))
    }

    /// Switches a node on and waits until its kubelet has reported, it is Ready and its kube-proxy has rules.
    /// Pods that ran on it are started again some seconds later; until then the API shows them as they were.
    ///
    /// # Errors
    /// If the node runs, or is not Ready in time.
    pub fn boot(&self, node: u8) -> Result<()> {
        let name = self.node_name(node);
        let before = self.last_heartbeat(&name);
        ask(self.state(), Request::Boot(node))?;
        wait::until_seen(&format!("{name} to be Ready again"), BOOTING, || {
            if self.last_heartbeat(&name) == before {
                return Ok(Err("its kubelet has not reported yet".into()));
            }
            Ok(self
                .ready(&name)
                .and_then(|()| readiness::proxy(self.plan(), node)))
        })
        .map_err(|late| late.with_log(&self.state().node_logs(node).join("kubelet.log")))
    }

    /// Takes the switch port of a machine down: it loses its carrier and keeps its addresses and routes.
    ///
    /// # Errors
    /// If the machine is down.
    pub fn unplug(&self, node: u8) -> Result<()> {
        machine::unplug(self.plan(), Machine::Node(node))
    }

    /// Takes the switch port of a machine up again.
    ///
    /// # Errors
    /// If the machine is down.
    pub fn plug(&self, node: u8) -> Result<()> {
        machine::plug(self.plan(), Machine::Node(node))
    }

    fn last_heartbeat(&self, name: &str) -> String {
        let lease = [
            "get",
            "lease",
            name,
            "-n",
            "kube-node-lease",
            "-o",
            "jsonpath={.spec.renewTime}",
        ];
        self.kubectl(&lease).unwrap_or_default()
    }

    fn ready(&self, name: &str) -> std::result::Result<(), String> {
        let condition = r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
        match self.kubectl(&["get", "node", name, "-o", condition]) {
            Ok(status) if status == "True" => Ok(()),
            Ok(status) => Err(format!("Ready is {status}")),
            Err(failed) => Err(failed.to_string()),
        }
    }
}
