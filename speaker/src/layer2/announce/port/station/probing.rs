//! Addresses that this node asks for before anybody uses them, and the stations that have them already (N2, N3).

use std::net::IpAddr;

use ferrolb_rawlink::SocketError;
use ferrolb_segment::Moment;

use super::super::{PortTask, neighbours};
use super::Station;

impl Station {
    /// Asks which station has these, once the answers pass the filter. A question that is not sent is one that is lost.
    pub(super) fn probe(&mut self, port: &mut PortTask, addresses: &[IpAddr]) -> Result<(), SocketError> {
        self.follow_probes(port)?;
        for address in addresses {
            let _unsent = port.send(&neighbours::probe(port.port.mac, *address));
        }
        Ok(())
    }

    /// What is read beside what else is of interest.
    pub(super) fn follow_probes(&self, port: &mut PortTask) -> Result<(), SocketError> {
        if self.core.asked_for().eq(port.sought.iter().copied()) {
            return Ok(());
        }
        port.sought = self.core.asked_for().collect();
        port.renew_filter()
    }

    /// Whether the frame says that a station which is no node's has an address that is asked for. One of a node has it from
    /// a claim that is still to come, or answers for all that kube-proxy knows.
    pub(super) fn hear_claimant(&mut self, port: &PortTask, frame: &[u8], now: Moment) -> bool {
        let claimant = neighbours::claimant(frame, port.port.mac);
        let Some(claimant) = claimant.filter(|one| port.sought.contains(&one.address)) else {
            return false;
        };
        let of_a_node = |station| port.port.siblings.contains(&station) || self.witness.is_of_a_node(station);
        if of_a_node(claimant.station) || of_a_node(claimant.source) {
            return false;
        }
        self.core.is_in_use(claimant.address, claimant.station, now);
        true
    }
}
