//! Nodes with speakers, and many addresses, so that every node holds some.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::history::History;
use super::wire::Wire;
use super::{ADDRESSES, Stability};
use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::measure::Place;
use crate::measure::speakers::Speakers;
use crate::plan::{Machine, lan4};
use crate::program::NAMESPACE;
use crate::{source, wait};

const NAME: &str = "stability";
const FIRST_NUMBER: u8 = 221;
const PORT: u16 = 80;
/// Nothing listens there: only the question which node answers ARP is asked.
const ENDPOINT: Machine = Machine::ControlPlane;
/// Each holder must stay the same for so long before a run.
const QUIET: Duration = Duration::from_millis(1500);
const SETTLING: Duration = Duration::from_secs(180);

/// Which node holds each address.
pub(super) type Holders = BTreeMap<Ipv4Addr, u8>;

pub(super) struct Scene {
    speakers: Option<Speakers>,
    pub(super) wire: Wire,
    pub(super) lab: Lab,
    manifests: String,
    is_own: bool,
}

impl Scene {
    pub(super) fn set(place: &Place, what: &Stability) -> Result<Self> {
        let given = &what.implementation;
        if given.controller.is_none() || given.speaker.is_none() {
            source::static_program("ferrolb")?;
        }
        let (lab, is_own) = place.open(what.nodes, true)?;
        if lab.plan().nodes().count() < 4 {
            return Error::refused("this needs 4 nodes");
        }
        let speakers = Speakers::plain(&lab, given, &what.variables)?;
        let manifests = manifests();
        lab.apply(&manifests)?;
        (0..ADDRESSES).try_for_each(|number| lab.assigned(&name(number), 1, SETTLING).map(drop))?;
        let addresses: Vec<Ipv4Addr> = (0..ADDRESSES).map(address).collect();
        Ok(Self {
            speakers: Some(speakers),
            wire: Wire::start(&lab, &addresses)?,
            lab,
            manifests,
            is_own,
        })
    }

    /// Waits until every speaker is ready and one node has answered for each address for a while.
    pub(super) fn settle(&self) -> Result<Holders> {
        self.wire.forget();
        let began = Instant::now();
        wait::until_seen("one holder of each address", SETTLING, || {
            if began.elapsed() < QUIET {
                return Ok(Err("not watched for long enough".into()));
            }
            let ready = self
                .speakers
                .iter()
                .try_for_each(|speakers| speakers.ready(&self.lab));
            Ok(ready.and_then(|()| self.sole_holders()))
        })
    }

    fn sole_holders(&self) -> std::result::Result<Holders, String> {
        let now = Instant::now();
        let since = now.checked_sub(QUIET).unwrap_or(now);
        let history = History::of(&self.wire.since(since));
        let answering = history.answering();
        let many: Vec<_> = answering.iter().filter(|(_, macs)| macs.len() > 1).collect();
        let holders = self.by_node(&history, now);
        match holders.len() {
            ADDRESSES_HELD if many.is_empty() => Ok(holders),
            held => Err(format!(
                "{held} have one holder, and several answered for {many:?}"
            )),
        }
    }

    /// Which node holds each address that has one holder at that time.
    pub(super) fn by_node(&self, history: &History, end: Instant) -> Holders {
        let node = |(address, mac): (Ipv4Addr, crate::mac::Mac)| {
            Some((address, self.lab.node_number(&mac.to_string())?))
        };
        history.holders(end).into_iter().filter_map(node).collect()
    }

    /// Waits until one node of each side answers for every address, and no other of its side does.
    pub(super) fn await_both_sides(&self, sides: [&[u8]; 2]) -> Result<()> {
        const LATELY: Duration = Duration::from_millis(300);
        wait::until_seen("both sides to hold everything", SETTLING, || {
            let now = Instant::now();
            let since = now.checked_sub(LATELY).unwrap_or(now);
            let answering = History::of(&self.wire.since(since)).answering();
            let of_side = |macs: &BTreeSet<crate::mac::Mac>, side: &[u8]| {
                let nodes = side.iter().map(|node| Machine::Node(*node).mac());
                nodes.filter(|mac| macs.contains(mac)).count()
            };
            let held_twice = |macs: &BTreeSet<_>| sides.iter().all(|side| of_side(macs, side) == 1);
            let held = answering.values().filter(|macs| held_twice(macs)).count();
            Ok(if held == ADDRESSES_HELD {
                Ok(())
            } else {
                Err(format!("{held} addresses have a holder on each side"))
            })
        })
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

const ADDRESSES_HELD: usize = ADDRESSES as usize;

impl Drop for Scene {
    fn drop(&mut self) {
        if let Err(failed) = self.leave() {
            eprintln!("what was made for the measurement stays: {failed}");
        }
    }
}

fn name(number: u8) -> String {
    format!("{NAME}-{number}")
}

fn address(number: u8) -> Ipv4Addr {
    lan4(FIRST_NUMBER + number)
}

/// A pool, and for each of its addresses a Service whose endpoint is on the control plane's machine.
fn manifests() -> String {
    let of_pool = json!({"name": NAME, "namespace": NAMESPACE});
    let range = format!("{}-{}", address(0), address(ADDRESSES - 1));
    let pool = [
        json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": of_pool,
               "spec": {"autoAssign": false, "addresses": [range]}}),
        json!({"apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement", "metadata": of_pool,
               "spec": {"ipAddressPools": [NAME]}}),
    ];
    let services = (0..ADDRESSES).flat_map(|number| service(&name(number)));
    let items: Vec<Value> = pool.into_iter().chain(services).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

fn service(name: &str) -> [Value; 2] {
    let ports = json!([{"name": "udp", "protocol": "UDP", "port": PORT}]);
    let endpoint = ENDPOINT.ipv4().to_string();
    [
        json!({"apiVersion": "v1", "kind": "Service",
               "metadata": {"name": name, "annotations": {"metallb.io/address-pool": NAME}},
               "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false,
                        "ipFamilies": ["IPv4"], "ports": ports}}),
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
               "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
               "endpoints": [{"addresses": [endpoint], "conditions": {"ready": true}}],
               "ports": ports}),
    ]
}
