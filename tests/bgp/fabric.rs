//! Two routers on the LAN of the nodes, and a client behind them.
//!
//! ```text
//!             ┌── tor-a, FRR,  AS 64500 ──┐
//! nodes ── LAN┤                           ├ second segment ── client
//! AS 64512    └── tor-b, BIRD, AS 64501 ──┘
//! ```

use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;

use ferrolb_lab::segment::{Plugged, Segment};
use ferrolb_lab::{Lab, Machine, Result};
use ferrolb_routers::{Bird, Frr};
use serde_json::Value;

/// Addresses of Services, which no machine is on-link with.
pub(crate) const SERVICES: &str = "203.0.113.0/24";
const TORS: [Machine; 2] = [Machine::Client(2), Machine::Client(3)];
/// A flow is hashed by the headers of its packets: the hash that the sending socket chose survives the way between namespaces.
const SETTINGS: [(&str, &str); 3] = [
    ("ip_forward", "1"),
    ("fib_multipath_hash_policy", "3"),
    ("fib_multipath_hash_fields", "55"),
];

/// All of it, as long as this lives.
pub(crate) struct Fabric<'a> {
    lab: &'a Lab,
    pub(crate) frr: Frr,
    _bird: Bird,
    client: Plugged<'a>,
    _tors: [Plugged<'a>; 2],
    _segment: Segment<'a>,
}

impl<'a> Fabric<'a> {
    pub(crate) fn new(lab: &'a Lab) -> Result<Self> {
        let segment = lab.second_segment()?;
        let client = segment.plug(Machine::Client(1), "eth1")?;
        let tors = [segment.plug(TORS[0], "eth1")?, segment.plug(TORS[1], "eth1")?];
        for machine in TORS.into_iter().chain([Machine::Client(1)]) {
            lab.in_machine(machine, || {
                for (name, value) in SETTINGS {
                    fs::write(format!("/proc/sys/net/ipv4/{name}"), value).unwrap();
                }
            })?;
        }
        let over = |hops: [Ipv4Addr; 2]| format!("nexthop via {} nexthop via {}", hops[0], hops[1]);
        let [one, other] = &tors;
        route(
            lab,
            Machine::Client(1),
            &format!("add {SERVICES} {}", over([one.ipv4, other.ipv4])),
        )?;
        for node in lab.plan().nodes() {
            let hops = over(TORS.map(Machine::ipv4));
            route(
                lab,
                Machine::Node(node),
                &format!("replace 198.51.100.0/24 {hops}"),
            )?;
        }
        let [first, second] = TORS.map(|machine| lab.plan().full_name(machine));
        Ok(Self {
            lab,
            frr: Frr::start(&first, &frr_lines(lab)),
            _bird: Bird::start(&second, &bird_protocols(lab)),
            client,
            _tors: tors,
            _segment: segment,
        })
    }

    /// The client's address behind the routers.
    pub(crate) fn client(&self) -> Ipv4Addr {
        self.client.ipv4
    }

    /// The nodes that each router forwards packets for the address to.
    pub(crate) fn next_hops(&self, address: Ipv4Addr) -> Result<[Vec<u8>; 2]> {
        let of = |machine| -> Result<Vec<u8>> {
            let shown = self.lab.in_machine(machine, || {
                let arguments = ["-4", "-json", "route", "show", &format!("{address}/32")];
                Command::new("ip").args(arguments).output().unwrap().stdout
            })?;
            let routes: Value = serde_json::from_slice(&shown).unwrap_or_default();
            let route = &routes[0];
            let several = route["nexthops"].as_array().cloned().unwrap_or_default();
            let all = std::iter::once(route).chain(&several);
            let gateways = all.filter_map(|hop| hop["gateway"].as_str());
            let node = |gateway: &str| {
                let mut nodes = self.lab.plan().nodes();
                nodes.find(|node| Machine::Node(*node).ipv4().to_string() == gateway)
            };
            let mut nodes: Vec<u8> = gateways.filter_map(node).collect();
            nodes.sort_unstable();
            Ok(nodes)
        };
        Ok([of(TORS[0])?, of(TORS[1])?])
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
pub(crate) fn objects() -> String {
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
    assert_eq!(try_route(lab, machine, what)?, "", "ip route {what}");
    Ok(())
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
