//! A node that announces, by the speaker's threads or by FRR, and the router that it announces to.

use ferrolb_peering::bgp::{Attributes, PeerSpec, Stop};
use ferrolb_routers::{Bird, Frr};

use crate::announcer::{Announcer, OURS, external, table};
use crate::prefix;
use crate::site::{NODE, ROUTER, Site};

/// Who announces.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Speaker,
    Frr,
}

/// The make of the router.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Router {
    Frr,
    Bird,
}

/// A router, as long as this lives.
pub(crate) enum Running {
    Frr(#[allow(dead_code, reason = "it runs as long as this lives")] Frr),
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

impl Router {
    pub(crate) fn start(self, site: &Site) -> Running {
        let (node, router) = (NODE[1], ROUTER[1]);
        match self {
            Self::Frr => {
                let lines = format!(
                    " neighbor {node} remote-as {OURS}\n neighbor {node} passive\n address-family ipv6 unicast\n  \
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

impl Node {
    pub(crate) fn start(place: Place, site: &Site, count: usize) -> Self {
        match place {
            Place::Speaker => {
                let announcer = Announcer::start(&site.node);
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
                let lines = format!(
                    " no bgp network import-check\n neighbor {router} remote-as 64500\n address-family ipv6 unicast\n{networks}  \
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
