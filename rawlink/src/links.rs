//! The interfaces of this network namespace, and their changes.

mod netlink;
mod table;
mod watch;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::MacBytes;

pub use netlink::LinkError;
pub use watch::watch;

/// All interfaces by index.
pub type LinkTable = Arc<BTreeMap<u32, Link>>;

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What the kernel calls it. An interface that is deleted and created again gets another.
    pub index: u32,
    /// What people call it.
    pub name: String,
    /// Its hardware address, if it speaks Ethernet.
    pub mac: Option<MacBytes>,
    /// The longest packet that it carries, in bytes, without the Ethernet header.
    pub mtu: u32,
    /// Whether it was switched on (`IFF_UP`).
    pub up: bool,
    /// Whether frames can pass: it is up, has a carrier and is not waiting for authentication (`IFF_RUNNING`,
    /// operational status of RFC 2863).
    pub carrier: bool,
    /// Whether it leads nowhere but back.
    pub loopback: bool,
    /// Whether it resolves no addresses.
    pub noarp: bool,
    /// Whether it can reach everybody on its segment at once.
    pub broadcast: bool,
    /// Index of the bridge, bond or VRF that it belongs to.
    pub master: Option<u32>,
    /// Its own addresses with the length of their prefix in bits, ascending.
    pub addresses: Vec<(IpAddr, u8)>,
}
