//! UDP flows that this network namespace tracks (ctnetlink).
//!
//! A tracked flow keeps the translation that its first datagram got for as long as it does not pause, whatever the rules
//! say by then.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};

use rtnetlink::packet_core::{
    NLA_HEADER_SIZE, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NlasIterator, emit_u16,
    emit_u32, parse_i32, parse_u16, parse_u16_be, parse_u32,
};
use rtnetlink::sys::Socket;
use rtnetlink::sys::protocols::NETLINK_NETFILTER;

use crate::netlink::{ALIGNMENT, kernel};

const HEADER_BYTES: usize = 16;
/// `struct nfgenmsg`.
const FAMILY_HEADER_BYTES: usize = 4;

// linux/netfilter/nfnetlink_conntrack.h
const SUBSYSTEM: u16 = 1 << 8;
const GET: u16 = SUBSYSTEM | 1;
const DELETE: u16 = SUBSYSTEM | 2;
const TUPLE_ORIG: u16 = 1;
const ID: u16 = 12;
const ZONE: u16 = 18;
const TUPLE_IP: u16 = 1;
const TUPLE_PROTO: u16 = 2;
const IP_V4_DST: u16 = 2;
const IP_V6_DST: u16 = 4;
const PROTO_NUM: u16 = 1;
const PROTO_DST_PORT: u16 = 3;
/// IANA protocol number.
const UDP: u8 = 17;

/// Forgets the UDP flows to these addresses and ports as their senders wrote them: the next datagram of each is treated as
/// the first of a new flow. Returns how many there were. Waits for the kernel, which takes a tenth of a second for a
/// hundred thousand tracked flows.
///
/// # Errors
/// The process lacks `CAP_NET_ADMIN` (`PermissionDenied`), or the kernel cannot tell.
pub fn forget_udp(destinations: &BTreeSet<SocketAddr>) -> io::Result<usize> {
    let socket = kernel(NETLINK_NETFILTER)?;
    let mut forgotten = 0;
    for family in [libc::AF_INET, libc::AF_INET6] {
        let family = u8::try_from(family).map_err(io::Error::other)?;
        for flow in flows(&socket, family, destinations)? {
            forgotten += usize::from(forget(&socket, family, &flow)?);
        }
    }
    Ok(forgotten)
}

/// The attributes that name each of the flows to these destinations.
fn flows(socket: &Socket, family: u8, destinations: &BTreeSet<SocketAddr>) -> io::Result<Vec<Vec<u8>>> {
    let mut flows = Vec::new();
    socket.send(&message(GET, NLM_F_REQUEST | NLM_F_DUMP, family, &[])?, 0)?;
    loop {
        let (answer, _) = socket.recv_from_full()?;
        for (kind, body) in messages(&answer) {
            match kind {
                NLMSG_DONE => return Ok(flows),
                NLMSG_ERROR => error(body)?,
                _ => {
                    let attributes = body.get(FAMILY_HEADER_BYTES..).unwrap_or_default();
                    if destination(attributes).is_some_and(|to| destinations.contains(&to)) {
                        flows.push(identity(attributes));
                    }
                }
            }
        }
    }
}

/// Whether it was still there.
fn forget(socket: &Socket, family: u8, flow: &[u8]) -> io::Result<bool> {
    socket.send(&message(DELETE, NLM_F_REQUEST | NLM_F_ACK, family, flow)?, 0)?;
    let (answer, _) = socket.recv_from_full()?;
    for (kind, body) in messages(&answer) {
        if kind == NLMSG_ERROR {
            return match error(body) {
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(false),
                other => other.map(|()| true),
            };
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

fn message(kind: u16, flags: u16, family: u8, attributes: &[u8]) -> io::Result<Vec<u8>> {
    let length = HEADER_BYTES + FAMILY_HEADER_BYTES + attributes.len();
    let mut bytes = vec![0; HEADER_BYTES + FAMILY_HEADER_BYTES];
    emit_u32(&mut bytes[..4], u32::try_from(length).map_err(io::Error::other)?).map_err(io::Error::other)?;
    emit_u16(&mut bytes[4..6], kind).map_err(io::Error::other)?;
    emit_u16(&mut bytes[6..8], flags).map_err(io::Error::other)?;
    bytes[HEADER_BYTES] = family;
    bytes.extend_from_slice(attributes);
    Ok(bytes)
}

/// Kind and body of each.
fn messages(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::try_from(parse_u32(rest.get(..4)?).ok()?).ok()?;
        let kind = parse_u16(rest.get(4..6)?).ok()?;
        let body = rest.get(HEADER_BYTES..length)?;
        rest = rest.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
        Some((kind, body))
    })
}

/// An acknowledgement is an error of number zero.
fn error(body: &[u8]) -> io::Result<()> {
    match body.get(..4).map(parse_i32) {
        Some(Ok(0)) => Ok(()),
        Some(Ok(number)) => Err(io::Error::from_raw_os_error(number.saturating_neg())),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Where the first datagram of a flow went; none if it was no UDP.
fn destination(attributes: &[u8]) -> Option<SocketAddr> {
    let tuple = attribute(attributes, TUPLE_ORIG)?;
    let protocol = attribute(tuple, TUPLE_PROTO)?;
    if attribute(protocol, PROTO_NUM)? != [UDP] {
        return None;
    }
    let port = parse_u16_be(attribute(protocol, PROTO_DST_PORT)?).ok()?;
    let addresses = attribute(tuple, TUPLE_IP)?;
    let v4 = || <[u8; 4]>::try_from(attribute(addresses, IP_V4_DST)?).ok();
    let v6 = || <[u8; 16]>::try_from(attribute(addresses, IP_V6_DST)?).ok();
    let address = v4().map(IpAddr::from).or_else(|| v6().map(IpAddr::from))?;
    Some((address, port).into())
}

/// The attributes that name a flow when it is to be deleted: another one of the same addresses and ports is not meant.
fn identity(attributes: &[u8]) -> Vec<u8> {
    let mut identity = Vec::new();
    for found in NlasIterator::new(attributes).map_while(Result::ok) {
        if [TUPLE_ORIG, ID, ZONE].contains(&found.kind()) {
            let bytes = found.into_inner();
            let length = usize::from(found.length());
            identity.extend_from_slice(&bytes[..length]);
            identity.resize(identity.len().next_multiple_of(ALIGNMENT), 0);
        }
    }
    identity
}

fn attribute(attributes: &[u8], kind: u16) -> Option<&[u8]> {
    let found = NlasIterator::new(attributes)
        .map_while(Result::ok)
        .find(|found| found.kind() == kind)?;
    let length = usize::from(found.length());
    found.into_inner().get(NLA_HEADER_SIZE..length)
}
