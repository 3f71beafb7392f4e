//! What a trial asks of a router of any make, and what the router says.

use std::net::IpAddr;

/// A family of addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// That of a prefix as text.
    pub fn of(prefix: &str) -> Self {
        match prefix.contains(':') {
            true => Self::V6,
            false => Self::V4,
        }
    }
}

/// How far the node may be away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hops {
    /// On the same segment, as routers take it by themselves.
    One,
    /// On the same segment, and everything that comes has to show it by its TTL (RFC 5082).
    Proven,
    /// Behind other routers; this one is the next on the way to it.
    Several {
        /// Its address.
        by: IpAddr,
    },
}

/// What the session of a router, AS 64500, with one node is to be. The node dials.
#[derive(Clone, Debug)]
pub struct Session {
    /// The router knows the node by nothing but its `eth0`, and advertises itself there; the addresses do not count.
    pub unnumbered: bool,
    /// The router's address.
    pub router: IpAddr,
    /// The node's address.
    pub node: IpAddr,
    /// The node's AS.
    pub remote: u32,
    /// The families of the routes that the node tells.
    pub families: Vec<Family>,
    /// The password of TCP MD5.
    pub password: Option<String>,
    /// How far the node may be away.
    pub hops: Hops,
    /// Whether BFD watches the node, at 300 ms and three packets.
    pub bfd: bool,
    /// Whether the router keeps routes while the node's speaker restarts.
    pub graceful_restart: bool,
}

/// A route as the router has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    /// Global ones and link-local ones.
    pub next_hops: Vec<IpAddr>,
    /// Without sets.
    pub as_path: Vec<u32>,
    /// What the router prefers it by, where it has such a number.
    pub local_pref: Option<u32>,
    /// As `64512:7`, sorted.
    pub communities: Vec<String>,
    /// As `64512:1:2`, sorted.
    pub large: Vec<String>,
}

impl Route {
    pub(crate) fn sorted(mut self) -> Self {
        // Makes name some communities, each in its own way.
        for one in &mut self.communities {
            let number = match one.to_lowercase().replace('_', "-").as_str() {
                "no-export" => "65535:65281",
                "graceful-shutdown" => "65535:0",
                _ => continue,
            };
            number.clone_into(one);
        }
        self.communities.sort();
        self.large.sort();
        self
    }
}

/// A router that runs.
pub trait Router {
    /// Whether it takes the session for established.
    fn is_up(&self) -> bool;

    /// The route to a prefix; none if it has none.
    fn route(&self, prefix: &str) -> Option<Route>;

    /// How many routes of a family it has from the node.
    fn count(&self, family: Family) -> usize;

    /// Whether its BFD is up with the node, and stays so.
    fn watches(&self) -> bool;

    /// All that it logged.
    fn log(&self) -> String;

    /// Whether this line of its log speaks of something wrong.
    fn is_trouble(&self, line: &str) -> bool;

    /// What of its log speaks of something wrong.
    fn troubles(&self) -> Vec<String> {
        let log = self.log();
        log.lines()
            .filter(|line| self.is_trouble(line))
            .map(str::to_owned)
            .collect()
    }
}
