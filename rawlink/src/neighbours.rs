//! Stations that this network namespace has talked to (the neighbour tables of IPv4 and IPv6).

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;

use rtnetlink::packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use rtnetlink::sys::protocols::NETLINK_ROUTE;

use crate::netlink::{ALIGNMENT, kernel};

/// The addresses on the segment of an interface whose link-layer address the kernel knows. Asks the kernel and waits for
/// its answer, which takes less than a millisecond for some hundreds.
///
/// # Errors
/// The kernel refuses to tell.
pub fn known(interface: u32) -> io::Result<BTreeSet<IpAddr>> {
    let socket = kernel(NETLINK_ROUTE)?;
    socket.send(&request(), 0)?;
    let mut found = BTreeSet::new();
    loop {
        let (answer, _) = socket.recv_from_full()?;
        if read(&answer, interface, &mut found)? {
            return Ok(found);
        }
    }
}

fn request() -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let all = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(all));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// Reads some messages. Whether that was the last of the table.
fn read(answer: &[u8], interface: u32, found: &mut BTreeSet<IpAddr>) -> io::Result<bool> {
    let mut rest = answer;
    while !rest.is_empty() {
        let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).map_err(io::Error::other)?;
        let length = usize::try_from(message.header.length).unwrap_or(usize::MAX);
        rest = rest.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
        match message.payload {
            NetlinkPayload::Done(_) => return Ok(true),
            NetlinkPayload::Error(error) => return Err(error.to_io()),
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNeighbour(entry)) => {
                found.extend(station(&entry, interface));
            }
            _ => {}
        }
    }
    Ok(false)
}

fn station(entry: &NeighbourMessage, interface: u32) -> Option<IpAddr> {
    let talked_to = matches!(
        entry.header.state,
        NeighbourState::Reachable
            | NeighbourState::Stale
            | NeighbourState::Delay
            | NeighbourState::Probe
            | NeighbourState::Permanent
    );
    if entry.header.ifindex != interface || !talked_to {
        return None;
    }
    entry.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => Some((*address).into()),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => Some((*address).into()),
        _ => None,
    })
}
