//! Whether the wire agrees with what is announced.

use std::net::IpAddr;

use ferrolb_crds::domain::{Disputed, InterfaceName, NodeLinks, NodeName, Reason, Taken, Unanswered};
use ferrolb_segment::message::{NodeId, Wire};

use super::Judging;
use crate::layer2::announce::Look;
use crate::layer2::wire::Mac;

/// What was found of an address on the wire.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Wired {
    /// The state, as the value of a metric label.
    pub(crate) state: &'static str,
    /// This node asked.
    pub(crate) is_ours: bool,
    /// What is wrong.
    pub(crate) trouble: Option<Reason>,
}

impl Judging<'_> {
    /// That another station has the address, which no node announced yet.
    pub(super) fn taken(&self, address: IpAddr) -> Option<Wired> {
        let mut looks = self.evidence.reports.iter().filter_map(|(interface, report)| {
            let look = report.wire.get(&address)?;
            let is_conflict = look.holder == look.witness && report.holders.of(address).is_none();
            is_conflict.then_some((interface, look))
        });
        looks.find_map(|(interface, look)| {
            let finder = self.name(look.witness)?;
            let taken = Taken {
                finder: finder.clone(),
                interface: interface.clone(),
                mac: look.wire.station()?,
            };
            Some(Wired {
                state: look.wire.label(),
                is_ours: finder == self.evidence.node,
                trouble: Some(Reason::WireTaken(Box::new(taken))),
            })
        })
    }

    /// What is wrong on one interface counts more than that all is well on another.
    pub(super) fn wire(&self, address: IpAddr) -> Option<Wired> {
        let of_reports = self.evidence.reports.iter();
        let looks = of_reports.filter_map(|(interface, report)| {
            let look = report.wire.get(&address)?;
            // What was found of an earlier holder says nothing.
            let still_holds = report.holders.of(address) == Some(look.holder);
            still_holds.then_some((interface, look))
        });
        let wired = looks.filter_map(|(interface, look)| {
            Some(Wired {
                state: look.wire.label(),
                is_ours: self.name(look.witness)? == self.evidence.node,
                trouble: self.trouble(interface, look)?,
            })
        });
        wired.max_by_key(|one| one.trouble.is_some())
    }

    fn name(&self, node: NodeId) -> Option<&NodeName> {
        self.names.get(&node).copied()
    }

    /// The node whose speaker tells that it has this MAC address. The witness knows those alone whose frames it hears: not one
    /// with another key.
    fn owner_of(&self, mac: Mac) -> Option<&NodeName> {
        let has_it = |links: &NodeLinks| links.iter().any(|(_, link)| link.mac == Some(mac));
        let mut links = self.evidence.view.links.iter();
        links.find(|(_, links)| has_it(links)).map(|(node, _)| node)
    }

    /// The outer one is none where a node has no name any more.
    fn trouble(&self, interface: &InterfaceName, look: &Look) -> Option<Option<Reason>> {
        let (witness, holder) = (self.name(look.witness)?.clone(), self.name(look.holder)?.clone());
        let interface = interface.clone();
        let disputed = |mac: Mac, owner: Option<NodeId>, beside| {
            Reason::WireDisputed(Box::new(Disputed {
                witness: witness.clone(),
                interface: interface.clone(),
                holder: holder.clone(),
                mac,
                owner: owner
                    .and_then(|owner| self.name(owner))
                    .or_else(|| self.owner_of(mac))
                    .cloned(),
                beside,
            }))
        };
        Some(match look.wire {
            Wire::Ok => None,
            Wire::Unanswered(mac) => Some(Reason::WireSilent(Box::new(Unanswered {
                mac,
                witness,
                interface,
                holder,
            }))),
            Wire::WrongMac(mac, owner) => Some(disputed(mac, Some(owner), false)),
            Wire::Several(mac, owner) => Some(disputed(mac, owner, true)),
            Wire::Foreign(mac) => Some(disputed(mac, None, false)),
        })
    }
}
