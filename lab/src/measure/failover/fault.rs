//! What happens to a holder, and how it is mended.

use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::scene::Scene;
use crate::error::{Error, Result};
use crate::plan::Machine;
use crate::speaker::Pause;

/// What happens to the holder of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The node's power goes: its port is down, then all its processes are dead.
    Cut,
    /// Its speaker alone is killed; the kernel goes on forwarding.
    Kill,
    /// Its speaker alone is stopped (SIGSTOP); the kernel goes on forwarding.
    Hang,
    /// Its switch port goes down.
    Carrier,
    /// The power of the holder goes, and within 200 ms that of the node which is next by rank.
    Twin,
}

/// The times between both deaths of a twin, one after the other.
const BETWEEN_MILLISECONDS: [u64; 5] = [0, 150, 50, 180, 100];

/// A fault that is not mended yet.
pub(super) struct Struck {
    pub(super) victims: Vec<u8>,
    pause: Option<Pause>,
}

impl Struck {
    /// Whose announcements are not those of a new holder. A speaker that was killed may be started again and announce
    /// anew.
    pub(super) fn excluded(&self, kind: Kind) -> Vec<Machine> {
        if kind == Kind::Kill {
            return vec![];
        }
        self.victims.iter().map(|node| Machine::Node(*node)).collect()
    }
}

impl Scene {
    /// Lets it happen; the fault holds when this returns.
    pub(super) fn strike(&self, kind: Kind, holder: u8, number: usize) -> Result<Struck> {
        let mut struck = Struck {
            victims: vec![holder],
            pause: None,
        };
        match kind {
            Kind::Cut => self.lab.cut(holder)?.leave(),
            Kind::Kill => self.lab.kill_speaker(holder)?,
            Kind::Hang => struck.pause = Some(self.lab.pause_speaker(holder)?),
            Kind::Carrier => self.lab.unplug(holder)?,
            Kind::Twin => struck.victims.push(self.twin(holder, number)?),
        }
        Ok(struck)
    }

    /// The ports first: cutting the power of one takes longer than both may lie apart.
    fn twin(&self, holder: u8, number: usize) -> Result<u8> {
        let nodes: Vec<(u8, String)> = self
            .lab
            .plan()
            .nodes()
            .filter(|node| *node != holder)
            .map(|node| (node, self.lab.node_name(node)))
            .collect();
        let Some(next) = next_by_rank(&nodes, self.address) else {
            return Error::refused("there is no second node");
        };
        self.lab.unplug(holder)?;
        let between = BETWEEN_MILLISECONDS[number % BETWEEN_MILLISECONDS.len()];
        thread::sleep(Duration::from_millis(between));
        self.lab.unplug(next)?;
        self.lab.cut(holder)?.leave();
        self.lab.cut(next)?.leave();
        Ok(next)
    }

    /// Mends it; whoever goes on waits until all is well.
    pub(super) fn repair(&mut self, kind: Kind, struck: Struck) -> Result<()> {
        drop(struck.pause);
        struck
            .victims
            .into_iter()
            .try_for_each(|node| self.repair_node(kind, node))
    }

    fn repair_node(&mut self, kind: Kind, node: u8) -> Result<()> {
        let Self { lab, speakers, .. } = self;
        let mut speakers = speakers.iter_mut();
        match kind {
            Kind::Cut | Kind::Twin => {
                lab.boot(node)?;
                speakers.try_for_each(|speakers| speakers.start_again(lab, node))
            }
            Kind::Kill => speakers.try_for_each(|speakers| speakers.replace(lab, node)),
            Kind::Hang => Ok(()),
            Kind::Carrier => lab.plug(node),
        }
    }
}

/// The node whose name and the address have the lowest sum, as MetalLB and this tree elect.
fn next_by_rank(nodes: &[(u8, String)], address: IpAddr) -> Option<u8> {
    let sum = |name: &str| Sha256::digest(format!("{name}#{address}")).to_vec();
    let first = nodes.iter().min_by_key(|(_, name)| sum(name));
    first.map(|(node, _)| *node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_by_rank_has_the_lowest_sum() {
        // as `printf n3#192.0.2.200 | sha256sum` says, 26f3; the others begin with 738f and 7b58
        let nodes: Vec<(u8, String)> = (1..=3).map(|i| (i, format!("n{i}"))).collect();
        let address = "192.0.2.200".parse().unwrap();
        assert_eq!(next_by_rank(&nodes, address), Some(3));
        assert_eq!(next_by_rank(&[], address), None);
    }
}
