//! What becomes of traffic that routers spread over nodes, when something happens to one of these: real routers, a Service of
//! policy Local, and 200 requests a second from behind the routers.

mod report;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Place;
use super::failover::milliseconds;
use super::speakers::delete_pod;
use super::ticker::Ticker;
use crate::error::{Error, Result};
use crate::fabric::{Fabric, Tors, objects};
use crate::lab::{Lab, LabConfig};
use crate::plan::Machine;
use crate::program::NAMESPACE;
use crate::requests;
use crate::wait;
pub use report::{RoutingRun, Routings};

/// The client, and the routers.
const CLIENTS: u8 = 3;
const SETTLING: Duration = Duration::from_secs(180);
/// Routes are looked at this often: a process for each router takes as long again.
const PACE: Duration = Duration::from_millis(2);
const PORT: u16 = 8080;
/// Two pods as their users would write them: three seconds pass between being taken out of the endpoints and the end.
const WORKLOAD: &str = "
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: routed}
spec:
  replicas: 2
  selector: {matchLabels: {app: routed}}
  template:
    metadata: {labels: {app: routed}}
    spec:
      terminationGracePeriodSeconds: 10
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
          - topologyKey: kubernetes.io/hostname
            labelSelector: {matchLabels: {app: routed}}
      containers:
      - name: echo
        image: localhost/echo:1
        readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
        lifecycle: {preStop: {sleep: {seconds: 3}}}
";

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// The node's speaker stands still (SIGSTOP).
    Silent,
    /// The node's switch port goes down.
    Port,
    /// The node's speaker is killed, and the kubelet starts it again.
    Kill,
    /// The node is drained.
    Drain,
    /// The node is cordoned.
    Cordon,
    /// The pod of the node's speaker is deleted.
    Restart,
    /// All speakers are replaced.
    Rollout,
    /// One Service more.
    Change,
}

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub struct Routing {
    /// What happens.
    pub event: Event,
    /// How often.
    pub runs: usize,
    /// The routers that the client's packets take. The speakers have sessions with both in any case.
    pub tors: Tors,
}

/// Measures, in a lab made for it or with what is installed in one of three clients; `tell` hears of each run as it ends.
///
/// # Errors
/// If the lab does not start, or is not whole before a run.
pub fn routing(place: &Place, what: &Routing, mut tell: impl FnMut(&str)) -> Result<Routings> {
    if what.runs == 0 {
        return Error::refused("this takes one run at least");
    }
    let lab = open(place)?;
    let scene = Scene::set(&lab, what.tors)?;
    let mut runs = Vec::new();
    for number in 0..what.runs {
        let run = scene.run(what.event, number)?;
        tell(&run.in_words());
        runs.push(run);
    }
    scene.strike()?;
    Ok(Routings {
        event: what.event,
        tors: what.tors,
        runs,
    })
}

fn open(place: &Place) -> Result<Lab> {
    match place {
        Place::Running(name) => Lab::open(name),
        Place::Own(name) => {
            let lab = Lab::up(&LabConfig {
                name: name.clone(),
                nodes: 3,
                clients: CLIENTS,
            })?;
            lab.install()?;
            Ok(lab)
        }
    }
}

struct Scene<'a> {
    lab: &'a Lab,
    fabric: Fabric<'a>,
    address: Ipv4Addr,
}

impl<'a> Scene<'a> {
    fn set(lab: &'a Lab, tors: Tors) -> Result<Self> {
        let fabric = Fabric::new(lab, tors)?;
        lab.apply(&manifests())?;
        lab.rolled_out("default", "deployment/routed")?;
        Ok(Self {
            lab,
            fabric,
            address: address(lab, "routed")?,
        })
    }

    /// Removes what a lab that stays did not have before.
    fn strike(self) -> Result<()> {
        self.lab.delete(&manifests()).map(drop)
    }

    /// Waits until all routers forward to the same nodes, those with pods, and FRR has sessions of BGP and BFD with all nodes.
    /// Returns those with pods.
    fn settle(&self) -> Result<Vec<u8>> {
        self.lab.rolled_out(NAMESPACE, "daemonset/speaker")?;
        self.lab.rolled_out("default", "deployment/routed")?;
        wait::until_seen("routers that forward to both nodes with pods", SETTLING, || {
            let hops = self.fabric.next_hops(self.address)?;
            let is_whole = |node| {
                let address = Machine::Node(node).ipv4().to_string();
                let frr = &self.fabric.frr;
                frr.neighbour(&address)["bgpState"] == "Established" && frr.watches(&address)
            };
            Ok(match &hops[..] {
                [first, others @ ..] if first.len() == 2 && others.iter().all(|other| other == first) => {
                    let other = self.lab.plan().nodes().find(|node| !is_whole(*node));
                    other.map_or(Ok(first.clone()), |node| {
                        Err(format!("FRR is not up with n{node}"))
                    })
                }
                _ => Err(format!("{hops:?}")),
            })
        })
    }

    fn run(&self, event: Event, number: usize) -> Result<RoutingRun> {
        let nodes = self.settle()?;
        let node = nodes[number % nodes.len()];
        let ends = || self.fabric.frr.log().matches(" Down ").count();
        let before = ends();
        let (ticker, began) = (Ticker::start(), Instant::now());
        let target = SocketAddr::from((self.address, PORT));
        let (routes, tally) = requests::in_turn(self.lab, &[target], || {
            let took = self.happens(event, node, number)?;
            self.settle()?;
            Ok(took)
        })?;
        Ok(RoutingRun {
            node: self.lab.node_name(node),
            routes_ms: milliseconds(routes),
            sent: tally.sent,
            lost: tally.lost(),
            ends: ends() - before,
            stall_ms: milliseconds(ticker.longest(began, Instant::now())),
        })
    }

    /// Lets it happen, waits until the routers have drawn the consequence, and mends it. Returns how long that took them.
    fn happens(&self, event: Event, node: u8, number: usize) -> Result<Duration> {
        let name = self.lab.node_name(node);
        let kubectl = |arguments: &[&str]| self.lab.kubectl(arguments).map(drop);
        let began = Instant::now();
        match event {
            Event::Silent => {
                let pause = self.lab.pause_speaker(node)?;
                let took = self.without(node, began)?;
                drop(pause);
                Ok(took)
            }
            Event::Port => {
                self.lab.unplug(node)?;
                let took = self.without(node, began)?;
                self.lab.plug(node)?;
                Ok(took)
            }
            Event::Cordon | Event::Drain => {
                if event == Event::Cordon {
                    kubectl(&["cordon", &name])?;
                } else {
                    kubectl(&[
                        "drain",
                        &name,
                        "--ignore-daemonsets",
                        "--delete-emptydir-data",
                        "--force",
                    ])?;
                }
                let took = self.without(node, began)?;
                kubectl(&["uncordon", &name])?;
                Ok(took)
            }
            Event::Kill => {
                self.lab.kill_speaker(node)?;
                self.again(began)
            }
            Event::Restart => {
                delete_pod(self.lab, node)?;
                self.again(began)
            }
            Event::Rollout => {
                kubectl(&["rollout", "restart", "-n", NAMESPACE, "daemonset/speaker"])?;
                self.again(began)
            }
            Event::Change => {
                let (name, began) = (format!("more-{number}"), Instant::now());
                self.lab.apply(&service(&name))?;
                let more = address(self.lab, &name)?;
                self.until("a route to the new address", began, || {
                    Ok(self.fabric.next_hops(more)?.iter().all(|hops| hops.len() == 2))
                })?;
                let took = began.elapsed();
                self.lab.delete(&service(&name))?;
                Ok(took)
            }
        }
    }

    /// Until no router on the client's way forwards to the node, and all to another.
    fn without(&self, node: u8, began: Instant) -> Result<Duration> {
        self.until("routes to other nodes", began, || {
            let hops = self.fabric.next_hops(self.address)?;
            Ok(hops.iter().all(|hops| !hops.is_empty() && !hops.contains(&node)))
        })
    }

    /// Until all is as before.
    fn again(&self, began: Instant) -> Result<Duration> {
        self.settle()?;
        Ok(began.elapsed())
    }

    fn until(&self, what: &str, began: Instant, holds: impl Fn() -> Result<bool>) -> Result<Duration> {
        wait::until_at(PACE, what, SETTLING, || {
            Ok(holds()?.then_some(()).ok_or_else(String::new))
        })?;
        Ok(began.elapsed())
    }
}

fn manifests() -> String {
    objects() + WORKLOAD + &service("routed")
}

fn address(lab: &Lab, service: &str) -> Result<Ipv4Addr> {
    match lab.assigned(service, 1, SETTLING)?[..] {
        [IpAddr::V4(address)] => Ok(address),
        ref other => Error::refused(format!("{service} has {other:?}, which is no IPv4 address")),
    }
}

/// A Service of policy Local over UDP.
fn service(name: &str) -> String {
    format!(
        "
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, annotations: {{metallb.io/address-pool: bgp}}}}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: {{app: routed}}
  ports: [{{name: udp, port: {PORT}, protocol: UDP}}]
"
    )
}
