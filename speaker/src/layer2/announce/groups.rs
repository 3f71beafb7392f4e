//! Membership in the solicited-node groups of held addresses.
//!
//! Joined with an IPv6 socket, so that the kernel tells multicast routers and snooping switches (MLD,
//! RFC 3810); where IPv6 is off on the interface, the packet socket joins the Ethernet group alone.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::net::{IpAddr, Ipv6Addr};

use ferrolb_rawlink::PacketSocket;
use socket2::{Domain, Socket, Type};

use super::why;
use crate::layer2::wire::multicast::{group_mac, solicited_node};
use crate::layer2::wire::v6;

/// Memberships that one socket is given: the kernel bounds the memory a socket may spend on them
/// (`net.core.optmem_max`).
const PER_SOCKET: usize = 64;

/// The groups of one interface.
pub(super) struct Groups {
    index: u32,
    sockets: Vec<(Socket, usize)>,
    joined: BTreeMap<Ipv6Addr, Membership>,
}

enum Membership {
    /// By the IPv6 socket at this place.
    Ipv6(usize),
    /// By the packet socket.
    Ethernet,
}

impl Groups {
    pub(super) fn new(index: u32) -> Self {
        Self {
            index,
            sockets: Vec::new(),
            joined: BTreeMap::new(),
        }
    }

    /// Joins and leaves so that the memberships are those of these addresses. Returns what did not work.
    pub(super) fn follow(&mut self, addresses: &HashSet<IpAddr>, packets: &PacketSocket) -> Vec<String> {
        let groups: BTreeSet<Ipv6Addr> = addresses.iter().filter_map(v6).map(solicited_node).collect();
        let joined: BTreeSet<Ipv6Addr> = self.joined.keys().copied().collect();
        for group in &joined - &groups {
            self.leave(group, packets);
        }
        let new = &groups - &joined;
        let failed = new
            .into_iter()
            .filter_map(|group| self.join(group, packets).err());
        failed.collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// Leaves the groups of these, to be joined again: the kernel tells routers and switches anew.
    pub(super) fn leave_all(&mut self, addresses: &[IpAddr], packets: &PacketSocket) {
        let groups = addresses.iter().filter_map(v6).map(solicited_node);
        groups.for_each(|group| self.leave(group, packets));
    }

    fn join(&mut self, group: Ipv6Addr, packets: &PacketSocket) -> Result<(), String> {
        let Err(error) = self.join_ipv6(group) else {
            return Ok(());
        };
        packets.join(group_mac(group).0).map_err(|error| why(&error))?;
        self.joined.insert(group, Membership::Ethernet);
        Err(format!(
            "cannot join IPv6 groups ({error}): switches that snoop may not let questions through"
        ))
    }

    fn join_ipv6(&mut self, group: Ipv6Addr) -> io::Result<()> {
        let at = match self.sockets.iter().position(|(_, members)| *members < PER_SOCKET) {
            Some(at) => at,
            None => {
                self.sockets
                    .push((Socket::new(Domain::IPV6, Type::DGRAM, None)?, 0));
                self.sockets.len() - 1
            }
        };
        let (socket, members) = &mut self.sockets[at];
        socket.join_multicast_v6(&group, self.index)?;
        *members += 1;
        self.joined.insert(group, Membership::Ipv6(at));
        Ok(())
    }

    fn leave(&mut self, group: Ipv6Addr, packets: &PacketSocket) {
        // Leaving fails only where the interface is gone, and the membership with it.
        let _gone = match self.joined.remove(&group) {
            None => Ok(()),
            Some(Membership::Ethernet) => packets.leave(group_mac(group).0).map_err(io::Error::other),
            Some(Membership::Ipv6(at)) => {
                let (socket, members) = &mut self.sockets[at];
                *members -= 1;
                socket.leave_multicast_v6(&group, self.index)
            }
        };
    }
}
