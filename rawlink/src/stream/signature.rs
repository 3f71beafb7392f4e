//! Signatures of TCP segments by a password that both ends know (RFC 2385).

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use socket2::{SockAddr, SockAddrStorage, Socket};

/// `TCP_MD5SIG_MAXKEYLEN` of `linux/tcp.h`.
const LONGEST_KEY: usize = 80;

/// `struct tcp_md5sig` of `linux/tcp.h`, which `libc` does not have.
#[repr(C)]
struct Md5Signature {
    address: SockAddrStorage,
    flags: u8,
    prefix_length: u8,
    key_length: u16,
    interface_index: libc::c_int,
    key: [u8; LONGEST_KEY],
}

/// Signs all segments to and from the other end; those that are not signed by it, or otherwise, are dropped unseen.
pub(super) fn sign(socket: &Socket, to: SocketAddr, password: &[u8]) -> io::Result<()> {
    let mut key = [0; LONGEST_KEY];
    let room = key.get_mut(..password.len());
    room.ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?
        .copy_from_slice(password);
    let signature = Md5Signature {
        address: SockAddr::from(to).as_storage(),
        flags: 0,
        prefix_length: 0,
        key_length: password.len() as u16,
        interface_index: 0,
        key,
    };
    // SAFETY: the pointer and the length describe one initialised structure of the layout that this option takes, which
    // the kernel only reads.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_MD5SIG,
            (&raw const signature).cast(),
            size_of::<Md5Signature>() as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structure_is_that_of_the_kernel() {
        assert_eq!(size_of::<Md5Signature>(), 216);
        assert_eq!(std::mem::offset_of!(Md5Signature, key), 136);
    }
}
