//! The system calls that `socket2` does not offer.

use std::io;
use std::mem;
use std::os::fd::AsRawFd;

use socket2::Socket;

use super::Received;
use super::ancillary::{self, CONTROL_WORDS};
use crate::MacBytes;

/// Binds to all protocols of an interface; from here on frames arrive.
pub(super) fn bind(socket: &Socket, index: u32) -> io::Result<()> {
    let mut address = empty_address();
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = signed(index)?;
    // SAFETY: the pointer and the length describe one initialised `sockaddr_ll`, which the kernel only reads.
    let result = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            length_of::<libc::sockaddr_ll>(),
        )
    };
    checked(result)
}

/// Turns on an option that is a flag.
pub(super) fn enable(socket: &Socket, option: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    set(socket, option, &on)
}

pub(super) fn join(socket: &Socket, index: u32, group: MacBytes) -> io::Result<()> {
    set(socket, libc::PACKET_ADD_MEMBERSHIP, &membership(index, group)?)
}

pub(super) fn leave(socket: &Socket, index: u32, group: MacBytes) -> io::Result<()> {
    set(socket, libc::PACKET_DROP_MEMBERSHIP, &membership(index, group)?)
}

/// Receives the next frame that this host did not send itself.
pub(super) fn receive_incoming(socket: &Socket, buffer: &mut [u8]) -> io::Result<Received> {
    loop {
        match receive(socket, buffer) {
            Ok((_, libc::PACKET_OUTGOING)) => {}
            Ok((received, _)) => return Ok(received),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<(Received, u8)> {
    let mut from = empty_address();
    let mut control = [0_u64; CONTROL_WORDS];
    let mut vector = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    // SAFETY: `msghdr` is a C struct of integers and pointers; all zeros means "no buffers".
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_name = (&raw mut from).cast();
    header.msg_namelen = length_of::<libc::sockaddr_ll>();
    header.msg_iov = &raw mut vector;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control) as _;
    // SAFETY: every pointer in `header` leads to a live local or to `buffer`, each with its true length, and none of
    // them is touched by anybody else during the call.
    let result = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, 0) };
    let length = usize::try_from(result).map_err(|_| io::Error::last_os_error())?;
    let received = Received {
        length,
        vlan: ancillary::vlan(&control, header.msg_controllen as usize),
    };
    Ok((received, from.sll_pkttype))
}

/// The kernel counts anew from here on (packet(7), `PACKET_STATISTICS`).
pub(super) fn take_dropped(socket: &Socket) -> io::Result<u32> {
    let mut counted = libc::tpacket_stats {
        tp_packets: 0,
        tp_drops: 0,
    };
    let mut length = length_of::<libc::tpacket_stats>();
    // SAFETY: both pointers lead to live locals that nobody else touches during the call; `length` says how many bytes
    // the kernel may write, and a `tpacket_stats` of integers is valid whatever it writes there.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut counted).cast(),
            &raw mut length,
        )
    };
    checked(result).map(|()| counted.tp_drops)
}

fn set<T>(socket: &Socket, option: libc::c_int, value: &T) -> io::Result<()> {
    // SAFETY: the pointer and the length describe one initialised `T`, which the kernel only reads. The callers pass
    // the type that belongs to the option.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            (&raw const *value).cast(),
            length_of::<T>(),
        )
    };
    checked(result)
}

fn membership(index: u32, group: MacBytes) -> io::Result<libc::packet_mreq> {
    let mut address = [0; 8];
    address[..6].copy_from_slice(&group);
    Ok(libc::packet_mreq {
        mr_ifindex: signed(index)?,
        mr_type: libc::PACKET_MR_MULTICAST as u16,
        mr_alen: 6,
        mr_address: address,
    })
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn empty_address() -> libc::sockaddr_ll {
    libc::sockaddr_ll {
        sll_family: 0,
        sll_protocol: 0,
        sll_ifindex: 0,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    }
}

/// An index that no interface can have is one that does not exist.
fn signed(index: u32) -> io::Result<libc::c_int> {
    libc::c_int::try_from(index).map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))
}

const fn length_of<T>() -> libc::socklen_t {
    size_of::<T>() as libc::socklen_t
}
