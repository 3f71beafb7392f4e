//! A node that announces, by the speaker's threads or by FRR, and the router that it announces to.

use ferrolb_peering::bgp::{Attributes, PeerSpec, Stop};
use ferrolb_routers::{Bird, Frr, until};
use ferrolb_speaker::bfd::Reach;

use crate::announcer::{Announcer, OURS, every, external, table};
use crate::prefix;
use crate::site::{NODE, ROUTER, Site};

/// Who announces.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Speaker,
    Frr,
}

/// How BFD watches.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Watched {
    No,
    /// Each 300 ms, three packets.
    Usual,
    /// Each 100 ms, three packets.
    Quick,
}

/// The make of the router.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Router {
    Frr,
    Bird,
}

pub(crate) enum Running {
    Frr(Frr),
    Bird(#[allow(dead_code, reason = "it runs as long as this lives")] Bird),
}

/// A node that announces.
pub(crate) enum Node {
    Speaker {
        announcer: Option<Announcer>,
        spec: Box<PeerSpec>,
        told: usize,
    },
    Frr(Frr),
}

impl Watched {
    fn milliseconds(self) -> Option<i64> {
        match self {
            Self::No => None,
            Self::Usual => Some(300),
            Self::Quick => Some(100),
        }
    }

    fn frr_lines(self, neighbour: &str) -> String {
        let profile = match self {
            Self::No => return String::new(),
            Self::Usual => "usual",
            Self::Quick => "quick",
        };
        format!(" neighbor {neighbour} bfd\n neighbor {neighbour} bfd profile {profile}\n")
    }
}

impl Router {
    pub(crate) fn start(self, site: &Site, watched: Watched) -> Running {
        let (node, router) = (NODE[1], ROUTER[1]);
        match self {
            Self::Frr => {
                let bfd = watched.frr_lines(node);
                let lines = format!(
                    " neighbor {node} remote-as {OURS}\n neighbor {node} passive\n{bfd} address-family ipv6 unicast\n  \
                     neighbor {node} activate\n exit-address-family\n"
                );
                Running::Frr(Frr::start(site.router.name(), &lines))
            }
            Self::Bird => Running::Bird(Bird::start(
                site.router.name(),
                &format!(
                    "protocol bgp n {{ local {router} as 64500; neighbor {node} as {OURS}; passive; error wait time 1, 2; \
                     ipv6 {{ import all; export none; }}; }}"
                ),
            )),
        }
    }
}

impl Running {
    /// Waits until BFD is up for good: FRR begins anew when BGP comes up.
    pub(crate) fn until_watching(&self) {
        if let Self::Frr(frr) = self {
            until("BFD to be up", || frr.watches(NODE[1]));
        }
    }
}

impl Node {
    pub(crate) fn start(place: Place, site: &Site, watched: Watched, count: usize) -> Self {
        match place {
            Place::Speaker => {
                let announcer = Announcer::start(&site.node);
                if let Some(milliseconds) = watched.milliseconds() {
                    announcer.watch(ROUTER[1], every(milliseconds), Reach::Segment);
                }
                let spec = external(ROUTER[1]);
                announcer.tell(&spec, &table((0..count).map(prefix), &Attributes::default()));
                Self::Speaker {
                    announcer: Some(announcer),
                    spec: Box::new(spec),
                    told: count,
                }
            }
            Place::Frr => {
                let router = ROUTER[1];
                let networks: String = (0..count)
                    .map(|number| format!("  network {}\n", prefix(number)))
                    .collect();
                let bfd = watched.frr_lines(router);
                let lines = format!(
                    " no bgp network import-check\n neighbor {router} remote-as 64500\n{bfd} address-family ipv6 unicast\n{networks}  \
                     neighbor {router} activate\n exit-address-family\n"
                );
                Self::Frr(Frr::start_as(site.node.name(), (OURS, "192.0.2.2"), &lines))
            }
        }
    }

    /// Announces one more.
    pub(crate) fn add(&mut self, number: usize) {
        match self {
            Self::Speaker {
                announcer,
                spec,
                told,
            } => {
                *told += 1;
                if let Some(announcer) = announcer {
                    announcer.tell(spec, &table((0..*told).map(prefix), &Attributes::default()));
                }
            }
            Self::Frr(frr) => frr.configure(&[
                &format!("router bgp {OURS}"),
                "address-family ipv6 unicast",
                &format!("network {}", prefix(number)),
            ]),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Self::Speaker { announcer, .. } = self
            && let Some(announcer) = announcer.take()
        {
            announcer.stop(Stop::Restart);
        }
    }
}

/// The memory that this process has, in KiB.
pub(crate) fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
