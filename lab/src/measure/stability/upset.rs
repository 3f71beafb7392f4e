//! What happens to speakers that go on living, and is over soon.

use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::scene::{Holders, Scene};
use crate::error::Result;

/// How long two nodes stay cut from each other.
const UNHEARD: Duration = Duration::from_secs(5);
/// How long a node stays cut from all others: long enough for these to take over under `single-owner`.
const MINORITY: Duration = Duration::from_secs(4);
const FLAP: Duration = Duration::from_millis(700);

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Upset {
    /// The nodes are cut into two halves until each holds everything, and meet again.
    Partition,
    /// The node that holds most is cut from all others for four seconds, under the policy `single-owner`.
    Minority,
    /// Two nodes do not hear each other for five seconds; all others hear both.
    Unhear,
    /// The port of the node that holds most is down for 700 ms.
    Flap,
    /// A speaker stands still (SIGSTOP).
    Stun {
        /// The node.
        role: Role,
        /// For how long.
        milliseconds: u64,
    },
    /// A part of the frames of all nodes is lost.
    Loss {
        /// Percent of the frames.
        percent: f64,
        /// For how long.
        seconds: u64,
    },
}

/// The node whose speaker stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// That of the node which holds most addresses.
    Holder,
    /// That of the node which holds fewest; after a while that is none.
    Bystander,
}

/// An upset that is over.
pub(super) struct Past {
    pub(super) victims: Vec<u8>,
    /// Just before it began; of a minority, just after: a bound counts from there.
    pub(super) began: Instant,
    /// Just before it was mended.
    pub(super) mended: Instant,
    /// How long that took.
    pub(super) mending: Duration,
}

impl Scene {
    /// Lets it happen and mends it.
    pub(super) fn upset(&self, upset: Upset, holders: &Holders, number: usize) -> Result<Past> {
        let nodes: Vec<u8> = self.lab.plan().nodes().collect();
        match upset {
            Upset::Partition => self.partition(&nodes, number),
            Upset::Minority => self.minority(&nodes, by_load(&nodes, holders)[nodes.len() - 1]),
            Upset::Unhear => self.unhear(&nodes, number),
            Upset::Flap => self.flap(by_load(&nodes, holders)[nodes.len() - 1]),
            Upset::Stun { role, milliseconds } => {
                let by_load = by_load(&nodes, holders);
                let victim = match role {
                    Role::Holder => by_load[nodes.len() - 1],
                    Role::Bystander => by_load[0],
                };
                self.stun(victim, Duration::from_millis(milliseconds))
            }
            Upset::Loss { percent, seconds } => self.lose(nodes, percent, Duration::from_secs(seconds)),
        }
    }

    fn partition(&self, nodes: &[u8], number: usize) -> Result<Past> {
        let (left, right) = halves(nodes, number);
        let began = Instant::now();
        let fault = self.lab.partition(&left, &right)?;
        self.await_both_sides([&left, &right])?;
        mended(left, began, || fault.heal())
    }

    fn minority(&self, nodes: &[u8], alone: u8) -> Result<Past> {
        let others: Vec<u8> = nodes.iter().copied().filter(|node| *node != alone).collect();
        let fault = self.lab.partition(&[alone], &others)?;
        let began = Instant::now();
        thread::sleep(MINORITY);
        mended(vec![alone], began, || fault.heal())
    }

    fn unhear(&self, nodes: &[u8], number: usize) -> Result<Past> {
        let (one, other) = pair(nodes, number);
        let began = Instant::now();
        let fault = self.lab.unhear(one, other)?;
        thread::sleep(UNHEARD);
        mended(vec![one, other], began, || fault.heal())
    }

    fn flap(&self, node: u8) -> Result<Past> {
        let began = Instant::now();
        self.lab.unplug(node)?;
        thread::sleep(FLAP);
        mended(vec![node], began, || self.lab.plug(node))
    }

    fn stun(&self, node: u8, time: Duration) -> Result<Past> {
        let began = Instant::now();
        let pause = self.lab.pause_speaker(node)?;
        thread::sleep(time);
        mended(vec![node], began, || {
            drop(pause);
            Ok(())
        })
    }

    fn lose(&self, nodes: Vec<u8>, percent: f64, time: Duration) -> Result<Past> {
        let began = Instant::now();
        let fault = self.lab.loss(percent)?;
        thread::sleep(time);
        mended(nodes, began, || fault.heal())
    }
}

fn mended(victims: Vec<u8>, began: Instant, mend: impl FnOnce() -> Result<()>) -> Result<Past> {
    let mended = Instant::now();
    mend()?;
    Ok(Past {
        victims,
        began,
        mended,
        mending: mended.elapsed(),
    })
}

/// The nodes, the one that holds least first.
fn by_load(nodes: &[u8], holders: &Holders) -> Vec<u8> {
    let mut nodes = nodes.to_vec();
    nodes.sort_by_key(|node| holders.values().filter(|holder| *holder == node).count());
    nodes
}

/// Each split in turn, the first node always on the left.
fn halves(nodes: &[u8], number: usize) -> (Vec<u8>, Vec<u8>) {
    let mut others = nodes[1..].to_vec();
    let turn = number % others.len();
    others.rotate_left(turn);
    let right = others.split_off(nodes.len() / 2 - 1);
    (std::iter::once(nodes[0]).chain(others).collect(), right)
}

/// Each pair in turn.
fn pair(nodes: &[u8], number: usize) -> (u8, u8) {
    let first = nodes.iter().enumerate();
    let pairs: Vec<(u8, u8)> = first
        .flat_map(|(i, one)| nodes[i + 1..].iter().map(|other| (*one, *other)))
        .collect();
    pairs[number % pairs.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_halves_of_four_nodes_take_turns() {
        let halves = |number| halves(&[1, 2, 3, 4], number);
        assert_eq!(halves(0), (vec![1, 2], vec![3, 4]));
        assert_eq!(halves(1), (vec![1, 3], vec![4, 2]));
        assert_eq!(halves(2), (vec![1, 4], vec![2, 3]));
        assert_eq!(halves(3), halves(0));
    }

    #[test]
    fn every_pair_has_its_turn() {
        let pairs: Vec<_> = (0..7).map(|number| pair(&[1, 2, 3, 4], number)).collect();
        assert_eq!(pairs, [(1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4), (1, 2)]);
    }

    #[test]
    fn who_holds_least_comes_first() {
        let holders = (0..3u8)
            .map(|i| (Ipv4Addr::new(192, 0, 2, i), 1 + i / 2))
            .collect();
        assert_eq!(by_load(&[1, 2, 3], &holders), [3, 2, 1]);
    }

    use std::net::Ipv4Addr;
}
