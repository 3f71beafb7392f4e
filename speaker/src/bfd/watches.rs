//! All sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroU32;
use std::time::Duration;

use ferrolb_crds::domain::PeerName;
use ferrolb_peering::Moment;
use ferrolb_peering::bfd::Packet;
use ferrolb_rawlink::links::LinkTable;
use ferrolb_runtime::random;
use ipnetwork::IpNetwork;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::metrics::BfdMetrics;
use super::ports::Ports;
use super::watched::Watched;
use super::{Line, Orders, Report, Reports, Wanted};
use crate::peers::{Happened, News};

/// A peer that is to be found lost so quickly is lost by a busy machine too: measured with eight busy loops on two cores.
const HASTY: Duration = Duration::from_millis(150);

/// Where the kernel shows it (random(4)).
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// All sessions, and the ports that they share.
pub(super) struct Watches {
    lines: BTreeMap<Line, Watched>,
    ports: Ports,
    origin: Instant,
    metrics: BfdMetrics,
    news: mpsc::Sender<News>,
    /// The thread comes before others.
    first: bool,
    /// What is chosen at random when the node boots.
    boot: String,
}

impl Watches {
    pub(super) fn new(metrics: BfdMetrics, news: mpsc::Sender<News>, first: bool) -> Self {
        Self {
            lines: BTreeMap::new(),
            ports: Ports::default(),
            origin: Instant::now(),
            metrics,
            news,
            first,
            boot: fs::read_to_string(BOOT).unwrap_or_else(|_| random::bits().to_string()),
        }
    }

    fn now(&self) -> Moment {
        Moment::after_origin(self.origin.elapsed())
    }

    /// Holds these sessions; others end.
    pub(super) fn follow(&mut self, orders: &Orders, links: &LinkTable) {
        let now = self.now();
        for (line, watched) in &mut self.lines {
            watched.follow(orders.get(line), is_on_link(links, line), now);
        }
        for (line, wanted) in orders {
            if !self.lines.contains_key(line) {
                let watched = self.watch(line, wanted, is_on_link(links, line), now);
                self.lines.insert(line.clone(), watched);
            }
        }
        self.listen();
    }

    fn watch(&self, line: &Line, wanted: &Wanted, is_on_link: bool, now: Moment) -> Watched {
        let random = (self.discriminator(line), random::bits());
        let shown = self.metrics.of(line);
        Watched::new(line.clone(), wanted.clone(), is_on_link, random, shown, now)
    }

    /// The same in each process of this node until it boots: routers then need not miss one that is replaced. Nobody else knows
    /// the number that the kernel chose (RFC 5880 section 6.8.1 asks for what cannot be guessed).
    fn discriminator(&self, line: &Line) -> NonZeroU32 {
        let hash = Sha256::digest(format!("{} {line:?}", self.boot));
        let number = u32::from_be_bytes(std::array::from_fn(|byte| hash[byte]));
        NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
    }

    fn listen(&mut self) {
        let ports: BTreeSet<_> = self.lines.values().flat_map(Watched::ports).collect();
        self.ports.follow(ports);
        let now = self.now();
        for watched in self.lines.values_mut() {
            let hears = self.ports.trouble(&watched.port_of_path()).is_none();
            watched.hears(hears, now);
        }
    }

    /// When the next session has its turn.
    pub(super) fn next(&self) -> Option<Instant> {
        let now = self.now();
        let next = self.lines.values().filter_map(|one| one.next(now)).min()?;
        Some(self.origin + next.since_origin())
    }

    /// Whether something is to be looked at again.
    pub(super) fn any_doubt(&self) -> bool {
        self.lines.values().any(|one| !one.is_up())
    }

    pub(super) async fn readable(&self) {
        self.ports.readable().await;
    }

    /// A timer has called.
    pub(super) fn woke(&self, expected: Option<Instant>) {
        if let Some(expected) = expected {
            self.metrics.late.observe(expected.elapsed().as_secs_f64());
        }
    }

    /// Takes in all packets that have come.
    pub(super) fn read(&mut self) {
        let now = self.now();
        let (lines, mut turns) = (&mut self.lines, Vec::new());
        self.ports.read(|port, datagram, bytes| {
            let Ok(packet) = Packet::parse(bytes) else {
                return;
            };
            let mut meant = lines.values_mut();
            if let Some(watched) = meant.find(|one| one.is_meant(port, &datagram.from, &packet)) {
                let turn = watched.receive(port, &packet, datagram.hop_limit, now);
                turns.extend(turn.map(|turn| (watched.wanted.name.clone(), turn)));
            }
        });
        turns.into_iter().for_each(|(name, turn)| self.tell(name, turn));
    }

    /// Lets those have their turn whose time has come.
    pub(super) fn tick(&mut self) {
        let now = self.now();
        let turns = self.lines.values_mut().filter_map(|watched| {
            let turn = watched.tick(now)?;
            Some((watched.wanted.name.clone(), turn))
        });
        let turns: Vec<_> = turns.collect();
        turns.into_iter().for_each(|(name, turn)| self.tell(name, turn));
        let before = self.lines.len();
        self.lines.retain(|_, watched| !watched.is_over(now));
        if self.lines.len() != before {
            self.listen();
        }
    }

    fn tell(&self, peer: PeerName, what: Happened) {
        // Dropped while nobody listens fast enough: metrics and the report say it too.
        let _full = self.news.try_send(News { peer, what });
    }

    pub(super) fn reports(&self) -> Reports {
        let now = self.now();
        let wanted = self.lines.iter().filter(|(_, one)| !one.is_leaving());
        let report = |(line, one): (&Line, &Watched)| {
            let trouble = self.ports.trouble(&one.port_of_path());
            let report = Report {
                liveness: one.liveness(),
                name: one.wanted.name.clone(),
                doubt: one.doubt(trouble, now).or_else(|| self.haste(&one.wanted)),
                agreed: one.agreed(),
            };
            (line.clone(), report)
        };
        wanted.map(report).collect()
    }

    /// A time that a busy machine does not keep.
    fn haste(&self, wanted: &Wanted) -> Option<String> {
        let profile = &wanted.profile;
        let detection = profile.transmit * profile.multiplier.into();
        (!self.first && detection < HASTY).then(|| {
            format!(
                "BFDProfile {}: {} ms are kept on a busy node only if the speaker has CAP_SYS_NICE, which it has not",
                profile.name,
                detection.as_millis()
            )
        })
    }
}

fn is_on_link(links: &LinkTable, line: &Line) -> bool {
    let mut addresses = links.values().flat_map(|link| &link.addresses);
    let is_of_a_prefix = addresses.any(|(address, length)| {
        IpNetwork::new(*address, *length).is_ok_and(|network| network.contains(line.peer))
    });
    line.interface.is_some() || is_of_a_prefix
}
