//! Deleting all objects of a node with one request: a node that died may have announced thousands of Services, and each
//! of its objects is to go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_crds::domain::{NodeName, ServiceKey};

use super::{Change, Seen};

/// The same changes with fewer requests: one for each node of which every object is to go, and several of them by us.
/// `succeeded` says whether others are known to announce all that a node said to announce of a Service.
pub(super) fn together(
    mut changes: BTreeMap<String, Change>,
    seen: &[Arc<Seen>],
    succeeded: impl Fn(&ServiceKey, &NodeName) -> bool,
) -> BTreeMap<String, Change> {
    let is_deletion = |change: &Change| matches!(change, Change::Delete { .. });
    if changes.values().filter(|change| is_deletion(change)).count() < 2 {
        return changes;
    }
    let deleted = |one: &Seen| changes.get(&*one.name).is_some_and(is_deletion);
    let over = |one: &Seen, node: &NodeName| {
        let service = one.service.as_ref();
        deleted(one) || service.is_some_and(|service| succeeded(service, node))
    };
    let retired: Vec<(NodeName, Vec<&Seen>)> = by_label(seen)
        .into_iter()
        .filter(|(_, objects)| objects.iter().filter(|one| deleted(one)).count() > 1)
        .filter(|(node, objects)| {
            objects
                .iter()
                .all(|one| one.rest.node.as_ref() == Some(node) && over(one, node))
        })
        .collect();
    for (node, objects) in retired {
        let of = objects
            .iter()
            .filter_map(|one| match changes.remove(&*one.name)? {
                Change::Delete { of, .. } => of.map(|(service, _)| service),
                Change::Apply(_) | Change::Retire { .. } => None,
            });
        let of = of.collect();
        // No object has such a name.
        changes.insert(format!("all of {node}"), Change::Retire { node, of });
    }
    changes
}

/// The objects that a request for all of a node is about.
fn by_label(seen: &[Arc<Seen>]) -> BTreeMap<NodeName, Vec<&Seen>> {
    let mut nodes: BTreeMap<NodeName, Vec<&Seen>> = BTreeMap::new();
    for one in seen {
        if let Some(node) = &one.rest.labelled {
            nodes.entry(node.clone()).or_default().push(one);
        }
    }
    nodes
}

/// What a change takes from another node.
pub(super) fn evictions(change: &Change) -> BTreeSet<(ServiceKey, NodeName)> {
    match change {
        Change::Delete { of, .. } => of.iter().cloned().collect(),
        Change::Retire { node, of } => of.iter().map(|service| (service.clone(), node.clone())).collect(),
        Change::Apply(_) => BTreeSet::new(),
    }
}
