//! What BGP does for an address: who tells it over a session that is up.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{NodeName, PeerName, Reason, Sessions};

use crate::routes::{Routes, Tellers};

/// What BGP does for an address that an advertisement asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Bgp {
    /// These nodes tell these peers, whose sessions are up.
    Told(Arc<Tellers>),
    /// Nobody tells it.
    Nobody(Box<Reason>),
}

/// The sessions that are up, by node.
pub(crate) type SessionsByNode = BTreeMap<NodeName, Sessions>;

/// What there is to be judged by.
pub(super) struct JudgingBgp<'a> {
    routes: &'a Routes,
    sessions: &'a SessionsByNode,
    /// The tellers of many addresses are the same.
    known: BTreeMap<*const Tellers, Bgp>,
}

impl<'a> JudgingBgp<'a> {
    pub(super) fn new(routes: &'a Routes, sessions: &'a SessionsByNode) -> Self {
        Self {
            routes,
            sessions,
            known: BTreeMap::new(),
        }
    }

    /// None if no advertisement of BGP asks for the address.
    pub(super) fn of(&mut self, address: IpAddr) -> Option<Bgp> {
        Some(match self.routes.fates.get(&address)? {
            Err(why) => Bgp::Nobody(Box::new(why.clone())),
            Ok(tellers) => {
                let sessions = self.sessions;
                let known = self.known.entry(Arc::as_ptr(tellers));
                known.or_insert_with(|| told(tellers, sessions)).clone()
            }
        })
    }
}

fn told(tellers: &Tellers, sessions: &SessionsByNode) -> Bgp {
    let up = |(node, peers): (&NodeName, &BTreeSet<PeerName>)| {
        let up: BTreeSet<PeerName> = sessions.get(node)?.intersection(peers).cloned().collect();
        (!up.is_empty()).then(|| (node.clone(), up))
    };
    let told: Tellers = tellers.iter().filter_map(up).collect();
    match told.is_empty() {
        true => Bgp::Nobody(Box::new(Reason::NoSession(
            tellers.values().flatten().cloned().collect(),
        ))),
        false => Bgp::Told(Arc::new(told)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<PeerName> {
        names.iter().map(|name| PeerName::from(*name)).collect()
    }

    #[test]
    fn a_node_tells_a_peer_if_the_session_is_up() {
        let tellers = Tellers::from([("n1".into(), set(&["a", "b"])), ("n2".into(), set(&["a"]))]);
        let sessions = |pairs: &[(&str, &[&str])]| -> SessionsByNode {
            pairs
                .iter()
                .map(|(node, peers)| (NodeName::from(*node), set(peers)))
                .collect()
        };
        let expected = Tellers::from([("n1".into(), set(&["b"]))]);
        assert_eq!(
            told(&tellers, &sessions(&[("n1", &["b", "c"]), ("n2", &["b"])])),
            Bgp::Told(Arc::new(expected))
        );
        assert_eq!(
            told(&tellers, &sessions(&[])),
            Bgp::Nobody(Box::new(Reason::NoSession(set(&["a", "b"]))))
        );
    }
}
