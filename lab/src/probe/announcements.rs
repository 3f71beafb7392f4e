//! What the first client hears unasked: gratuitous ARP and unsolicited neighbour advertisements.

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{CLIENT, arp, ndp, packet};
use crate::error::Result;
use crate::lab::Lab;
use crate::mac::Mac;

const LOOKING_UP: Duration = Duration::from_millis(50);

/// A station says unasked that it has the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announcement {
    /// When it came, as the kernel noted.
    pub at: Instant,
    /// The address.
    pub address: IpAddr,
    /// Where it says that the address is.
    pub mac: Mac,
}

/// A capture of announcements, until it is dropped.
#[derive(Debug)]
pub struct Announcements {
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    heard: Mutex<Vec<Announcement>>,
    over: AtomicBool,
}

impl Lab {
    /// Captures the announcements of an address that the first client hears from now on.
    ///
    /// # Errors
    /// If no socket can be opened there.
    pub fn hear_announcements(&self, address: IpAddr) -> Result<Announcements> {
        self.hear(move |frame| {
            let mac = match address {
                IpAddr::V4(v4) => arp::announcement(frame, v4),
                IpAddr::V6(v6) => ndp::announcement(frame, v6),
            };
            Some((address, mac?))
        })
    }

    /// Captures the announcements of all IPv4 addresses that the first client hears from now on.
    ///
    /// # Errors
    /// If no socket can be opened there.
    pub fn hear_all_announcements(&self) -> Result<Announcements> {
        self.hear(|frame| arp::announced(frame).map(|(address, mac)| (address.into(), mac)))
    }

    fn hear(&self, read: impl Fn(&[u8]) -> Option<(IpAddr, Mac)> + Send + 'static) -> Result<Announcements> {
        let socket = self.in_machine(CLIENT, || packet::open("eth0", packet::Hears::Everything))??;
        packet::with_stamps(&socket)?;
        packet::with_room(&socket)?;
        let shared = Arc::new(Shared::default());
        let same = Arc::clone(&shared);
        let listener = std::thread::spawn(move || listen(&socket, read, &same));
        Ok(Announcements {
            shared,
            listener: Some(listener),
        })
    }
}

impl Announcements {
    /// Those heard so far, in the order they came.
    #[must_use]
    pub fn heard(&self) -> Vec<Announcement> {
        let heard = self.shared.heard.lock();
        heard.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Announcements {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let _ = self.listener.take().map(JoinHandle::join);
    }
}

fn listen(socket: &OwnedFd, read: impl Fn(&[u8]) -> Option<(IpAddr, Mac)>, shared: &Shared) {
    while !shared.over.load(Ordering::Relaxed) {
        // a socket that fails hears nothing: whoever waits for an announcement says so
        let Ok(frame) = packet::next_with_age(socket, Instant::now() + LOOKING_UP) else {
            return;
        };
        let Some((frame, age)) = frame else { continue };
        if let Some((address, mac)) = read(&frame) {
            let now = Instant::now();
            let at = now.checked_sub(age).unwrap_or(now);
            let heard = shared.heard.lock();
            heard
                .unwrap_or_else(PoisonError::into_inner)
                .push(Announcement { at, address, mac });
        }
    }
}
