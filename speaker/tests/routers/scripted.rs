//! Peers that do what a test says, in the router's namespace: sockets by hand, messages by the codec.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ferrolb_crds::domain::PeerName;
use ferrolb_peering::Family;
use ferrolb_peering::bgp::wire::{self, Capabilities, Kind, Notification, Open};
use ferrolb_peering::bgp::{Asn, ExportTable, Hold};
use ferrolb_speaker::peers::WantedPeer;

use crate::announcer::{THEIRS, external};
use crate::netns::Namespace;
use crate::site::ROUTER;

/// The shortest there is: what is late by more costs a session.
pub(crate) const HOLD: Duration = Duration::from_secs(3);
const KEEPALIVE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(20);

/// A peer at this port of the router, told these routes.
pub(crate) fn peer(port: u16, routes: &ExportTable) -> (PeerName, WantedPeer) {
    let mut spec = external(ROUTER[0]);
    spec.endpoint.port = port;
    spec.hold = Hold::new(3).unwrap();
    spec.connect = KEEPALIVE;
    let wanted = WantedPeer {
        spec,
        watched: false,
        routes: routes.clone(),
    };
    (name(port), wanted)
}

pub(crate) fn name(port: u16) -> PeerName {
    format!("scripted-{port}").as_str().into()
}

/// The OPEN of a peer that can do what is usual.
pub(crate) fn open() -> Open {
    Open {
        asn: Asn(THEIRS),
        hold: HOLD.as_secs() as u16,
        identifier: ROUTER[0].parse().unwrap(),
        capabilities: Capabilities {
            families: [Family::V4].into(),
            route_refresh: true,
            four_octets: Some(Asn(THEIRS)),
            ..Capabilities::default()
        },
    }
}

/// A message of any kind, with any body.
pub(crate) fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let [high, low] = (19 + body.len() as u16).to_be_bytes();
    [&[0xff; 16][..], &[high, low, kind], body].concat()
}

pub(crate) fn said(emit: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    emit(&mut bytes);
    bytes
}

/// Where a peer is dialled.
pub(crate) struct Door(TcpListener);

impl Door {
    pub(crate) fn open(router: &Namespace, port: u16) -> Self {
        let listener = router.inside(|| TcpListener::bind((ROUTER[0], port)).unwrap());
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn try_accept(&self) -> Option<Line> {
        match self.0.accept() {
            Ok((stream, _)) => Some(Line::new(stream)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("accept: {error}"),
        }
    }

    /// The next connection.
    pub(crate) fn accept(&self) -> Line {
        self.accept_within(PATIENCE).expect("nobody dials")
    }

    /// The next connection, if it comes in time.
    pub(crate) fn accept_within(&self, time: Duration) -> Option<Line> {
        let start = Instant::now();
        while start.elapsed() < time {
            let line = self.try_accept();
            if line.is_some() {
                return line;
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

/// A connection with the node.
pub(crate) struct Line {
    pub(crate) stream: TcpStream,
    inbox: Vec<u8>,
}

impl Line {
    fn new(stream: TcpStream) -> Self {
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let inbox = Vec::new();
        Self { stream, inbox }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next message; none once the node has closed, or for so long as the stream's timeout.
    pub(crate) fn hear(&mut self) -> Result<Option<(Kind, Vec<u8>)>, ErrorKind> {
        loop {
            if let Some(frame) = wire::split(&self.inbox, wire::MESSAGE_MAX).unwrap() {
                let message = (frame.kind, frame.body.to_vec());
                let length = frame.length;
                self.inbox.drain(..length);
                return Ok(Some(message));
            }
            let mut buffer = [0; 65_536];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(count) => self.inbox.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error.kind()),
            }
        }
    }

    /// The next message of this kind.
    pub(crate) fn hear_kind(&mut self, wanted: Kind) -> Vec<u8> {
        loop {
            match self.hear() {
                Ok(Some((kind, body))) if kind == wanted => return body,
                Ok(Some((Kind::Notification, body))) => panic!("{}", Notification::parse(&body)),
                Ok(Some(_)) => {}
                other => panic!("no {wanted:?}: {other:?}"),
            }
        }
    }

    /// What the node says at the end, as numbers, once it has closed.
    pub(crate) fn end(&mut self) -> Option<(u8, u8)> {
        let mut told = None;
        while let Some((kind, body)) = self.hear().expect("the node closes") {
            if kind == Kind::Notification {
                let notification = Notification::parse(&body);
                told = Some((notification.code, notification.subcode));
            }
        }
        told
    }

    pub(crate) fn establish(&mut self) {
        let both = said(|out| {
            open().emit(out);
            wire::keepalive(out);
        });
        self.send(&both);
        self.hear_kind(Kind::Open);
        self.hear_kind(Kind::Keepalive);
    }
}

/// What a well-behaved peer has seen.
#[derive(Default)]
struct Seen {
    sessions: AtomicUsize,
    ends: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

/// A well-behaved peer, with a hold timer of three seconds.
pub(crate) struct Steady(Arc<Seen>);

impl Steady {
    pub(crate) fn start(router: &Namespace, port: u16) -> Self {
        let door = Door::open(router, port);
        let seen = Arc::new(Seen::default());
        let of_thread = seen.clone();
        thread::spawn(move || {
            while !of_thread.is_over.load(Ordering::Relaxed) {
                if let Some(line) = door.accept_within(KEEPALIVE) {
                    hold(line, &of_thread);
                }
            }
        });
        Self(seen)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.0.sessions.load(Ordering::Relaxed) > 0
    }

    /// Its first session goes on.
    #[track_caller]
    pub(crate) fn is_untouched(&self) {
        let ends = self.0.ends.lock().unwrap();
        let sessions = self.0.sessions.load(Ordering::Relaxed);
        assert!(sessions == 1 && ends.is_empty(), "{sessions} sessions, {ends:?}");
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

/// Holds a session until it or the test ends.
fn hold(mut line: Line, seen: &Seen) {
    line.establish();
    seen.sessions.fetch_add(1, Ordering::Relaxed);
    line.stream.set_read_timeout(Some(KEEPALIVE / 5)).unwrap();
    let (mut heard, mut spoke) = (Instant::now(), Instant::now());
    let why = loop {
        if seen.is_over.load(Ordering::Relaxed) {
            return;
        }
        match line.hear() {
            Ok(Some((Kind::Notification, body))) => break Notification::parse(&body).to_string(),
            Ok(Some(_)) => heard = Instant::now(),
            Ok(None) => break "closed".to_owned(),
            Err(_) => {}
        }
        if heard.elapsed() > HOLD {
            break "hold time over".to_owned();
        }
        if spoke.elapsed() >= KEEPALIVE {
            spoke = Instant::now();
            line.send(&said(wire::keepalive));
        }
    };
    if !seen.is_over.load(Ordering::Relaxed) {
        seen.ends.lock().unwrap().push(why);
    }
}
