//! BFD packets that others send: the session with the peer goes on.

use std::net::UdpSocket;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ferrolb_peering::bfd::{Diagnostic, Input, Output, Packet, Profile, Report, Session, State};
use ferrolb_peering::{Liveness, Moment};
use ferrolb_routers::until;
use ferrolb_speaker::bfd::Reach;
use ferrolb_speaker::peers::Happened;

use crate::announcer::{Announcer, every, external, table};
use crate::netns::Namespace;
use crate::site::{NODE, ROUTER, Site};
use crate::trials::{one, plain};

pub(crate) const ALL: &[(&str, fn())] = &[
    ("forged_bfd_packets_take_nothing_down", forged),
    ("a_flood_of_bfd_packets_takes_nothing_down", flood),
];

/// A station on the segment that is not the router.
const STRANGER: &str = "192.0.2.66";

/// The peer's end of BFD.
struct Watcher {
    /// The node's number.
    discriminator: Arc<AtomicU32>,
    downs: Arc<Mutex<Vec<Report>>>,
    is_over: Arc<AtomicBool>,
}

impl Watcher {
    fn start(router: &Namespace, profile: Profile) -> Self {
        let watcher = Self {
            discriminator: Arc::default(),
            downs: Arc::default(),
            is_over: Arc::default(),
        };
        let (discriminator, downs, is_over) = (
            watcher.discriminator.clone(),
            watcher.downs.clone(),
            watcher.is_over.clone(),
        );
        let hears = router.inside(|| UdpSocket::bind((ROUTER[0], 3784)).unwrap());
        let says = sender(router, ROUTER[0], 255);
        hears.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        thread::spawn(move || {
            let origin = Instant::now();
            let now = || Moment::after_origin(origin.elapsed());
            let mut session = Session::new(profile, NonZeroU32::new(7).unwrap(), 1, now());
            let mut buffer = [0; 64];
            while !is_over.load(Ordering::Relaxed) {
                let mut outputs = Vec::new();
                while let Ok(count) = hears.recv(&mut buffer) {
                    let packet = Packet::parse(&buffer[..count]).unwrap();
                    discriminator.store(packet.my_discriminator.get(), Ordering::Relaxed);
                    let input = Input::Packet {
                        packet: &packet,
                        ttl: 255,
                    };
                    outputs.extend(session.handle(input, now()));
                }
                if session.next(now()).is_some_and(|next| next <= now()) {
                    outputs.extend(session.handle(Input::Tick, now()));
                }
                for output in outputs {
                    match output {
                        Output::Send(packet) => drop(says.send(&packet.bytes())),
                        Output::Report(report @ Report::State { from: State::Up, .. }) => {
                            downs.lock().unwrap().push(report);
                        }
                        Output::Report(_) => {}
                    }
                }
            }
        });
        watcher
    }

    #[track_caller]
    fn is_untouched(&self) {
        let downs = self.downs.lock().unwrap();
        assert!(downs.is_empty(), "{downs:?}");
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// Sends to the node's BFD.
fn sender(router: &Namespace, from: &str, ttl: u32) -> UdpSocket {
    let socket = router.inside(|| UdpSocket::bind((from, 0)).unwrap());
    socket.set_ttl(ttl).unwrap();
    socket.connect((NODE[0], 3784)).unwrap();
    socket
}

fn watched(site: &Site) -> (Watcher, Announcer) {
    site.router.ip(&format!("addr add {STRANGER}/24 dev eth0"));
    let profile = Profile {
        transmit: Duration::from_millis(100),
        receive: Duration::from_millis(100),
        multiplier: 5,
        ..Profile::default()
    };
    let watcher = Watcher::start(&site.router, profile);
    let mut node = Announcer::start(&site.node);
    let profile = ferrolb_crds::domain::BfdProfile {
        multiplier: 5,
        ..every(100)
    };
    node.watch(ROUTER[0], profile, Reach::Segment);
    node.tell(&external(ROUTER[0]), &table(one("198.51.100.10/32"), &plain()));
    until("BFD", || node.liveness() == Some(Liveness::Up));
    until("the node's number", || {
        watcher.discriminator.load(Ordering::Relaxed) != 0
    });
    let _before = node.news();
    (watcher, node)
}

fn says(state: State, yours: Option<u32>) -> [u8; 24] {
    Packet {
        diagnostic: Diagnostic::None,
        state,
        poll: false,
        last: false,
        control_plane_independent: false,
        demand: false,
        multiplier: 1,
        my_discriminator: NonZeroU32::new(7).unwrap(),
        your_discriminator: yours.and_then(NonZeroU32::new),
        desired_min_tx: Duration::from_millis(10),
        required_min_rx: Duration::from_secs(10),
        required_min_echo_rx: Duration::ZERO,
    }
    .bytes()
}

#[track_caller]
fn goes_on(watcher: &Watcher, node: &mut Announcer) {
    assert_eq!(node.liveness(), Some(Liveness::Up));
    watcher.is_untouched();
    let is_down = |what: &Happened| matches!(what, Happened::BfdDown(_));
    let news = node.news();
    assert!(!news.iter().any(|news| is_down(&news.what)), "{news:?}");
}

fn forged() {
    let site = Site::new();
    let (watcher, mut node) = watched(&site);
    let number = watcher.discriminator.load(Ordering::Relaxed);
    let (near, stranger) = (
        sender(&site.router, ROUTER[0], 255),
        sender(&site.router, STRANGER, 255),
    );
    let far = sender(&site.router, ROUTER[0], 254);
    for _ in 0..20 {
        for state in [State::Down, State::AdminDown] {
            // The right number from elsewhere, the right address from too far away, the right address with a wrong number.
            stranger.send(&says(state, Some(number))).unwrap();
            stranger.send(&says(state, None)).unwrap();
            far.send(&says(state, Some(number))).unwrap();
            far.send(&says(state, None)).unwrap();
            near.send(&says(state, Some(number ^ 1))).unwrap();
            // What no packet may say.
            for at in [0, 2, 3, 4] {
                let mut bytes = says(state, Some(number));
                bytes[at..at + if at == 4 { 4 } else { 1 }].fill(0);
                near.send(&bytes).unwrap();
            }
            near.send(&says(state, Some(number))[..23]).unwrap();
            near.send(&[]).unwrap();
        }
        thread::sleep(Duration::from_millis(50));
    }
    goes_on(&watcher, &mut node);
}

/// As fast as it goes, random bytes and good packets that are not the peer's, for three times the detection time.
fn flood() {
    let site = Site::new();
    let (watcher, mut node) = watched(&site);
    let is_over = AtomicBool::new(false);
    let mut chance = 1_u64;
    let mut random = || {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (chance >> 32) as u32
    };
    let packets: Vec<[u8; 24]> = (0..1000)
        .map(|number| match number % 2 {
            0 => says(State::Down, Some(random() | 1)),
            _ => std::array::from_fn(|_| random() as u8),
        })
        .collect();
    let sent = thread::scope(|scope| {
        let floods = [ROUTER[0], STRANGER].map(|from| {
            let socket = sender(&site.router, from, 255);
            let (is_over, packets) = (&is_over, &packets);
            scope.spawn(move || {
                let mut sent = 0_u64;
                for bytes in packets.iter().cycle() {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    sent += u64::from(socket.send(bytes).is_ok());
                }
                sent
            })
        });
        thread::sleep(Duration::from_millis(1500));
        is_over.store(true, Ordering::Relaxed);
        floods.map(|flood| flood.join().unwrap()).iter().sum::<u64>()
    });
    eprintln!("{sent} packets");
    goes_on(&watcher, &mut node);
}
