//! Faults on the LAN. Each is a table of rules in the switch, so that each is undone by itself, and holds for a node
//! that is cut and booted meanwhile.

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::command::{USUAL, text_with_input};
use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::netns;
use crate::plan::{Machine, Plan};

const PREFIX: &str = "fault-";

/// Tells the faults of one process apart.
static FAULTS: AtomicU32 = AtomicU32::new(0);

/// While it lives, the LAN does not carry everything.
#[derive(Debug)]
#[must_use = "the LAN is whole again when this is dropped"]
pub struct LanFault<'a> {
    plan: &'a Plan,
    table: String,
}

impl LanFault<'_> {
    /// Undoes it.
    ///
    /// # Errors
    /// If it was undone before, by [`Lab::heal`].
    pub fn heal(self) -> Result<()> {
        let done = delete(self.plan, &self.table);
        self.leave();
        done
    }

    /// Leaves it to whoever calls [`Lab::heal`].
    pub fn leave(self) {
        std::mem::forget(self);
    }
}

impl Drop for LanFault<'_> {
    fn drop(&mut self) {
        // a lab that is gone has no switch, and one that was healed no such table
        let _ = delete(self.plan, &self.table);
    }
}

impl Lab {
    /// Two groups of nodes do not hear each other; all other machines hear both and are heard.
    ///
    /// # Errors
    /// If a group is empty, a node is in both, or there is no such node.
    pub fn partition(&self, left: &[u8], right: &[u8]) -> Result<LanFault<'_>> {
        let (from, to) = (ports(self.plan(), left)?, ports(self.plan(), right)?);
        if let Some(both) = left.iter().find(|node| right.contains(node)) {
            return Error::refused(format!("node n{both} is on both sides"));
        }
        self.fault(&format!(
            "type filter hook forward priority 0; policy accept;\n\
             iifname {{ {from} }} oifname {{ {to} }} drop\n\
             iifname {{ {to} }} oifname {{ {from} }} drop\n"
        ))
    }

    /// Two nodes do not hear each other; both reach everybody else.
    ///
    /// # Errors
    /// As [`Lab::partition`].
    pub fn unhear(&self, one: u8, other: u8) -> Result<LanFault<'_>> {
        self.partition(&[one], &[other])
    }

    /// Each frame that a node sends is lost with this probability, in percent, where it enters the switch: for all
    /// receivers or for none. What clients and the control plane send arrives.
    ///
    /// # Errors
    /// If it is no percentage, or the lab has no nodes.
    pub fn loss(&self, percent: f64) -> Result<LanFault<'_>> {
        if !(0.0..=100.0).contains(&percent) {
            return Error::refused(format!("{percent} is no percentage"));
        }
        let nodes = ports(self.plan(), &self.plan().nodes().collect::<Vec<_>>())?;
        let of_a_million = (percent * 10_000.0).round();
        self.fault(&format!(
            "type filter hook prerouting priority -300; policy accept;\n\
             iifname {{ {nodes} }} numgen random mod 1000000 < {of_a_million} drop\n"
        ))
    }

    /// The ARP frames in which a node says that it has this address are lost where they enter the switch; everything else
    /// that it sends arrives.
    ///
    /// # Errors
    /// If the lab is gone, or there is no such node.
    pub fn mute(&self, node: u8, address: Ipv4Addr) -> Result<LanFault<'_>> {
        let port = ports(self.plan(), &[node])?;
        self.fault(&format!(
            "type filter hook prerouting priority -300; policy accept;\n\
             iifname {{ {port} }} arp saddr ip {address} drop\n"
        ))
    }

    /// The switch drops all frames of an EtherType, whoever sends them.
    ///
    /// # Errors
    /// If the lab is gone.
    pub fn drop_ether_type(&self, ether_type: u16) -> Result<LanFault<'_>> {
        self.fault(&format!(
            "type filter hook prerouting priority -300; policy accept;\n\
             ether type {ether_type:#06x} drop\n"
        ))
    }

    /// Undoes every fault on the LAN, whoever made it. Switch ports that are down stay so: [`Lab::plug`].
    ///
    /// # Errors
    /// If the lab is gone.
    pub fn heal(&self) -> Result<()> {
        let listed = nft(self.plan(), "list tables bridge\n")?;
        let tables = listed
            .lines()
            .filter_map(|line| line.strip_prefix("table bridge "));
        tables
            .filter(|table| table.starts_with(PREFIX))
            .try_for_each(|table| delete(self.plan(), table.trim()))
    }

    fn fault(&self, chain: &str) -> Result<LanFault<'_>> {
        let number = FAULTS.fetch_add(1, Ordering::Relaxed);
        let table = format!("{PREFIX}{}-{number}", std::process::id());
        nft(
            self.plan(),
            &format!("table bridge {table} {{\nchain rules {{\n{chain}}}\n}}\n"),
        )?;
        Ok(LanFault {
            plan: self.plan(),
            table,
        })
    }
}

fn delete(plan: &Plan, table: &str) -> Result<()> {
    nft(plan, &format!("delete table bridge {table}\n")).map(drop)
}

fn nft(plan: &Plan, script: &str) -> Result<String> {
    let mut nft = Command::new("nft");
    nft.args(["-f", "-"]);
    netns::inside(&plan.switch(), || text_with_input(&mut nft, script, USUAL))?
}

/// The nodes' ports of the switch, as nft lists them.
fn ports(plan: &Plan, nodes: &[u8]) -> Result<String> {
    if nodes.is_empty() {
        return Error::refused("no nodes given");
    }
    if let Some(unknown) = nodes.iter().find(|node| !plan.nodes().any(|i| i == **node)) {
        return Error::refused(format!("there is no node n{unknown}"));
    }
    let quoted = nodes
        .iter()
        .map(|node| format!("\"{}\"", Machine::Node(*node).port()));
    Ok(quoted.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_named_as_nft_lists_them() {
        let plan = Plan::new("dev", 3, 1).unwrap();
        assert_eq!(ports(&plan, &[1, 3]).unwrap(), r#""p-n1", "p-n3""#);
    }

    #[test]
    fn an_unknown_node_has_no_port() {
        let plan = Plan::new("dev", 3, 1).unwrap();
        assert!(ports(&plan, &[4]).is_err());
        assert!(ports(&plan, &[]).is_err());
    }
}
