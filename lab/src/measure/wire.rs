//! Frames of a client: its questions, or whatever else. Everything here is called on the client's network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};

use crate::error::{Doing, Result};
use crate::mac::Mac;
use crate::plan::Machine;
use crate::probe::arp;
use crate::probe::packet::{self, Hears};

/// The station that asks.
pub(super) const CLIENT: Machine = Machine::Client(1);
pub(super) const INTERFACE: &str = "eth0";
/// How long a sender that has nothing to send sleeps.
const PAUSE: Duration = Duration::from_micros(100);
/// Threads that send a storm.
const SENDERS: usize = 3;
/// How long answers are waited for.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long the next questions wait for answers to these.
const BETWEEN: Duration = Duration::from_millis(30);
/// Questions without an answer at one time: fewer than a socket's buffer has room for.
const OPEN_QUESTIONS: usize = 64;

pub(super) fn questions(addresses: &[Ipv4Addr]) -> Vec<Vec<u8>> {
    let question = |address: &Ipv4Addr| arp::request(CLIENT.mac(), CLIENT.ipv4(), *address);
    addresses.iter().map(question).collect()
}

/// False if the kernel has no room.
fn sent(socket: &OwnedFd, frame: &[u8]) -> Result<bool> {
    match send(socket.as_raw_fd(), frame, MsgFlags::empty()) {
        Err(Errno::ENOBUFS | Errno::EAGAIN) => Ok(false),
        sent => sent.map(|_| true).doing(|| "send a frame".into()),
    }
}

/// Sends the frames in turn, so many a second; returns how many were sent.
pub(super) fn send_at(frames: &[Vec<u8>], per_second: u32, lasting: Duration) -> Result<f64> {
    let socket = packet::open(INTERFACE, Hears::Nothing)?;
    let mut in_turn = frames.iter().cycle();
    let (began, mut count) = (Instant::now(), 0.0);
    while began.elapsed() < lasting {
        let due = began.elapsed().as_secs_f64() * f64::from(per_second);
        if count >= due {
            std::thread::sleep(PAUSE);
        }
        while count < due {
            let Some(frame) = in_turn.next() else {
                return Ok(count);
            };
            sent(&socket, frame)?;
            count += 1.0;
        }
    }
    Ok(count)
}

/// As [`send_at`], by several threads: one alone cannot send as much to many.
pub(super) fn storm(frames: &[Vec<u8>], per_second: u32, lasting: Duration) -> Result<f64> {
    let some = frames.chunks(frames.len().div_ceil(SENDERS).max(1));
    let each = per_second / u32::try_from(some.len().max(1)).expect("few threads");
    std::thread::scope(|scope| {
        let senders = some.map(|some| scope.spawn(move || send_at(some, each, lasting)));
        let senders: Vec<_> = senders.collect();
        let sent = senders
            .into_iter()
            .map(|one| one.join().expect("a sender does not panic"));
        sent.sum()
    })
}

/// Asks for each address once; returns how many of them were answered.
pub(super) fn answered(addresses: &[Ipv4Addr]) -> Result<usize> {
    let socket = packet::open(INTERFACE, Hears::Everything)?;
    let mut answered = BTreeSet::new();
    for some in questions(addresses).chunks(OPEN_QUESTIONS) {
        ask(&socket, some, |address| {
            answered.insert(address);
        })?;
    }
    Ok(answered.len())
}

/// Asks for each address once; returns every station that answers for it. Waits for second answers, too.
pub(super) fn holders(addresses: &[Ipv4Addr]) -> Result<BTreeMap<Ipv4Addr, BTreeSet<Mac>>> {
    let socket = packet::open(INTERFACE, Hears::Everything)?;
    let mut holders: BTreeMap<Ipv4Addr, BTreeSet<Mac>> = BTreeMap::new();
    let mut take = |frame: &[u8]| {
        let address = arp::answered(frame, CLIENT.mac())?;
        let mac = arp::answer(frame, CLIENT.mac(), address)?;
        holders.entry(address).or_default().insert(mac);
        Some(())
    };
    for some in questions(addresses).chunks(OPEN_QUESTIONS) {
        let mut open = 0;
        for frame in some {
            open += usize::from(sent(&socket, frame)?);
        }
        let deadline = Instant::now() + BETWEEN;
        while open > 0
            && let Some(frame) = packet::next(&socket, deadline)?
        {
            open -= take(&frame).map_or(0, |()| 1);
        }
    }
    let deadline = Instant::now() + PATIENCE;
    while let Some(frame) = packet::next(&socket, deadline)? {
        take(&frame);
    }
    Ok(holders)
}

/// Asks for the addresses in turn, the next as soon as others are answered; returns how many answers came.
pub(super) fn converse(addresses: &[Ipv4Addr], lasting: Duration) -> Result<f64> {
    let socket = packet::open(INTERFACE, Hears::Everything)?;
    let (began, mut answers) = (Instant::now(), 0.0);
    let frames = questions(addresses);
    while began.elapsed() < lasting {
        for some in frames.chunks(OPEN_QUESTIONS) {
            ask(&socket, some, |_| answers += 1.0)?;
        }
    }
    Ok(answers)
}

/// Sends some questions and waits for as many answers, but not for ever.
fn ask(socket: &OwnedFd, frames: &[Vec<u8>], mut take: impl FnMut(Ipv4Addr)) -> Result<()> {
    let mut open = 0;
    for frame in frames {
        open += usize::from(sent(socket, frame)?);
    }
    let deadline = Instant::now() + PATIENCE;
    while open > 0 {
        let Some(frame) = packet::next(socket, deadline)? else {
            return Ok(());
        };
        if let Some(address) = arp::answered(&frame, CLIENT.mac()) {
            open -= 1;
            take(address);
        }
    }
    Ok(())
}
