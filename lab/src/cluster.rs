//! The cluster of a lab: kubectl, images, roll-outs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::command::USUAL;
use crate::error::{Doing, Error, Result};
use crate::lab::Lab;
use crate::mac::Mac;
use crate::plan::Machine;

/// How long pods may take to be replaced: an Envoy that ends waits until its last connection is idle for a minute, and a
/// connection that was cut by a move stays open on the node that had the address.
const ROLLING: Duration = Duration::from_secs(240);
/// kubectl has so much more than a roll-out, to say that it is late.
const TO_SAY_SO: Duration = Duration::from_secs(10);

impl Lab {
    /// Runs kubectl as the cluster's administrator and returns its standard output.
    ///
    /// # Errors
    /// If it fails, with both outputs.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.kubectl_program().run(arguments)
    }

    /// Applies manifests.
    ///
    /// # Errors
    /// If the API server refuses one, with its words.
    pub fn apply(&self, yaml: &str) -> Result<String> {
        self.kubectl_program()
            .run_with_input(&["apply", "-f", "-"], yaml, USUAL)
    }

    /// Deletes what the manifests name and waits until it is gone.
    ///
    /// # Errors
    /// If something cannot be deleted; what does not exist is fine.
    pub fn delete(&self, yaml: &str) -> Result<String> {
        self.kubectl_program()
            .run_with_input(&["delete", "--ignore-not-found", "-f", "-"], yaml, ROLLING)
    }

    /// `kubectl ARGUMENTS -o json`, parsed.
    ///
    /// # Errors
    /// If kubectl fails.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["-o", "json"]).collect();
        let text = self.kubectl(&arguments)?;
        serde_json::from_str(&text).doing(|| format!("read what `kubectl {}` prints", arguments.join(" ")))
    }

    /// Waits until a workload such as `deployment/echo` is rolled out.
    ///
    /// # Errors
    /// If it is not in time, with what its pods say.
    pub fn rolled_out(&self, namespace: &str, workload: &str) -> Result<()> {
        let timeout = format!("--timeout={}s", ROLLING.as_secs());
        let status = ["rollout", "status", "-n", namespace, workload, &timeout];
        self.kubectl_program()
            .run_with_input(&status, "", ROLLING + TO_SAY_SO)
            .map(drop)
            .map_err(|failed| {
                let pods = self.kubectl(&["get", "pods,events", "-n", namespace, "-o", "wide"]);
                Error::Refused(format!("{failed}\n{}", pods.unwrap_or_default()))
            })
    }

    /// Loads an image, an OCI layout in a tar file, into every node; nodes that are down get it when they boot.
    ///
    /// # Errors
    /// If the file cannot be read or a node refuses it.
    pub fn load(&self, image: &Path) -> Result<()> {
        if self.plan().is_bare() {
            return Error::refused("bare nodes run no pods");
        }
        let Some(name) = image.file_name().and_then(|name| name.to_str()) else {
            return Error::refused(format!("{} is no file", image.display()));
        };
        let copy = self.state().images().join(name);
        fs::copy(image, &copy).doing(|| format!("copy {}", image.display()))?;
        let seen_inside = format!("/run/lab/state/images/{name}");
        let import = ["ctr", "-n", "k8s.io", "images", "import", &seen_inside];
        let running = self
            .plan()
            .nodes()
            .filter(|node| self.state().node_process(*node).exists());
        std::thread::scope(|scope| {
            let loads: Vec<_> = running
                .map(|node| scope.spawn(move || self.exec(node, &import)))
                .collect();
            loads
                .into_iter()
                .try_for_each(|load| load.join().expect("loading does not panic").map(drop))
        })
    }

    /// The name of a node in Kubernetes, which also is its host name.
    #[must_use]
    pub fn node_name(&self, node: u8) -> String {
        self.plan().full_name(Machine::Node(node))
    }

    /// The MAC of a node's `eth0`.
    #[must_use]
    pub fn node_mac(&self, node: u8) -> Mac {
        Machine::Node(node).mac()
    }

    /// The number of the node that has this name or MAC, as it reads in a status or in an answer.
    #[must_use]
    pub fn node_number(&self, name_or_mac: &str) -> Option<u8> {
        self.plan().nodes().find(|node| {
            self.node_name(*node) == name_or_mac || self.node_mac(*node).to_string() == name_or_mac
        })
    }
}
