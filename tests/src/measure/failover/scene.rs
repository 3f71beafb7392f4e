//! What a failover needs: nodes with speakers, an address, and somebody behind it whom no fault takes along.

use super::fault::Kind;
use super::{Failover, Place, learned};
use crate::error::{Error, Result};
use crate::lab::{Lab, LabConfig};
use crate::mac::Mac;
use crate::plan::{Machine, lan4, lan6};
use crate::process::Process;
use crate::program::NAMESPACE;
use crate::{source, wait};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// The Service's port.
pub(super) const PORT: u16 = 80;
/// Where the echo program listens, on the control plane's machine: no node takes it along.
const ECHO_PORT: u16 = 8090;
const ECHO: Machine = Machine::ControlPlane;
/// Everybody on the LAN but the client may be asked who answers: its own kernel must learn as if nobody had asked.
const ASKER: Machine = Machine::ControlPlane;
const HEARING: Duration = Duration::from_millis(200);
/// The holder must stay the same for so long before a run.
const QUIET: Duration = Duration::from_secs(1);
const SETTLING: Duration = Duration::from_secs(180);
const ATTEMPT: Duration = Duration::from_secs(1);
const NAME: &str = "failover";
const NUMBER: u8 = 249;

pub(super) struct Scene {
    speakers: Speakers,
    _echo: Process,
    pub(super) address: IpAddr,
    pub(super) lab: Lab,
    manifests: String,
    is_own: bool,
}

enum Speakers {
    Pods,
    Plain {
        command: String,
        variables: Vec<(String, String)>,
        running: BTreeMap<u8, Process>,
        _controller: Process,
        /// They are this tree's, and say at a port when they are ready.
        are_ours: bool,
    },
}

impl Scene {
    /// Starts what is not there yet and waits until the address answers.
    pub(super) fn set(place: &Place, what: &Failover) -> Result<Self> {
        if what.plain {
            // building is not measured, and must not disturb a lab that runs
            source::static_program("ferrolb")?;
        }
        let echo = source::static_program("ferrolb-echo")?;
        let (lab, is_own) = open(place, what)?;
        check_size(&lab, what.kind)?;
        let address = if what.ipv6 {
            lan6(NUMBER).into()
        } else {
            lan4(NUMBER).into()
        };
        let port = ECHO_PORT.to_string();
        let echo = lab.start_process(ECHO, "echo", &[&echo.to_string_lossy(), "serve", &port], &[])?;
        let speakers = if what.plain {
            plain(&lab, what)?
        } else {
            pods(&lab, what, is_own)?
        };
        let scene = Self {
            speakers,
            _echo: echo,
            address,
            lab,
            manifests: manifests(address),
            is_own,
        };
        scene.lab.apply(&scene.manifests)?;
        scene.lab.assigned(NAME, 1, SETTLING)?;
        Ok(scene)
    }

    pub(super) fn nodes(&self) -> usize {
        self.lab.plan().nodes().count()
    }

    /// Waits until every speaker is ready, one node has held the address for a while, and the client believes so and
    /// is served. Returns the holder.
    pub(super) fn settle(&self) -> Result<u8> {
        let mut since: Option<(u8, Instant)> = None;
        wait::until_seen(&format!("one node to hold {}", self.address), SETTLING, || {
            let holder = self.speakers_ready().and_then(|()| self.holder());
            let held = holder.map(|node| match since {
                Some((before, at)) if before == node => (node, at),
                _ => (node, Instant::now()),
            });
            since = held.as_ref().ok().copied();
            Ok(held.and_then(|(node, at)| {
                if at.elapsed() < QUIET {
                    return Err(format!("n{node} holds it for {:.1?}", at.elapsed()));
                }
                self.client_agrees(node).map(|()| node)
            }))
        })
    }

    /// The one node that answers for the address.
    fn holder(&self) -> std::result::Result<u8, String> {
        let asked = match self.address {
            IpAddr::V4(v4) => self.lab.arp_ask_from(ASKER, v4, HEARING),
            IpAddr::V6(v6) => self.lab.ndp_ask_from(ASKER, v6, HEARING),
        };
        let macs: Vec<Mac> = asked.map_err(|failed| failed.to_string())?;
        let node = match macs[..] {
            [only] => self.lab.node_number(&only.to_string()),
            _ => None,
        };
        node.ok_or_else(|| format!("answers of {macs:?}"))
    }

    fn client_agrees(&self, holder: u8) -> std::result::Result<(), String> {
        let text = |failed: Error| failed.to_string();
        let target = SocketAddr::new(self.address, PORT);
        self.lab.udp_ask(target, ATTEMPT).map_err(text)?;
        match learned(&self.lab, self.address).map_err(text)? {
            Some(node) if node == holder => Ok(()),
            other => Err(format!("n{holder} answers, and the client believes {other:?}")),
        }
    }

    /// The node that the client's kernel sends to.
    pub(super) fn learned(&self) -> Result<Option<u8>> {
        learned(&self.lab, self.address)
    }

    fn speakers_ready(&self) -> std::result::Result<(), String> {
        let by_port = match &self.speakers {
            Speakers::Pods => self.pods_ready()?,
            Speakers::Plain { are_ours, .. } => *are_ours,
        };
        let mut nodes = self.lab.plan().nodes();
        nodes.try_for_each(|node| {
            self.lab.speaker_pid(node).map_err(|failed| failed.to_string())?;
            if by_port { self.says_ready(node) } else { Ok(()) }
        })
    }

    /// As the DaemonSet says; true if the speakers are this tree's.
    fn pods_ready(&self) -> std::result::Result<bool, String> {
        let listed = self.lab.json(&["get", "daemonset", "speaker", "-n", NAMESPACE]);
        let listed = listed.map_err(|failed| failed.to_string())?;
        let status = &listed["status"];
        if status["numberReady"] != status["desiredNumberScheduled"]
            || status["updatedNumberScheduled"] != status["desiredNumberScheduled"]
        {
            return Err(status.to_string());
        }
        let image = listed["spec"]["template"]["spec"]["containers"][0]["image"].as_str();
        Ok(image.is_some_and(|image| image.contains("ferrolb")))
    }

    fn says_ready(&self, node: u8) -> std::result::Result<(), String> {
        let url = "http://127.0.0.1:9120/readyz";
        match self.lab.http_get_from(Machine::Node(node), url, ATTEMPT) {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(format!("n{node}: {} {}", answer.status, answer.body)),
            Err(failed) => Err(format!("n{node}: {failed}")),
        }
    }

    /// Starts the plain speaker of a node again; a pod's the kubelet starts.
    pub(super) fn start_again(&mut self, node: u8) -> Result<()> {
        if let Speakers::Plain {
            command,
            variables,
            running,
            ..
        } = &mut self.speakers
        {
            drop(running.remove(&node));
            let again = self.lab.start_speaker_with(node, command, &borrowed(variables))?;
            running.insert(node, again);
        }
        Ok(())
    }

    /// Has a pod whose speaker was killed replaced: the kubelet waits ever longer before it starts a container that
    /// ends again and again.
    pub(super) fn replace_pod(&self, node: u8) -> Result<()> {
        if matches!(self.speakers, Speakers::Plain { .. }) {
            return Ok(());
        }
        let on_node = format!("--field-selector=spec.nodeName={}", self.lab.node_name(node));
        let delete = [
            "delete",
            "pod",
            "-n",
            NAMESPACE,
            "-l",
            "component=speaker",
            &on_node,
        ];
        self.lab.kubectl(&delete).map(drop)
    }

    /// Removes what a lab that stays did not have before.
    pub(super) fn strike_the_set(mut self) -> Result<()> {
        self.leave()
    }

    fn leave(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.is_own, true) {
            return Ok(());
        }
        self.lab.delete(&self.manifests).map(drop)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Err(failed) = self.leave() {
            eprintln!("what was made for the measurement stays: {failed}");
        }
    }
}

fn open(place: &Place, what: &Failover) -> Result<(Lab, bool)> {
    let name = match place {
        Place::Running(name) => return Ok((Lab::open(name)?, false)),
        Place::Own(name) => name.clone(),
    };
    let config = LabConfig {
        name,
        nodes: what.nodes,
        clients: 1,
    };
    let lab = if what.plain {
        Lab::up_bare(&config)?
    } else {
        Lab::up(&config)?
    };
    Ok((lab, true))
}

fn check_size(lab: &Lab, kind: Kind) -> Result<()> {
    let needed = if kind == Kind::Twin { 3 } else { 2 };
    if lab.plan().nodes().count() < needed {
        return Error::refused(format!("this needs {needed} nodes"));
    }
    Ok(())
}

fn borrowed(variables: &[(String, String)]) -> Vec<(&str, &str)> {
    let pairs = variables.iter();
    pairs
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn plain(lab: &Lab, what: &Failover) -> Result<Speakers> {
    let program = source::static_program("ferrolb")?;
    let part = |given: &Option<String>, part: &str| {
        let ours = || format!("{} {part}", program.display());
        given.clone().unwrap_or_else(ours)
    };
    let command = part(&what.implementation.speaker, "speaker");
    let controller = part(&what.implementation.controller, "controller");
    lab.apply_definitions(what.implementation.manifests.clone())?;
    let variables = what.variables.clone();
    let controller = lab.start_controller("controller", &controller, &[])?;
    let mut running = BTreeMap::new();
    for node in lab.plan().nodes() {
        running.insert(
            node,
            lab.start_speaker_with(node, &command, &borrowed(&variables))?,
        );
    }
    Ok(Speakers::Plain {
        command,
        variables,
        running,
        _controller: controller,
        are_ours: what.implementation.speaker.is_none(),
    })
}

fn pods(lab: &Lab, what: &Failover, is_own: bool) -> Result<Speakers> {
    if is_own {
        lab.install()?;
    }
    if !what.variables.is_empty() {
        let set = |(name, value): &(String, String)| format!("{name}={value}");
        let values: Vec<String> = what.variables.iter().map(set).collect();
        let mut arguments = vec!["set", "env", "daemonset/speaker", "-n", NAMESPACE];
        arguments.extend(values.iter().map(String::as_str));
        lab.kubectl(&arguments)?;
        lab.rolled_out(NAMESPACE, "daemonset/speaker")?;
    }
    Ok(Speakers::Pods)
}

/// A pool of one address, and a Service whose endpoint is on the control plane's machine.
fn manifests(address: IpAddr) -> String {
    let of_pool = json!({"name": NAME, "namespace": NAMESPACE});
    let (family, length, echo): (_, _, IpAddr) = match address {
        IpAddr::V4(_) => ("IPv4", 32, ECHO.ipv4().into()),
        IpAddr::V6(_) => ("IPv6", 128, ECHO.ipv6().into()),
    };
    let port = |number: u16| json!({"name": "udp", "protocol": "UDP", "port": number});
    let items = json!([
        {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": of_pool,
         "spec": {"autoAssign": false, "addresses": [format!("{address}/{length}")]}},
        {"apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement", "metadata": of_pool,
         "spec": {"ipAddressPools": [NAME]}},
        {"apiVersion": "v1", "kind": "Service",
         "metadata": {"name": NAME, "annotations": {"metallb.io/address-pool": NAME}},
         "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false,
                  "ipFamilies": [family], "ports": [port(PORT)]}},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
         "metadata": {"name": NAME, "labels": {"kubernetes.io/service-name": NAME}},
         "endpoints": [{"addresses": [echo.to_string()], "conditions": {"ready": true}}],
         "ports": [port(ECHO_PORT)]},
    ]);
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}
