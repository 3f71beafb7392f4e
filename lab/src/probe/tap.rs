//! What any interface hears, and questions asked from it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv, send};

use super::{arp, ndp, packet};
use crate::error::{Doing, Error, Result};
use crate::lab::Lab;
use crate::mac::Mac;
use crate::segment::Nic;

/// Hears every frame that an interface receives or sends, from when it was made.
#[derive(Debug)]
pub struct Tap {
    interface: String,
    socket: OwnedFd,
}

impl Lab {
    /// Listens at an interface.
    ///
    /// # Errors
    /// If there is no such interface.
    pub fn tap(&self, nic: &Nic) -> Result<Tap> {
        let socket =
            self.in_machine(nic.machine, || packet::open(&nic.name, packet::Hears::Everything))??;
        packet::with_room(&socket)?;
        let interface = nic.name.clone();
        Ok(Tap { interface, socket })
    }

    /// As [`Lab::arp_ask`], from any interface.
    ///
    /// # Errors
    /// As [`Lab::arp_ask`].
    pub fn arp_ask_at(&self, nic: &Nic, address: Ipv4Addr, within: Duration) -> Result<Vec<Mac>> {
        let request = arp::request(nic.mac, nic.ipv4, address);
        self.in_machine(nic.machine, || {
            packet::ask(&nic.name, &request, within, |frame| {
                arp::answer(frame, nic.mac, address)
            })
        })?
    }

    /// As [`Lab::ndp_ask`], from any interface.
    ///
    /// # Errors
    /// As [`Lab::ndp_ask`].
    pub fn ndp_ask_at(&self, nic: &Nic, address: Ipv6Addr, within: Duration) -> Result<Vec<Mac>> {
        let solicitation = ndp::solicitation(nic.mac, nic.ipv6, address);
        self.in_machine(nic.machine, || {
            packet::ask(&nic.name, &solicitation, within, |frame| {
                ndp::answer(frame, nic.ipv6, address)
            })
        })?
    }
}

/// Where a frame says unasked that an address is: gratuitous ARP in either form (RFC 5227 §3) or an unsolicited
/// neighbour advertisement (RFC 4861 §7.2.6).
#[must_use]
pub fn announcement(frame: &[u8], address: IpAddr) -> Option<Mac> {
    match address {
        IpAddr::V4(v4) => arp::announcement(frame, v4),
        IpAddr::V6(v6) => ndp::announcement(frame, v6),
    }
}

impl Tap {
    /// Sends a frame as it is.
    ///
    /// # Errors
    /// If the interface is down or gone.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        send(self.socket.as_raw_fd(), frame, MsgFlags::empty())
            .map(drop)
            .doing(|| format!("send a frame on {}", self.interface))
    }

    /// Waits for a frame that is `wanted`.
    ///
    /// # Errors
    /// [`Error::Late`], naming `what`, if none comes in time; if the interface goes down or away.
    pub fn wait<T>(
        &self,
        what: &str,
        within: Duration,
        mut wanted: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.next(left)?.as_deref().map(&mut wanted) {
                Some(Some(found)) => return Ok(found),
                Some(None) if !left.is_zero() => {}
                _ => return self.late(what, within),
            }
        }
    }

    /// All frames of interest that came and were not read yet.
    ///
    /// # Errors
    /// If the interface has gone down or away.
    pub fn heard<T>(&self, mut wanted: impl FnMut(&[u8]) -> Option<T>) -> Result<Vec<T>> {
        let mut found = Vec::new();
        while let Some(frame) = self.next(Duration::ZERO)? {
            found.extend(wanted(&frame));
        }
        Ok(found)
    }

    fn next(&self, within: Duration) -> Result<Option<Vec<u8>>> {
        let timeout = PollTimeout::try_from(within).unwrap_or(PollTimeout::MAX);
        let mut waiting = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        if poll(&mut waiting, timeout).doing(|| "wait for frames".into())? == 0 {
            return Ok(None);
        }
        let mut buffer = vec![0; 2048];
        let length = recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty())
            .doing(|| format!("receive a frame on {}", self.interface))?;
        buffer.truncate(length);
        Ok(Some(buffer))
    }

    fn late<T>(&self, what: &str, waited: Duration) -> Result<T> {
        Err(Error::Late {
            what: format!("{what} on {}", self.interface),
            waited,
            seen: String::new(),
        })
    }
}
