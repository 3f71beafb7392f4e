//! 200 HTTP requests a second from the first client, each on a connection of its own. A connection that is open at the
//! very moment in which an address moves is cut, as the next node does not know it; so a request is asked once more, as a
//! browser does.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::lab::Lab;
use crate::netns;
use crate::plan::Machine;

const THREADS: u32 = 20;
/// Each thread's: together 200 a second.
const GAP: Duration = Duration::from_millis(100);
/// A request that has no answer by then is lost.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the requests go, and what they ask for.
pub(super) struct Site {
    at: SocketAddr,
    host: &'static str,
}

/// What became of them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) sent: usize,
    pub(super) lost: usize,
    /// The first loss.
    pub(super) why: String,
}

impl Site {
    pub(super) fn at(at: SocketAddr, host: &'static str) -> Self {
        Self { at, host }
    }

    fn ask(&self) -> io::Result<()> {
        self.ask_once().or_else(|_| self.ask_once())
    }

    fn ask_once(&self) -> io::Result<()> {
        let mut stream = TcpStream::connect_timeout(&self.at, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.host
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer.starts_with("HTTP/1.1 200 ") && answer.contains("pod=") {
            return Ok(());
        }
        let first = answer.lines().next().unwrap_or("no answer").to_owned();
        Err(io::Error::other(first))
    }
}

/// Sends while `work` is done.
pub(super) fn during<T>(lab: &Lab, site: &Site, work: impl FnOnce() -> Result<T>) -> Result<(T, Tally)> {
    let client = lab.plan().full_name(Machine::Client(1));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..THREADS)
            .map(|number| {
                let (over, client) = (&over, &client);
                scope.spawn(move || {
                    netns::enter(client)?;
                    Ok(send(site, over, GAP * number / THREADS))
                })
            })
            .collect();
        let done = work();
        over.store(true, Ordering::Relaxed);
        let mut all = Tally::default();
        for sender in senders {
            all.add(sender.join().expect("a sender does not panic")?);
        }
        Ok((done?, all))
    })
}

fn send(site: &Site, over: &AtomicBool, offset: Duration) -> Tally {
    let mut tally = Tally::default();
    let mut due = Instant::now() + offset;
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due += GAP;
        tally.sent += 1;
        if let Err(failed) = site.ask() {
            tally.lost += 1;
            if tally.why.is_empty() {
                tally.why = failed.to_string();
            }
        }
    }
    tally
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.lost += other.lost;
        if self.why.is_empty() {
            self.why = other.why;
        }
    }
}
