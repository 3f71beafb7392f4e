//! What a test breaks and mends.

use std::time::Duration;

use crate::control_plane::API_SERVER;
use crate::error::Result;
use crate::keeper_request::{Request, ask};
use crate::lab::Lab;
use crate::plan::Machine;
use crate::{machine, readiness, wait};

const BOOTING: Duration = Duration::from_secs(60);

/// While it lives, a part of the lab is broken.
#[derive(Debug)]
#[must_use = "it is mended when this is dropped"]
pub struct Broken<'a> {
    lab: &'a Lab,
    part: Part,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Etcd,
    ControlPlane,
    PowerOf(u8),
}

impl Part {
    fn mend(self, lab: &Lab) -> Result<()> {
        match self {
            Self::Etcd => lab.resume_etcd(),
            Self::ControlPlane => lab.start_control_plane(),
            Self::PowerOf(node) => lab.boot(node),
        }
    }
}

impl Broken<'_> {
    /// Mends it.
    ///
    /// # Errors
    /// As [`Lab::resume_etcd`], [`Lab::start_control_plane`] or [`Lab::boot`].
    pub fn mend(self) -> Result<()> {
        let (lab, part) = (self.lab, self.part);
        self.leave();
        part.mend(lab)
    }

    /// Leaves it to whoever calls [`Lab::resume_etcd`], [`Lab::start_control_plane`] or [`Lab::boot`].
    pub fn leave(self) {
        std::mem::forget(self);
    }
}

impl Drop for Broken<'_> {
    fn drop(&mut self) {
        if let Err(failed) = self.part.mend(self.lab) {
            eprintln!("{:?} stays broken: {failed}", self.part);
        }
    }
}

impl Lab {
    /// Cuts a node's power until the returned value is dropped: its cable goes dead and every process of it is gone when this
    /// returns. Its disk stays.
    ///
    /// # Errors
    /// If the node is down already.
    pub fn cut(&self, node: u8) -> Result<Broken<'_>> {
        ask(self.state(), Request::Cut(node))?;
        Ok(self.broken(Part::PowerOf(node)))
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
        if self.plan().is_bare() {
            return wait::until_seen(&format!("the rules of {name}"), BOOTING, || {
                Ok(readiness::proxy(self.plan(), node))
            });
        }
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

    /// Kills the API server. What it stored stays in etcd.
    ///
    /// # Errors
    /// If it does not run.
    pub fn kill_api_server(&self) -> Result<()> {
        ask(self.state(), Request::KillApiServer)
    }

    /// Starts the API server that was killed and waits until it says that it is ready.
    ///
    /// # Errors
    /// If it runs, or is not ready in time.
    pub fn start_api_server(&self) -> Result<()> {
        ask(self.state(), Request::StartApiServer)?;
        self.api_ready_again()
    }

    /// Kills the API server and etcd. What was stored is on disk. The controller manager and the scheduler run on and
    /// can do nothing.
    ///
    /// # Errors
    /// If one of both does not run.
    pub fn stop_control_plane(&self) -> Result<Broken<'_>> {
        ask(self.state(), Request::StopControlPlane)?;
        Ok(self.broken(Part::ControlPlane))
    }

    /// Starts the API server and etcd that were killed and waits until the API server says that it is ready.
    ///
    /// # Errors
    /// If one of both runs, or it is not ready in time.
    pub fn start_control_plane(&self) -> Result<()> {
        ask(self.state(), Request::StartControlPlane)?;
        self.api_ready_again()
    }

    fn api_ready_again(&self) -> Result<()> {
        let kubectl = self.kubectl_program();
        wait::until_seen("the API server to be ready again", BOOTING, || {
            Ok(readiness::api(&kubectl))
        })
        .map_err(|late| late.with_log(&self.state().log(API_SERVER)))
    }

    /// Stops etcd where it is, until the returned value is dropped: writes are accepted by nobody, and reads that
    /// must be current hang.
    ///
    /// # Errors
    /// If etcd does not run.
    pub fn pause_etcd(&self) -> Result<Broken<'_>> {
        ask(self.state(), Request::PauseEtcd)?;
        Ok(self.broken(Part::Etcd))
    }

    /// Lets etcd go on; fine if it is not paused.
    ///
    /// # Errors
    /// If etcd does not run.
    pub fn resume_etcd(&self) -> Result<()> {
        ask(self.state(), Request::ResumeEtcd)
    }

    fn broken(&self, part: Part) -> Broken<'_> {
        Broken { lab: self, part }
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
