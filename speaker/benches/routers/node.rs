//! A node that announces, by the speaker's threads or by FRR, and the router that it announces to.

use ferrolb_peering::bgp::{Attributes, PeerSpec, Stop};
use ferrolb_routers::{Bird, Frr, Signal, until};
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

/// BFD on both ends, three packets each.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bfd {
    /// None.
    Off,
    /// Each so many milliseconds: 300, 50 or 10.
    Every(u32),
}

impl Bfd {
    /// Lines of FRR for the neighbour.
    fn frr(self, neighbour: &str) -> String {
        let profile = match self {
            Self::Off => return String::new(),
            Self::Every(300) => "usual",
            Self::Every(50) => "quicker",
            Self::Every(_) => "quickest",
        };
        format!(" neighbor {neighbour} bfd\n neighbor {neighbour} bfd profile {profile}\n")
    }

    /// The protocol of BIRD, and the option of its session.
    fn bird(self) -> (String, &'static str) {
        match self {
            Self::Off => (String::new(), ""),
            Self::Every(time) => {
                let interface = format!("interface \"*\" {{ interval {time} ms; multiplier 3; }};");
                (format!("protocol bfd {{ {interface} }}\n"), "bfd yes; ")
            }
        }
    }
}

/// The make of the router.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Router {
    Frr,
    Bird,
}

/// A router, as long as this lives.
pub(crate) enum Running {
    Frr(Frr),
    Bird(Bird),
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
    pub(crate) fn start(self, site: &Site, bfd: Bfd) -> Running {
        let (node, router) = (NODE[1], ROUTER[1]);
        match self {
            Self::Frr => {
                let lines = format!(
                    " neighbor {node} remote-as {OURS}\n neighbor {node} passive\n{} address-family ipv6 unicast\n  \
                     neighbor {node} activate\n exit-address-family\n",
                    bfd.frr(node)
                );
                Running::Frr(Frr::start(site.router.name(), &lines))
            }
            Self::Bird => {
                let (protocol, option) = bfd.bird();
                let lines = format!(
                    "{protocol}protocol bgp n {{ local {router} as 64500; neighbor {node} as {OURS}; passive; {option}\
                     error wait time 1, 2; ipv6 {{ import all; export none; }}; }}"
                );
                Running::Bird(Bird::start(site.router.name(), &lines))
            }
        }
    }
}

impl Running {
    /// Waits until its BFD is up with the node, and stays so.
    pub(crate) fn until_watching(&self) {
        until("the router's BFD to be up", || match self {
            Self::Frr(frr) => frr.watches(NODE[1]),
            Self::Bird(bird) => bird.ask("show bfd sessions").contains("Up"),
        });
    }
}

impl Node {
    pub(crate) fn start(place: Place, site: &Site, count: usize, bfd: Bfd) -> Self {
        match place {
            Place::Speaker => {
                let announcer = Announcer::start(&site.node);
                if let Bfd::Every(time) = bfd {
                    announcer.watch(ROUTER[1], every(time.into()), Reach::Segment);
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
                let lines = format!(
                    " no bgp network import-check\n neighbor {router} remote-as 64500\n{} address-family ipv6 unicast\n{networks}  \
                     neighbor {router} activate\n exit-address-family\n",
                    bfd.frr(router)
                );
                Self::Frr(Frr::start_as(site.node.name(), (OURS, "192.0.2.2"), &lines))
            }
        }
    }

    /// Says nothing of BFD any more; its connection stays.
    pub(crate) fn fall_silent(&mut self) {
        match self {
            Self::Speaker { announcer, .. } => announcer.iter_mut().for_each(Announcer::go_deaf),
            Self::Frr(frr) => frr.signal_bfd(Signal::SIGSTOP),
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
