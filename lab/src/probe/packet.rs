//! Whole Ethernet frames, out and in.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::cmsg_space;
use nix::ifaddrs::getifaddrs;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv,
    recvmsg, send, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeSpec;

use crate::error::{Doing, Error, Result};
use crate::mac::Mac;

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
    if !readable(socket, deadline)? {
        return Ok(None);
    }
    let mut buffer = vec![0; 2048];
    let length =
        recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).doing(|| "receive a frame".into())?;
    buffer.truncate(length);
    Ok(Some(buffer))
}

fn readable(socket: &OwnedFd, deadline: Instant) -> Result<bool> {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    let mut waiting = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    Ok(!left.is_zero() && poll(&mut waiting, timeout).doing(|| "wait for frames".into())? > 0)
}

/// What may wait to be read: some ten thousand small frames.
const ROOM_BYTES: usize = 16 << 20;

/// Lets more frames wait than the kernel would by itself.
pub(crate) fn with_room(socket: &OwnedFd) -> Result<()> {
    setsockopt(socket, sockopt::RcvBufForce, &ROOM_BYTES).doing(|| "enlarge a raw socket's buffer".into())
}

/// Has the kernel note when each frame came.
pub(crate) fn with_stamps(socket: &OwnedFd) -> Result<()> {
    setsockopt(socket, sockopt::ReceiveTimestampns, &true).doing(|| "ask for time stamps".into())
}

/// The next frame and how long ago it came, as the kernel noted, until the deadline.
pub(crate) fn next_with_age(socket: &OwnedFd, deadline: Instant) -> Result<Option<(Vec<u8>, Duration)>> {
    if !readable(socket, deadline)? {
        return Ok(None);
    }
    let mut buffer = vec![0; 2048];
    let mut notes = cmsg_space!(TimeSpec);
    let mut parts = [IoSliceMut::new(&mut buffer)];
    let received = recvmsg::<()>(
        socket.as_raw_fd(),
        &mut parts,
        Some(&mut notes),
        MsgFlags::empty(),
    )
    .doing(|| "receive a frame".into())?;
    let length = received.bytes;
    let stamp = received.cmsgs().ok().and_then(|mut notes| {
        notes.find_map(|note| match note {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(Duration::from(stamp)),
            _ => None,
        })
    });
    buffer.truncate(length);
    Ok(Some((buffer, age(stamp))))
}

/// The kernel's stamps are of the wall clock.
fn age(stamp: Option<Duration>) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    stamp.map_or(Duration::ZERO, |stamp| now.saturating_sub(stamp))
}
