//! The first client's questions. Everything here is called on its network.

use crate::error::{Doing, Result};
use crate::plan::Machine;
use crate::probe::arp;
use crate::probe::packet::{self, Hears};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

const CLIENT: Machine = Machine::Client(1);
const INTERFACE: &str = "eth0";
/// How long somebody who has nothing to send sleeps.
const PAUSE: Duration = Duration::from_micros(100);
/// How long answers are waited for.
const PATIENCE: Duration = Duration::from_millis(200);
/// Questions without an answer at one time: fewer than a socket's buffer has room for.
const OPEN_QUESTIONS: usize = 64;

fn questions(addresses: &[Ipv4Addr]) -> Vec<Vec<u8>> {
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

/// Asks for the addresses in turn, so many times a second; returns how many questions were sent.
pub(super) fn send_at(addresses: &[Ipv4Addr], per_second: u32, lasting: Duration) -> Result<f64> {
    let socket = packet::open(INTERFACE, Hears::Nothing)?;
    let frames = questions(addresses);
    let mut in_turn = frames.iter().cycle();
    let (began, mut count) = (Instant::now(), 0.0);
    while began.elapsed() < lasting {
        let due = began.elapsed().as_secs_f64() * f64::from(per_second);
        if count >= due {
            std::thread::sleep(PAUSE);
        }
        while count < due {
            sent(&socket, in_turn.next().expect("a cycle has no end"))?;
            count += 1.0;
        }
    }
    Ok(count)
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
