//! Requests to an address, 200 a second, each a datagram of its own: how many have no answer.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::lab::Lab;

/// Between two requests.
pub const GAP: Duration = Duration::from_millis(5);
/// A request that has no answer by then is lost.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// One datagram from a port of its own, so that no earlier one has decided where it goes.
#[derive(Debug)]
pub struct Request {
    /// None once it was answered or given up.
    pub socket: Option<UdpSocket>,
    /// Whether an answer came.
    pub answered: bool,
}

/// What became of requests to several addresses.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How many were sent.
    pub sent: usize,
    /// When each of those that had no answer in time was sent, since the first.
    pub lost_at: Vec<Duration>,
}

/// Sends 200 requests a second from the first client, to one address after the other, while `work` is done, and until all
/// have been answered or given up.
///
/// # Errors
/// Of `work`, or if the client cannot send.
///
/// # Panics
/// If `work` does.
pub fn in_turn<T>(
    lab: &Lab,
    addresses: &[SocketAddr],
    work: impl FnOnce() -> Result<T>,
) -> Result<(T, Tally)> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stream = scope.spawn(|| lab.in_client(|| send_in_turn(addresses, &over)));
        let done = {
            let _over = SetWhenDropped(&over);
            work()
        };
        let tally = stream.join().expect("the stream does not panic")?;
        Ok((done?, tally.map_err(|failed| lost_socket(&failed))?))
    })
}

fn send_in_turn(addresses: &[SocketAddr], over: &AtomicBool) -> io::Result<Tally> {
    let mut open: Vec<(Instant, Request)> = Vec::new();
    let mut tally = Tally::default();
    let began = Instant::now();
    let mut due = began;
    while !open.is_empty() || !over.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due += GAP;
        if !over.load(Ordering::Relaxed) {
            open.push((
                Instant::now(),
                Request::send(addresses[tally.sent % addresses.len()])?,
            ));
            tally.sent += 1;
        }
        for (at, request) in &mut open {
            request.collect(at.elapsed() > PATIENCE);
        }
        let lost = open.iter().filter(|(_, request)| request.is_lost());
        tally.lost_at.extend(lost.map(|(at, _)| *at - began));
        open.retain(|(_, request)| request.socket.is_some());
    }
    Ok(tally)
}

/// Says that the work is over, however it ends.
#[derive(Debug)]
pub struct SetWhenDropped<'a>(pub &'a AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Request {
    /// Sends one now.
    ///
    /// # Errors
    /// There is no socket to be had.
    pub fn send(to: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.set_nonblocking(true)?;
        socket.connect(to)?;
        // a neighbour that is not resolved, or a refusal to the last one, is a loss
        let _ = socket.send(b"who\n");
        Ok(Self {
            socket: Some(socket),
            answered: false,
        })
    }

    fn is_lost(&self) -> bool {
        self.socket.is_none() && !self.answered
    }

    /// Takes the answer if it has come; or gives it up.
    pub fn collect(&mut self, gives_up: bool) {
        let answered = |socket: &UdpSocket| socket.recv(&mut [0; 2048]).is_ok();
        self.answered |= self.socket.as_ref().is_some_and(answered);
        if self.answered || gives_up {
            self.socket = None;
        }
    }
}

impl Tally {
    /// How many had no answer in time.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.lost_at.len()
    }
}

/// "2457 requests, 17 lost: 17 from 8.31s to 8.52s": one part for each second or more between two losses.
impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} requests, {} lost", self.sent, self.lost())?;
        let mut separator = ": ";
        for stretch in self.lost_at.chunk_by(|one, next| *next < *one + PATIENCE) {
            let (first, last) = (stretch[0], stretch[stretch.len() - 1]);
            write!(out, "{separator}{} from {first:.2?} to {last:.2?}", stretch.len())?;
            separator = ", ";
        }
        Ok(())
    }
}

/// For a client that cannot send.
#[must_use]
pub fn lost_socket(failed: &io::Error) -> Error {
    Error::Refused(format!("a client cannot send: {failed}"))
}
