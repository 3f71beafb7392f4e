//! What a failover needs: nodes with speakers, an address, and a server behind it that no fault takes along.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use serde_json::json;

use super::fault::Kind;
use super::{Failover, learned};
use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::mac::Mac;
use crate::measure::Place;
use crate::measure::speakers::Speakers;
use crate::plan::{Machine, lan4, lan6};
use crate::process::Process;
use crate::program::NAMESPACE;
use crate::{source, wait};

/// The Service's port.
pub(super) const PORT: u16 = 80;
/// Where the echo program listens, on the control plane's machine: no node takes it along.
const ECHO_PORT: u16 = 8090;
const ECHO: Machine = Machine::ControlPlane;
/// Every station on the LAN but the client may be asked which one answers: its own kernel must learn as if nobody had asked.
const ASKER: Machine = Machine::ControlPlane;
const HEARING: Duration = Duration::from_millis(200);
/// The holder must stay the same for so long before a run.
const QUIET: Duration = Duration::from_secs(1);
const SETTLING: Duration = Duration::from_secs(180);
const ATTEMPT: Duration = Duration::from_secs(1);
const NAME: &str = "failover";
const NUMBER: u8 = 249;

pub(super) struct Scene {
    /// None when the set is struck.
    pub(super) speakers: Option<Speakers>,
    _echo: Process,
    pub(super) address: IpAddr,
    pub(super) lab: Lab,
    manifests: String,
    is_own: bool,
}

impl Scene {
    /// Starts what is not there yet and waits until the address answers.
    pub(super) fn set(place: &Place, what: &Failover) -> Result<Self> {
        if what.plain {
            // building is not measured, and must not disturb a lab that runs
            source::static_program("ferrolb")?;
        }
        let echo = source::static_program("ferrolb-echo")?;
        let (lab, is_own) = place.open(what.nodes, what.plain)?;
        check_size(&lab, what.kind)?;
        let address = if what.ipv6 {
            lan6(NUMBER).into()
        } else {
            lan4(NUMBER).into()
        };
        let port = ECHO_PORT.to_string();
        let echo = lab.start_process(ECHO, "echo", &[&echo.to_string_lossy(), "serve", &port], &[])?;
        let speakers = if what.plain {
            Speakers::plain(&lab, &what.implementation, &what.variables)?
        } else {
            Speakers::pods(&lab, &what.variables, is_own)?
        };
        let scene = Self {
            speakers: Some(speakers),
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

    fn speakers_ready(&self) -> std::result::Result<(), String> {
        self.speakers
            .iter()
            .try_for_each(|speakers| speakers.ready(&self.lab))
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

    /// Removes what a lab that stays did not have before.
    pub(super) fn strike_the_set(mut self) -> Result<()> {
        self.leave()
    }

    fn leave(&mut self) -> Result<()> {
        let Some(speakers) = self.speakers.take().filter(|_| !self.is_own) else {
            return Ok(());
        };
        let deleted = self.lab.delete(&self.manifests);
        // a controller that is killed keeps its lease
        speakers.stop().and(deleted).map(drop)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Err(failed) = self.leave() {
            eprintln!("what was made for the measurement stays: {failed}");
        }
    }
}

fn check_size(lab: &Lab, kind: Kind) -> Result<()> {
    let needed = if kind == Kind::Twin { 3 } else { 2 };
    if lab.plan().nodes().count() < needed {
        return Error::refused(format!("this needs {needed} nodes"));
    }
    Ok(())
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
