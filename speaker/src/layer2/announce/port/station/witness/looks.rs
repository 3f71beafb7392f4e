//! What was found of each address last, by this node or by another, and what of it is still to be said.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_segment::Moment;
use ferrolb_segment::message::{Finding, MOST_FINDINGS, NodeId, Wire};

/// While something is wrong it is said again this often, in case the holder did not get it (W5).
const AGAIN: Duration = Duration::from_secs(10);
/// What another found and did not say again for so long counts no more: it may be gone, and its successor finds
/// nothing wrong.
const EXPIRY: Duration = Duration::from_secs(120);

/// What was found last of each address.
#[derive(Debug)]
pub(super) struct Looks {
    me: NodeId,
    known: BTreeMap<IpAddr, Known>,
    /// What others do not know yet of what this node found.
    untold: BTreeSet<IpAddr>,
    /// Holders of which something was wrong: whether one of their addresses was found well since.
    doubted: BTreeMap<NodeId, bool>,
    /// The address that was asked for again last.
    last: Option<IpAddr>,
    /// Something is known that was not.
    pub(super) news: News,
}

/// How urgent it is that others of this process learn what is known.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum News {
    #[default]
    None,
    /// More addresses are well.
    Quiet,
    /// Something went wrong, or is well again.
    Urgent,
}

/// What is known of one address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Known {
    pub(super) wire: Wire,
    pub(super) holder: NodeId,
    pub(super) witness: NodeId,
    pub(super) since: Moment,
    /// When it was said or heard last.
    said: Moment,
    /// The witness is another now: it may not know of what is wrong, and is to say when the address is well.
    is_left: bool,
}

impl Known {
    /// Another station has the address, which no node holds: the protocol tells, and not the witness (N5).
    fn is_conflict(&self) -> bool {
        self.holder == self.witness
    }
}

impl Looks {
    pub(super) fn new(me: NodeId) -> Self {
        Self {
            me,
            known: BTreeMap::new(),
            untold: BTreeSet::new(),
            doubted: BTreeMap::new(),
            last: None,
            news: News::None,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (IpAddr, &Known)> {
        self.known.iter().map(|(address, known)| (*address, known))
    }

    /// This node found it. Whether other addresses of the holder are to be looked at sooner.
    pub(super) fn found(&mut self, finding: Finding, now: Moment) -> bool {
        let before = self.known.get(&finding.address).copied();
        let was_well = before.is_none_or(|before| before.wire == Wire::Ok);
        if let Some(known) = self.known.get_mut(&finding.address) {
            known.is_left = false;
        }
        let said = before.filter(|before| before.wire == finding.wire && before.witness == self.me);
        if said.is_none_or(|before| before.holder != finding.holder) {
            self.note(self.me, &finding, now);
            if !was_well || finding.wire != Wire::Ok {
                self.untold.insert(finding.address);
            }
        }
        self.doubt(&finding, was_well)
    }

    /// Another node found it, or this one before the first use of the address. Whether other addresses of the holder are to be looked at sooner.
    pub(super) fn heard(&mut self, from: NodeId, finding: &Finding, now: Moment) -> bool {
        let before = self.known.get(&finding.address).copied();
        let was_well = before.is_none_or(|before| before.wire == Wire::Ok);
        if finding.holder == from {
            self.note(from, finding, now);
            return false;
        }
        if finding.wire != Wire::Ok {
            self.note(from, finding, now);
        } else if !was_well {
            self.forget(finding.address);
        }
        self.doubt(finding, was_well)
    }

    fn note(&mut self, witness: NodeId, finding: &Finding, now: Moment) {
        let Finding {
            address,
            holder,
            wire,
        } = *finding;
        let is_same =
            |known: &&Known| known.wire == wire && known.holder == holder && known.witness == witness;
        let before = self.known.get(&address);
        let since = before.filter(is_same).map_or(now, |known| known.since);
        let is_well = wire == Wire::Ok && before.is_none_or(|before| before.wire == Wire::Ok);
        if before.is_none_or(|before| !is_same(&before)) {
            self.news = self.news.max(if is_well { News::Quiet } else { News::Urgent });
        }
        let known = Known {
            wire,
            holder,
            witness,
            since,
            said: now,
            is_left: false,
        };
        self.known.insert(address, known);
    }

    /// Once when something is wrong with a holder that was well, and once when something is well again: the rest may be so
    /// too.
    fn doubt(&mut self, finding: &Finding, was_well: bool) -> bool {
        match (finding.wire == Wire::Ok, self.doubted.get_mut(&finding.holder)) {
            (false, None) => {
                self.doubted.insert(finding.holder, false);
                true
            }
            (true, Some(recovers)) if !was_well => !std::mem::replace(recovers, true),
            _ => false,
        }
    }

    /// Nothing is known of it any more: it moved, or nobody holds it.
    pub(super) fn forget(&mut self, address: IpAddr) {
        self.untold.remove(&address);
        if let Some(known) = self.known.remove(&address) {
            let is_well = known.wire == Wire::Ok;
            self.news = self.news.max(if is_well { News::Quiet } else { News::Urgent });
        }
    }

    /// This node is not its witness. What was wrong is forgotten when it was said once more (W5).
    pub(super) fn left_to_others(&mut self, address: IpAddr) {
        let own = self.known.get_mut(&address);
        let own = own.filter(|known| known.witness == self.me && !known.is_conflict());
        match own {
            None => {}
            Some(known) if known.wire == Wire::Ok => self.forget(address),
            Some(known) => known.is_left = true,
        }
    }

    fn wrong(&self) -> impl Iterator<Item = (IpAddr, &Known)> {
        let own = self
            .iter()
            .filter(|(_, known)| known.witness == self.me && !known.is_conflict());
        own.filter(|(_, known)| known.wire != Wire::Ok && !known.is_left)
    }

    /// Addresses of which this node found something wrong, to be asked for again: at most `most`, others each time.
    pub(super) fn again(&mut self, most: usize) -> Vec<IpAddr> {
        let wrong: Vec<IpAddr> = self.wrong().map(|(address, _)| address).collect();
        let start = wrong.partition_point(|address| Some(*address) <= self.last);
        let turned = wrong[start..].iter().chain(&wrong[..start]).copied();
        let again: Vec<IpAddr> = turned.take(most).collect();
        self.last = again.last().copied();
        again
    }

    /// What is to be said now: at most one message, empty if there is nothing (W5).
    pub(super) fn take_due(&mut self, now: Moment) -> Vec<Finding> {
        let late = self.wrong().filter(|(_, known)| now.since(known.said) >= AGAIN);
        let late: Vec<IpAddr> = late.map(|(address, _)| address).take(MOST_FINDINGS).collect();
        let left = self.iter().filter(|(_, known)| known.is_left);
        let left = left.map(|(address, _)| address);
        let due = self.untold.iter().copied().chain(left).chain(late);
        let due = due.take(MOST_FINDINGS);
        let due: BTreeSet<IpAddr> = due.collect();
        let mut findings = Vec::new();
        for address in due {
            self.untold.remove(&address);
            let Some(known) = self.known.get_mut(&address) else {
                continue;
            };
            known.said = now;
            findings.push(Finding {
                address,
                holder: known.holder,
                wire: known.wire,
            });
            if known.is_left {
                self.forget(address);
            }
        }
        findings
    }

    /// Forgets what others found and say no more, and which holders were in doubt.
    pub(super) fn expire(&mut self, now: Moment) {
        let is_repeated = |known: &Known| known.witness != self.me || known.is_conflict();
        let old = |known: &Known| is_repeated(known) && now.since(known.said) >= EXPIRY;
        let old: Vec<IpAddr> = self
            .iter()
            .filter(|(_, known)| old(known))
            .map(|(one, _)| one)
            .collect();
        old.into_iter().for_each(|address| self.forget(address));
        let wrong = self.known.values();
        let wrong = wrong.filter(|known| known.wire != Wire::Ok && !known.is_conflict());
        let wrong: BTreeSet<NodeId> = wrong.map(|known| known.holder).collect();
        self.doubted.retain(|holder, _| wrong.contains(holder));
    }
}

#[cfg(test)]
mod tests;
