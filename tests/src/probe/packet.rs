//! Whole Ethernet frames, out and in.

use crate::error::{Doing, Error, Result};
use crate::mac::Mac;
use nix::ifaddrs::getifaddrs;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send, socket,
};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// Sends a frame and collects the distinct answers to it until the time is over.
pub(super) fn ask(
    interface: &str,
    frame: &[u8],
    within: Duration,
    answer: impl Fn(&[u8]) -> Option<Mac>,
) -> Result<Vec<Mac>> {
    let socket = open(interface, Hears::Everything)?;
    send(socket.as_raw_fd(), frame, MsgFlags::empty()).doing(|| format!("send a frame on {interface}"))?;
    let deadline = Instant::now() + within;
    let mut answers = Vec::new();
    while let Some(frame) = next(&socket, deadline)? {
        if let Some(mac) = answer(&frame).filter(|mac| !answers.contains(mac)) {
            answers.push(mac);
        }
    }
    Ok(answers)
}

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hears {
    Everything,
    Nothing,
}

/// A raw socket on an interface of the caller's network.
pub(crate) fn open(interface: &str, hears: Hears) -> Result<OwnedFd> {
    let protocol = (hears == Hears::Everything).then_some(SockProtocol::EthAll);
    let socket = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        protocol,
    )
    .doing(|| "open a raw socket".into())?;
    let address = link_address(interface)?;
    bind(socket.as_raw_fd(), &address).doing(|| format!("listen on {interface}"))?;
    Ok(socket)
}

/// The kernel's own record of the interface, which is just what `bind` wants.
fn link_address(interface: &str) -> Result<LinkAddr> {
    let mut all = getifaddrs().doing(|| "list interfaces".into())?;
    let found = all.find_map(|entry| {
        let address = entry.address.filter(|_| entry.interface_name == interface)?;
        address.as_link_addr().copied()
    });
    found.ok_or_else(|| Error::Refused(format!("there is no interface {interface}")))
}

/// The next frame; none if there is none until the deadline.
pub(crate) fn next(socket: &OwnedFd, deadline: Instant) -> Result<Option<Vec<u8>>> {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    let mut waiting = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    if left.is_zero() || poll(&mut waiting, timeout).doing(|| "wait for frames".into())? == 0 {
        return Ok(None);
    }
    let mut buffer = vec![0; 2048];
    let length =
        recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).doing(|| "receive a frame".into())?;
    buffer.truncate(length);
    Ok(Some(buffer))
}
