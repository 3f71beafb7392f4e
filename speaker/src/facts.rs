//! What this node is like as far as announcing depends on it, for `ferrolb doctor`. Gathered when somebody asks for
//! `/facts`, beside the metrics; nothing is kept, and nothing is judged here.

mod page;

use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_crds::domain::{InterfaceName, NodeName, ProxyFault, Reason};
use serde::{Deserialize, Serialize};

pub(crate) use page::{FactsPage, Sources};

/// `rp_filter` of RFC 3704 section 2.2; 2 is the loose one of section 2.4.
const STRICT: u8 = 1;

/// The facts of one node, in the shape of `/facts`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Facts {
    /// The node.
    pub node: NodeName,
    /// The version of the speaker.
    #[serde(default)]
    pub version: String,
    /// The interfaces on which it could announce.
    #[serde(default)]
    pub interfaces: BTreeMap<InterfaceName, InterfaceFacts>,
    /// Those whose port takes part in the speakers' protocol.
    #[serde(default)]
    pub segments: BTreeMap<InterfaceName, SegmentFacts>,
    /// Addresses of Services that the kernel has too.
    #[serde(default)]
    pub kernel_addresses: Vec<KernelAddress>,
    /// The interface of the IPv4 default route; none if there is none.
    #[serde(default)]
    pub default_route: Option<InterfaceName>,
    /// What the node's kube-proxy says.
    #[serde(default)]
    pub kube_proxy: KubeProxy,
    /// Which key seals what it says to other speakers; none without a key. It says nothing about the key.
    #[serde(default)]
    pub key: Option<u16>,
    /// Frames of the speakers' protocol that it ignored since it started, by reason.
    #[serde(default)]
    pub refused: BTreeMap<String, u64>,
}

/// An interface, as the kernel has it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct InterfaceFacts {
    /// Whether it was switched on.
    pub up: bool,
    /// Whether it is connected.
    pub carrier: bool,
    /// The longest packet that it carries, in bytes.
    pub mtu: u32,
    /// Whether it has a link-local IPv6 address.
    pub link_local: bool,
    /// What the kernel's settings say; those that cannot be read are left out.
    #[serde(flatten)]
    pub settings: Settings,
}

impl InterfaceFacts {
    /// What keeps packets for an IPv6 address from getting past the interface.
    pub fn ipv6_doubt(&self, name: &InterfaceName) -> Option<Reason> {
        if self.settings.ipv6_disabled {
            return Some(Reason::Ipv6Off(name.clone()));
        }
        (self.carrier && !self.link_local).then(|| Reason::NoLinkLocal(name.clone()))
    }

    /// What keeps packets for an IPv4 address from getting past the interface: strict filtering does no harm where answers
    /// leave by the interface on which clients ask.
    pub fn reverse_path_doubt(&self, name: &InterfaceName, route: Option<&InterfaceName>) -> Option<Reason> {
        let is_strict = self.settings.rp_filter == Some(STRICT);
        let route = route.filter(|route| is_strict && *route != name)?;
        Some(Reason::StrictReversePath {
            interface: name.clone(),
            route: route.clone(),
        })
    }
}

/// What the kube-proxy of a node says of itself.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KubeProxy {
    /// It never answered, as where something else takes its place.
    #[default]
    Unknown,
    /// It is well.
    Healthy,
    /// It is not.
    Unhealthy,
    /// It answered once, and does not any more.
    Silent,
}

impl KubeProxy {
    /// What keeps changes of endpoints from the kernel.
    pub fn doubt(self) -> Option<Reason> {
        match self {
            Self::Unknown | Self::Healthy => None,
            Self::Unhealthy => Some(Reason::KubeProxyDown(ProxyFault::Unhealthy)),
            Self::Silent => Some(Reason::KubeProxyDown(ProxyFault::Silent)),
        }
    }
}

/// Settings of the kernel for an interface. Where the kernel goes by the greater one of `all` and the interface, so does this.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Settings {
    /// Whether it is a radio.
    pub wireless: bool,
    /// `net.ipv6.conf.IF.disable_ipv6`; true where the kernel has no IPv6 at all.
    pub ipv6_disabled: bool,
    /// `net.ipv4.conf.IF.rp_filter`: 1 is strict.
    pub rp_filter: Option<u8>,
    /// `net.ipv4.conf.IF.arp_ignore`: 0 answers for every address of the machine.
    pub arp_ignore: Option<u8>,
    /// `net.ipv4.conf.IF.arp_announce`.
    pub arp_announce: Option<u8>,
}

/// An interface's part in the speakers' protocol.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct SegmentFacts {
    /// Whether it takes part already.
    pub joined: bool,
    /// What it holds there.
    pub held: Vec<IpAddr>,
    /// The other speakers that were heard in the last ten minutes.
    pub peers: BTreeMap<NodeName, PeerFacts>,
}

/// How another speaker is heard.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct PeerFacts {
    /// `up`, `one-way`, `suspected`, `vouched` or `down`.
    pub state: String,
    /// How long ago its last frame came.
    pub silent_ms: u64,
    /// Of a thousand frames that it sent of late, those that did not come; none before that can be told.
    pub lost_permille: Option<u16>,
}

/// An address of a Service that is on an interface.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct KernelAddress {
    /// The address.
    pub address: IpAddr,
    /// The interface.
    pub interface: InterfaceName,
}
