//! Who comes first by hash, remembered from one election to the next: hashes are what an election spends its time on.
//!
//! The first of a set stays the first of a smaller one that it is in, and of a larger one unless a newcomer beats it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::NodeName;

use super::rank::{Hash, hash_of};

/// Nodes that are equal but for their hash, in order of their names.
pub(super) type Contenders = Arc<[NodeName]>;

/// What elections remember. It saves time and changes no result.
#[derive(Debug, Default)]
pub struct Firsts {
    /// By the lowest address of those that stand together.
    known: HashMap<IpAddr, First>,
    /// Equal sets are one, so that to compare them is cheap.
    sets: BTreeSet<Contenders>,
}

#[derive(Clone, Debug)]
struct First {
    /// The address that is hashed.
    by: IpAddr,
    among: Contenders,
    node: NodeName,
    hash: Hash,
}

/// One election's use of what earlier ones remember; what it does not use is forgotten.
pub(super) struct Recall<'a> {
    firsts: &'a mut Firsts,
    before: HashMap<IpAddr, First>,
    sets_before: BTreeSet<Contenders>,
    /// Those of the second set that are not in the first, by where the sets lie.
    newcomers: BTreeMap<[*const NodeName; 2], Contenders>,
}

impl<'a> Recall<'a> {
    pub(super) fn new(firsts: &'a mut Firsts) -> Self {
        let before = std::mem::take(&mut firsts.known);
        firsts.known.reserve(before.len());
        Self {
            before,
            sets_before: std::mem::take(&mut firsts.sets),
            newcomers: BTreeMap::new(),
            firsts,
        }
    }

    /// The first of these nodes by the hash of `by`, for the contest of which `lowest` is the lowest address.
    pub(super) fn first(&mut self, lowest: IpAddr, by: IpAddr, among: &Contenders) -> Option<NodeName> {
        let among = self.one_of_equals(among);
        let known = self.before.remove(&lowest).filter(|known| known.by == by);
        let first = match known {
            Some(known) if Arc::ptr_eq(&known.among, &among) => known,
            Some(known) if among.binary_search(&known.node).is_ok() => {
                let newcomers = self.newcomers(&known.among, &among);
                let best = best(&newcomers, by).filter(|(hash, _)| *hash < known.hash);
                let (hash, node) = best.unwrap_or((known.hash, known.node));
                First {
                    by,
                    among,
                    node,
                    hash,
                }
            }
            _ => {
                let (hash, node) = best(&among, by)?;
                First {
                    by,
                    among,
                    node,
                    hash,
                }
            }
        };
        let node = first.node.clone();
        self.firsts.known.insert(lowest, first);
        Some(node)
    }

    fn one_of_equals(&mut self, among: &Contenders) -> Contenders {
        if let Some(known) = self.firsts.sets.get(among) {
            return known.clone();
        }
        let one = self.sets_before.take(among).unwrap_or_else(|| among.clone());
        self.firsts.sets.insert(one.clone());
        one
    }

    /// Where a set lies says which it is: all lie in `sets_before` or in what is remembered as long as this lives.
    fn newcomers(&mut self, old: &Contenders, new: &Contenders) -> Contenders {
        let is_new = |node: &&NodeName| old.binary_search(node).is_err();
        let find = || new.iter().filter(is_new).cloned().collect();
        self.newcomers
            .entry([old.as_ptr(), new.as_ptr()])
            .or_insert_with(find)
            .clone()
    }
}

fn best(nodes: &[NodeName], by: IpAddr) -> Option<(Hash, NodeName)> {
    let text = by.to_string();
    let hashed = nodes.iter().map(|node| (hash_of(node, &text), node));
    hashed.min().map(|(hash, node)| (hash, node.clone()))
}
