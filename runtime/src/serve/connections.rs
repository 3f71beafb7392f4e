//! Which connections are open, and which one makes room for the next.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use tokio::task::AbortHandle;

/// The open connections, in the order in which they came.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    next: u64,
    open: BTreeMap<u64, (IpAddr, AbortHandle)>,
}

impl Connections {
    /// None, and never more than `most`.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            next: 0,
            open: BTreeMap::new(),
        }
    }

    /// Ends connections until there is room for one more.
    pub(super) fn make_room(&mut self) {
        self.open.retain(|_, (_, task)| !task.is_finished());
        while self.open.len() >= self.most
            && let Some(victim) = victim(self.open.iter().map(|(at, (peer, _))| (*at, *peer)))
        {
            if let Some((_, task)) = self.open.remove(&victim) {
                task.abort();
            }
        }
    }

    /// Adds one.
    pub(super) fn add(&mut self, peer: IpAddr, task: AbortHandle) {
        self.open.insert(self.next, (peer, task));
        self.next += 1;
    }
}

/// The oldest connection of the peer that has the most: whoever opens many ends his own.
fn victim(open: impl Iterator<Item = (u64, IpAddr)>) -> Option<u64> {
    let mut of_peer: BTreeMap<IpAddr, (usize, u64)> = BTreeMap::new();
    for (at, peer) in open {
        of_peer.entry(network(peer)).or_insert((0, at)).0 += 1;
    }
    let (_, (_, oldest)) = of_peer
        .into_iter()
        .max_by_key(|(_, (count, oldest))| (*count, std::cmp::Reverse(*oldest)))?;
    Some(oldest)
}

/// One IPv4 address, or the IPv6 network of which a machine has as many addresses as it likes.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(peers: &[&str]) -> Option<u64> {
        let open = peers.iter().enumerate();
        victim(open.map(|(at, peer)| (at as u64, peer.parse().unwrap())))
    }

    #[test]
    fn the_oldest_connection_of_the_peer_with_the_most_makes_room() {
        assert_eq!(chosen(&["192.0.2.1", "192.0.2.2", "192.0.2.2"]), Some(1));
        assert_eq!(chosen(&["192.0.2.1", "192.0.2.2"]), Some(0), "the oldest of all");
        assert_eq!(chosen(&["192.0.2.1", "::ffff:192.0.2.2", "192.0.2.2"]), Some(1));
        assert_eq!(
            chosen(&["192.0.2.1", "2001:db8::1", "2001:db8::2"]),
            Some(1),
            "of one network"
        );
        assert_eq!(chosen(&[]), None);
    }
}
