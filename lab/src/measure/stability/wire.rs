//! Which node answers for each of many addresses, asked again and again over ARP.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::socket::{MsgFlags, send, setsockopt, sockopt};

use super::history::Answer;
use crate::error::{Doing, Result};
use crate::lab::Lab;
use crate::plan::Machine;
use crate::probe::{arp, packet};

/// No fault reaches it.
const ASKER: Machine = Machine::ControlPlane;
/// Every address is asked for so often.
const PACE: Duration = Duration::from_millis(10);
const LOOKING_UP: Duration = Duration::from_millis(50);
/// What may wait to be read: some ten thousand small frames.
const ROOM_BYTES: usize = 16 << 20;

/// Questions and answers, until it is dropped.
pub(super) struct Wire {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<Vec<Answer>>,
    over: AtomicBool,
}

impl Wire {
    pub(super) fn start(lab: &Lab, addresses: &[Ipv4Addr]) -> Result<Self> {
        let socket = |hears| lab.in_machine(ASKER, || packet::open("eth0", hears))?;
        let (asking, hearing) = (
            socket(packet::Hears::Nothing)?,
            socket(packet::Hears::Everything)?,
        );
        setsockopt(&hearing, sockopt::RcvBufForce, &ROOM_BYTES)
            .doing(|| "enlarge a raw socket's buffer".into())?;
        packet::with_stamps(&hearing)?;
        let shared = Arc::new(Shared::default());
        let (asks, hears) = (Arc::clone(&shared), Arc::clone(&shared));
        let asked: BTreeSet<Ipv4Addr> = addresses.iter().copied().collect();
        let frames = addresses
            .iter()
            .map(|address| arp::request(ASKER.mac(), ASKER.ipv4(), *address))
            .collect();
        let threads = vec![
            thread::spawn(move || asks.ask(&asking, frames)),
            thread::spawn(move || hears.hear(&hearing, &asked)),
        ];
        Ok(Self { shared, threads })
    }

    /// The answers since then, in the order they came.
    pub(super) fn since(&self, then: Instant) -> Vec<Answer> {
        let answers = self.shared.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let first = answers.partition_point(|answer| answer.at < then);
        answers[first..].to_vec()
    }

    /// Forgets all answers up to now.
    pub(super) fn forget(&self) {
        let answers = self.shared.answers.lock();
        answers.unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn ask(&self, socket: &OwnedFd, frames: Vec<Vec<u8>>) {
        let mut next = Instant::now();
        while !self.over.load(Ordering::Relaxed) {
            for frame in &frames {
                // a question that is lost is asked again at once
                let _ = send(socket.as_raw_fd(), frame, MsgFlags::empty());
            }
            next = Instant::now().max(next + PACE);
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    /// What a kernel says of its node's own address, because the asker's kernel asked, is no news.
    fn hear(&self, socket: &OwnedFd, asked: &BTreeSet<Ipv4Addr>) {
        while !self.over.load(Ordering::Relaxed) {
            // a socket that fails hears nothing: then no address has a holder
            let Ok(frame) = packet::next_with_age(socket, Instant::now() + LOOKING_UP) else {
                return;
            };
            let answer = frame.and_then(|(frame, age)| answer(&frame, age));
            if let Some(answer) = answer.filter(|answer| asked.contains(&answer.address)) {
                let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
                // the clocks of stamps and of instants differ by some microseconds from frame to frame
                let at = answers.last().map_or(answer.at, |last| last.at.max(answer.at));
                answers.push(Answer { at, ..answer });
            }
        }
    }
}

fn answer(frame: &[u8], age: Duration) -> Option<Answer> {
    let address = arp::answered(frame, ASKER.mac())?;
    let mac = arp::answer(frame, ASKER.mac(), address)?;
    let now = Instant::now();
    Some(Answer {
        at: now.checked_sub(age).unwrap_or(now),
        address,
        mac,
    })
}
