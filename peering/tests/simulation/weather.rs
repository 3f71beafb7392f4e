//! What is between nodes and routers is not always at its best, and routers start again too.

use std::time::Duration;

use ferrolb_peering::bfd;

use crate::world::{Item, LATENCY, World};

/// How it is between a node and a router.
#[derive(Default)]
pub(crate) struct Weather {
    /// On top of what a connection takes at its best, each way.
    pub(crate) delay: Duration,
    /// Packets of BFD that are lost, of a hundred; never two in a row.
    pub(crate) loss: u64,
    /// Whether the last one was lost, to the node and to the router.
    lost: [bool; 2],
    /// The last connection that the router knows nothing of, because it started again.
    pub(crate) forgotten: u64,
}

impl World {
    /// The router starts again: its kernel refuses what comes on the connections that it had.
    pub(crate) fn restart_router(&mut self, router: usize) {
        for node in 0..self.nodes.len() {
            let (number, seed, now) = (self.number(), self.chance(u64::MAX), self.now);
            let pair = self.pair(node, router);
            pair.router.forget();
            pair.router_bfd = bfd::Session::new(bfd::Profile::default(), number, seed, now);
            pair.weather.forgotten = pair.connection;
            let at = now + LATENCY + pair.weather.delay;
            pair.to_node.push_back((at, pair.connection, Item::Close));
        }
    }

    /// Connections of the node take longer, and packets of its BFD are lost now and then.
    pub(crate) fn roughen(&mut self, node: usize, delay: Duration, loss: u64) {
        self.each(node, |world, router| {
            let weather = &mut world.pair(node, router).weather;
            (weather.delay, weather.loss) = (delay, loss);
        });
    }

    /// Whether the packet that is due gets lost.
    pub(crate) fn is_lost(&mut self, node: usize, router: usize, to_router: bool) -> bool {
        let of_hundred = self.chance(100);
        let pair = self.pair(node, router);
        let before = &mut pair.weather.lost[usize::from(to_router)];
        *before = !*before && of_hundred < pair.weather.loss;
        pair.cut || *before
    }
}
