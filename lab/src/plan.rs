//! Names and addresses of all machines. Every lab has its own switch, so all labs use the same addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::mac::Mac;

/// Pod addresses of the whole cluster, one network per family.
pub const CLUSTER_CIDR: &str = "10.244.0.0/16,fd00:10:244::/48";
/// Service addresses; the first family is the cluster's default family.
pub const SERVICE_CIDR: &str = "10.96.0.0/16,fd00:10:96::/112";
/// Addresses of the API server's own Service.
pub const FIRST_SERVICE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 96, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x10, 0x96, 0, 0, 0, 0, 1)),
];
/// Routers that do not exist: some route must cover the Service networks, or the kernel drops a packet to a
/// Service before kube-proxy's rules see it.
pub const NO_ROUTER: (Ipv4Addr, Ipv6Addr) = (lan4(254), lan6(254));
const MOST_NODES: u8 = 80;
const MOST_CLIENTS: u8 = 20;

/// The `number`th IPv4 address of the LAN, 192.0.2.0/24. Numbers from 198 to 253 belong to no machine.
#[must_use]
pub const fn lan4(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, number)
}

/// The IPv6 address of the LAN, 2001:db8:1::/64, whose last group reads like `number`: `lan6(200)` is 2001:db8:1::200.
#[must_use]
pub const fn lan6(number: u8) -> Ipv6Addr {
    let reads_alike = (number / 100) as u16 * 0x100 + (number / 10 % 10) as u16 * 0x10 + (number % 10) as u16;
    Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, reads_alike)
}

/// The `number`th IPv4 address of the second segment, 198.51.100.0/24.
#[must_use]
pub const fn second4(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, number)
}

/// The IPv6 address of the second segment, 2001:db8:2::/64, whose last group reads like `number`.
#[must_use]
pub const fn second6(number: u8) -> Ipv6Addr {
    let [.., last] = lan6(number).segments();
    Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, last)
}

/// The MAC of the interface that has this address, which so names its owner in a capture.
#[must_use]
pub const fn mac_of(ipv4: Ipv4Addr) -> Mac {
    let [a, b, c, d] = ipv4.octets();
    Mac([0x02, 0, a, b, c, d])
}

/// A machine on the lab's switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Machine {
    /// etcd, API server, controller manager and scheduler; no kubelet.
    ControlPlane,
    /// A machine outside the cluster, from 1.
    Client(u8),
    /// A Kubernetes node, from 1.
    Node(u8),
}

impl Machine {
    /// The name inside its lab: `cp`, `client`, `client2`, `n1`.
    #[must_use]
    pub fn short_name(self) -> String {
        match self {
            Self::ControlPlane => "cp".into(),
            Self::Client(1) => "client".into(),
            Self::Client(i) => format!("client{i}"),
            Self::Node(i) => format!("n{i}"),
        }
    }

    /// The last number of its addresses, and of its MAC, which so names the machine in a capture.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::ControlPlane => 1,
            Self::Node(i) => 10 + i,
            Self::Client(i) => 99 + i,
        }
    }

    /// Its IPv4 address on the LAN.
    #[must_use]
    pub fn ipv4(self) -> Ipv4Addr {
        lan4(self.number())
    }

    /// Its IPv6 address on the LAN.
    #[must_use]
    pub fn ipv6(self) -> Ipv6Addr {
        lan6(self.number())
    }

    /// The MAC of its `eth0`; the same after a reboot.
    #[must_use]
    pub fn mac(self) -> Mac {
        mac_of(self.ipv4())
    }

    /// The switch's end of its cable.
    #[must_use]
    pub fn port(self) -> String {
        format!("p-{}", self.short_name())
    }
}

/// IPv4 network of the pods of node `i`.
#[must_use]
pub fn pod_network4(i: u8) -> String {
    format!("10.244.{i}.0/24")
}

/// IPv6 network of the pods of node `i`.
#[must_use]
pub fn pod_network6(i: u8) -> String {
    format!("fd00:10:244:{i}::/64")
}

/// Name and size of a lab: everything else about it follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    name: String,
    nodes: u8,
    clients: u8,
    #[serde(default)]
    bare: bool,
    #[serde(default)]
    restricted: bool,
}

impl Plan {
    /// # Errors
    /// [`Error::Refused`] if the name is not a short lower-case word, or a count is out of range.
    pub fn new(name: &str, nodes: u8, clients: u8) -> Result<Self> {
        let word = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !word || name.is_empty() || name.len() > 16 {
            return Error::refused(format!("lab name {name:?}: expected 1 to 16 of a-z and 0-9"));
        }
        if !(0..=MOST_NODES).contains(&nodes) || !(1..=MOST_CLIENTS).contains(&clients) {
            return Error::refused(format!(
                "a lab has 0 to {MOST_NODES} nodes and 1 to {MOST_CLIENTS} clients"
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            nodes,
            clients,
            bare: false,
            restricted: false,
        })
    }

    /// The same with bare nodes: kube-proxy alone runs on them, and they are always Ready.
    #[must_use]
    pub fn bare(self) -> Self {
        Self { bare: true, ..self }
    }

    /// True if nodes run no kubelet, and so no pods.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.bare
    }

    /// The same with Pod Security `restricted` for every namespace that says nothing else.
    #[must_use]
    pub fn restricted(self) -> Self {
        Self {
            restricted: true,
            ..self
        }
    }

    /// True if Pod Security is `restricted` for every namespace that says nothing else.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        self.restricted
    }

    /// The lab's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What every namespace, cgroup and node name of this lab starts with.
    #[must_use]
    pub fn prefix(&self) -> String {
        prefix(&self.name)
    }

    /// The nodes' numbers.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = u8> + use<> {
        1..=self.nodes
    }

    /// Every machine on the switch.
    pub fn machines(&self) -> impl Iterator<Item = Machine> + use<> {
        let clients = (1..=self.clients).map(Machine::Client);
        std::iter::once(Machine::ControlPlane)
            .chain(clients)
            .chain(self.nodes().map(Machine::Node))
    }

    /// The network namespace of a machine; for a node also its host name and its Kubernetes name.
    #[must_use]
    pub fn full_name(&self, machine: Machine) -> String {
        format!("{}{}", self.prefix(), machine.short_name())
    }

    /// The network namespace that plays the switch.
    #[must_use]
    pub fn switch(&self) -> String {
        format!("{}sw", self.prefix())
    }

    /// The machine a person means by `2`, `n2`, `client`, `cp` or a full name such as `fl-dev-n2`.
    ///
    /// # Errors
    /// [`Error::Refused`] with the names there are.
    pub fn machine(&self, said: &str) -> Result<Machine> {
        let short = said.strip_prefix(&self.prefix()).unwrap_or(said);
        let meant =
            |m: &Machine| m.short_name() == short || matches!(m, Machine::Node(i) if i.to_string() == short);
        self.machines().find(meant).ok_or_else(|| {
            let known: Vec<_> = self.machines().map(Machine::short_name).collect();
            Error::Refused(format!(
                "lab {} has no machine {said:?}; it has {}",
                self.name,
                known.join(", ")
            ))
        })
    }
}

/// What everything of the lab called `name` starts with.
#[must_use]
pub fn prefix(name: &str) -> String {
    format!("fl-{name}-")
}

#[cfg(test)]
mod tests;
