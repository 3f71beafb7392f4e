//! Routers on the LAN of the nodes, and a client behind them.
//!
//! ```text
//!             ┌── tor-a, FRR,  AS 64500 ──┐
//! nodes ── LAN┤                           ├ second segment ── client
//! AS 64512    └── tor-b, BIRD, AS 64501 ──┘
//! ```

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::{fmt, fs};

use ferrolb_routers::{Bird, Frr};
use serde::Serialize;
use serde_json::Value;

use crate::error::{Doing, Error, Result};
use crate::lab::Lab;
use crate::plan::Machine;
use crate::segment::{Plugged, Segment};

/// Addresses of Services, which no machine is on-link with.
pub const SERVICES: &str = "203.0.113.0/24";

/// Which routers the client's packets may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Tors {
    /// Both, by turns.
    Both,
    /// FRR alone.
    Frr,
    /// BIRD alone.
    Bird,
}

impl Tors {
    /// Where they stand.
    #[must_use]
    pub fn machines(self) -> &'static [Machine] {
        match self {
            Self::Both => &TORS,
            Self::Frr => &TORS[..1],
            Self::Bird => &TORS[1..],
        }
    }
}

const TORS: [Machine; 2] = [Machine::Client(2), Machine::Client(3)];
/// A flow is hashed by the headers of its packets: the hash that the sending socket chose survives the way between namespaces.
const SETTINGS: [(&str, &str); 3] = [
    ("ip_forward", "1"),
    ("fib_multipath_hash_policy", "3"),
    ("fib_multipath_hash_fields", "55"),
];

/// All of it, as long as this lives. It takes a lab of three clients.
pub struct Fabric<'a> {
    lab: &'a Lab,
    tors: Tors,
    /// The first router.
    pub frr: Frr,
    _bird: Bird,
    client: Plugged<'a>,
    _plugs: [Plugged<'a>; 2],
    _segment: Segment<'a>,
}

impl<'a> Fabric<'a> {
    /// Plugs all of it together; the client's packets go by these routers.
    ///
    /// # Errors
    /// If a machine is down, or there is a fabric already.
    pub fn new(lab: &'a Lab, tors: Tors) -> Result<Self> {
        let segment = lab.second_segment()?;
        let client = segment.plug(Machine::Client(1), "eth1")?;
        let plugs = [segment.plug(TORS[0], "eth1")?, segment.plug(TORS[1], "eth1")?];
        for machine in TORS.into_iter().chain([Machine::Client(1)]) {
            let set = |(name, value): &(&str, &str)| fs::write(format!("/proc/sys/net/ipv4/{name}"), value);
            let set = lab.in_machine(machine, || SETTINGS.iter().try_for_each(set))?;
            set.doing(|| format!("have {machine:?} forward"))?;
        }
        let over = |hops: Vec<Ipv4Addr>| {
            hops.iter()
                .map(|hop| format!(" nexthop via {hop}"))
                .collect::<String>()
        };
        let plugged = TORS
            .iter()
            .zip(&plugs)
            .filter(|(tor, _)| tors.machines().contains(tor));
        let hops = over(plugged.map(|(_, plug)| plug.ipv4).collect());
        route(lab, Machine::Client(1), &format!("add {SERVICES}{hops}"))?;
        for node in lab.plan().nodes() {
            let hops = over(tors.machines().iter().map(|tor| tor.ipv4()).collect());
            route(
                lab,
                Machine::Node(node),
                &format!("replace 198.51.100.0/24{hops}"),
            )?;
        }
        let [first, second] = TORS.map(|machine| lab.plan().full_name(machine));
        Ok(Self {
            lab,
            tors,
            frr: Frr::start(&first, &frr_lines(lab)),
            _bird: Bird::start(&second, &bird_protocols(lab)),
            client,
            _plugs: plugs,
            _segment: segment,
        })
    }

    /// The client's address behind the routers.
    #[must_use]
    pub fn client(&self) -> Ipv4Addr {
        self.client.ipv4
    }

    /// The nodes that each router on the client's way forwards packets for the address to.
    ///
    /// # Errors
    /// If a machine is down.
    pub fn next_hops(&self, address: Ipv4Addr) -> Result<Vec<Vec<u8>>> {
        let of = |tor: &Machine| Ok(self.hops(*tor, address)?.into_keys().collect());
        self.tors.machines().iter().map(of).collect()
    }

    /// The nodes that FRR's kernel forwards to, each with its weight among them.
    ///
    /// # Errors
    /// If its machine is down.
    pub fn weights(&self, address: Ipv4Addr) -> Result<BTreeMap<u8, u64>> {
        self.hops(TORS[0], address)
    }

    fn hops(&self, machine: Machine, address: Ipv4Addr) -> Result<BTreeMap<u8, u64>> {
        let prefix = format!("{address}/32");
        let arguments = ["-4", "-json", "route", "show", &prefix];
        let shown = self
            .lab
            .in_machine(machine, || Command::new("ip").args(arguments).output())?;
        let shown = shown.doing(|| "ask for routes".to_owned())?;
        let routes: Value = serde_json::from_slice(&shown.stdout).unwrap_or_default();
        let route = &routes[0];
        let several = route["nexthops"].as_array().cloned().unwrap_or_default();
        let node = |hop: &Value| {
            let gateway: IpAddr = hop["gateway"].as_str()?.parse().ok()?;
            let mut nodes = self.lab.plan().nodes();
            let node = nodes.find(|node| IpAddr::V4(Machine::Node(*node).ipv4()) == gateway)?;
            Some((node, hop["weight"].as_u64().unwrap_or(1)))
        };
        Ok(std::iter::once(route).chain(&several).filter_map(node).collect())
    }
}

impl fmt::Debug for Fabric<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fabric")
            .field("tors", &self.tors)
            .finish_non_exhaustive()
    }
}

impl Drop for Fabric<'_> {
    fn drop(&mut self) {
        for node in self.lab.plan().nodes() {
            // The routes of a node without power went with it.
            let _gone = try_route(self.lab, Machine::Node(node), "del 198.51.100.0/24");
        }
    }
}

/// Peers and their advertisement of pool `bgp`.
#[must_use]
pub fn objects() -> String {
    let peer = |name: &str, asn: u32, machine: Machine| {
        format!(
            "
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {{name: {name}, namespace: metallb-system}}
spec: {{myASN: 64512, peerASN: {asn}, peerAddress: {}, bfdProfile: usual, enableGracefulRestart: true}}
",
            machine.ipv4()
        )
    };
    let rest = format!(
        "
---
apiVersion: metallb.io/v1beta1
kind: BFDProfile
metadata: {{name: usual, namespace: metallb-system}}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {{name: bgp, namespace: metallb-system}}
spec: {{autoAssign: false, addresses: [{SERVICES}]}}
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {{name: bgp, namespace: metallb-system}}
spec: {{ipAddressPools: [bgp]}}
"
    );
    peer("tor-a", 64500, TORS[0]) + &peer("tor-b", 64501, TORS[1]) + &rest
}

fn route(lab: &Lab, machine: Machine, what: &str) -> Result<()> {
    match try_route(lab, machine, what)? {
        said if said.is_empty() => Ok(()),
        said => Error::refused(format!("ip route {what}: {said}")),
    }
}

/// What is wrong.
fn try_route(lab: &Lab, machine: Machine, what: &str) -> Result<String> {
    let arguments: Vec<&str> = ["route"].into_iter().chain(what.split(' ')).collect();
    let done = lab.in_machine(machine, || Command::new("ip").args(&arguments).output())?;
    let said = done.map(|done| String::from_utf8_lossy(&done.stderr).into_owned());
    Ok(said.unwrap_or_else(|error| error.to_string()))
}

fn frr_lines(lab: &Lab) -> String {
    let neighbour = |node| {
        let address = Machine::Node(node).ipv4();
        format!(
            " neighbor {address} remote-as 64512\n neighbor {address} passive\n neighbor {address} graceful-restart\n \
             neighbor {address} bfd\n neighbor {address} bfd profile usual\n"
        )
    };
    let activate = |node| format!("  neighbor {} activate\n", Machine::Node(node).ipv4());
    let neighbours: String = lab.plan().nodes().map(neighbour).collect();
    let activated: String = lab.plan().nodes().map(activate).collect();
    format!(
        " bgp bestpath as-path multipath-relax\n{neighbours} address-family ipv4 unicast\n  maximum-paths 8\n{activated} exit-address-family\n"
    )
}

fn bird_protocols(lab: &Lab) -> String {
    let neighbour = |node| {
        format!(
            "protocol bgp n{node} {{ local {} as 64501; neighbor {} as 64512; passive; bfd yes; error wait time 1, 2; \
             ipv4 {{ import all; export none; }}; }}\n",
            TORS[1].ipv4(),
            Machine::Node(node).ipv4()
        )
    };
    let bfd = "protocol bfd { interface \"*\" { min rx interval 300 ms; min tx interval 300 ms; multiplier 3; }; }\n";
    bfd.to_owned() + &lab.plan().nodes().map(neighbour).collect::<String>()
}
