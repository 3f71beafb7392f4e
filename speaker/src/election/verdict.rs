//! The result of an election, and what it means for one node.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{Advert, InterfaceName, NodeName, ServiceKey, ServiceView};
use thiserror::Error;

use super::choose::Contest;
use super::{Field, Ranked, Why};

/// The result for every address of our Services.
#[derive(Clone, Debug, Default)]
pub struct Elections {
    /// By address.
    pub by_address: BTreeMap<IpAddr, Election>,
    /// What the operator should know about all of them.
    pub notes: BTreeSet<Note>,
}

/// The result for one address; the same for every node.
#[derive(Clone, Debug)]
pub struct Election {
    /// The Services that have the address.
    pub services: BTreeSet<ServiceKey>,
    /// Those of them that it would not be announced for if they were alone, and why.
    pub refused: BTreeMap<ServiceKey, Why>,
    /// Who announces, or why nobody.
    pub outcome: Result<Winner, Why>,
    pub(super) contest: Option<Arc<Contest>>,
}

/// The node that announces an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Winner {
    /// Its name.
    pub node: NodeName,
    /// Where it may announce.
    pub interfaces: Interfaces,
}

/// The interfaces that advertisements allow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Interfaces {
    /// At least one advertisement names none: any that suits the address.
    Any,
    /// These, and no others.
    Only(BTreeSet<InterfaceName>),
}

/// What an election means for one node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It announces, on these interfaces.
    Announce {
        /// Where it may announce.
        interfaces: Interfaces,
    },
    /// Another node announces.
    Standby {
        /// The node that does.
        holder: NodeName,
    },
    /// Nobody announces.
    Silent(Why),
}

/// Something about all elections that the operator should know.
#[derive(Clone, Copy, Debug, Eq, Error, Ord, PartialEq, PartialOrd)]
pub enum Note {
    /// Taken at its word, nobody would announce anything.
    #[error(
        "every node carries the label node.kubernetes.io/exclude-from-external-load-balancers, so it is ignored"
    )]
    EveryNodeExcluded,
}

impl Elections {
    /// What the election of this address means for this node; nothing if no Service of ours has the address.
    pub fn verdict(&self, address: IpAddr, node: &NodeName) -> Option<Verdict> {
        self.by_address
            .get(&address)
            .map(|election| election.verdict(node))
    }
}

impl Elections {
    /// Puts those in who hold the addresses: who was elected says only who would get them if nobody had them. While
    /// nobody holds an address that somebody may have, nothing is known of it.
    pub fn seat(&mut self, holders: &BTreeMap<IpAddr, NodeName>) {
        for (address, election) in &mut self.by_address {
            if let Ok(winner) = &mut election.outcome {
                match holders.get(address) {
                    Some(holder) => winner.node = holder.clone(),
                    None => election.outcome = Err(Why::LivenessUnknown),
                }
            }
        }
    }

    /// Whether this node announces any address of this Service.
    pub fn announces(&self, service: &ServiceView, node: &NodeName) -> bool {
        let elections = service
            .ingress
            .iter()
            .filter_map(|address| self.by_address.get(&address));
        let mut winners = elections.filter_map(|election| election.of_service(&service.key).ok());
        winners.any(|winner| winner.node == *node)
    }

    /// Whether each address of this Service is announced, and none by this node.
    pub fn have_moved_from(&self, service: &ServiceView, node: &NodeName) -> bool {
        service.ingress.iter().all(|address| {
            let election = self.by_address.get(&address);
            election.is_some_and(|election| matches!(&election.outcome, Ok(winner) if winner.node != *node))
        })
    }
}

impl Election {
    /// What it means for this node.
    pub fn verdict(&self, node: &NodeName) -> Verdict {
        match &self.outcome {
            Ok(winner) if winner.node == *node => Verdict::Announce {
                interfaces: winner.interfaces.clone(),
            },
            Ok(winner) => Verdict::Standby {
                holder: winner.node.clone(),
            },
            Err(why) => Verdict::Silent(why.clone()),
        }
    }

    /// Who announces the address for this one of its Services, or why nobody.
    ///
    /// # Errors
    /// The reason of this Service, even where the address is announced for another one.
    pub fn of_service(&self, service: &ServiceKey) -> Result<&Winner, &Why> {
        match self.refused.get(service) {
            Some(why) => Err(why),
            None => self.outcome.as_ref(),
        }
    }

    /// Those that stand together and the one by which they are ordered; none if the address did not get as far as that.
    pub fn group(&self) -> Option<(IpAddr, &BTreeSet<IpAddr>)> {
        self.contest
            .as_deref()
            .map(|contest| (contest.first, &contest.addresses))
    }

    /// Every node, judged; none if the address did not get as far as that.
    pub fn field(&self) -> Option<&Arc<Field>> {
        self.contest.as_deref().map(Contest::field)
    }

    /// The eligible nodes with their scores, best first. (With a load bound or a holder the first is not always the
    /// winner.)
    pub fn ranking(&self) -> Vec<Ranked> {
        self.contest.as_deref().map(Contest::ranking).unwrap_or_default()
    }
}

impl Interfaces {
    pub(super) fn of(advert: &Advert) -> Self {
        if advert.interfaces.is_empty() {
            Self::Any
        } else {
            Self::Only(advert.interfaces.clone())
        }
    }

    pub(super) fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only(mut one), Self::Only(other)) => {
                one.extend(other);
                Self::Only(one)
            }
            _ => Self::Any,
        }
    }

    /// Whether this interface is allowed.
    pub fn include(&self, interface: &InterfaceName) -> bool {
        match self {
            Self::Any => true,
            Self::Only(names) => names.contains(interface),
        }
    }
}
