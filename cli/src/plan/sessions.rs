//! What a change of BGP peers does to the sessions of the nodes.

use std::collections::BTreeMap;
use std::fmt;

use ferrolb_crds::domain::{BgpPeer, NodeName, Password, PeerName, Secrecy};
use ferrolb_speaker::peers::{Passwords, PeerSpec, Turn, spec, turn};
use itertools::Itertools;
use serde::Serialize;

use crate::objects::Objects;

/// What becomes of the sessions of these nodes with a peer.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(super) struct SessionChange {
    pub(super) peer: PeerName,
    pub(super) nodes: Vec<NodeName>,
    #[serde(flatten)]
    pub(super) becomes: Becomes,
}

/// What becomes of a session.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(tag = "session")]
pub(super) enum Becomes {
    Begins,
    Ends,
    /// It is reset, because of these.
    BeginsAnew {
        because: Vec<String>,
    },
    /// It goes on; new timers count from the next one on.
    Later,
}

/// What is different in `after`.
pub(super) fn session_changes(before: &Objects, after: &Objects) -> Vec<SessionChange> {
    let (before, after) = (Sessions::of(before), Sessions::of(after));
    let both = before.0.keys().chain(after.0.keys()).unique();
    let mut nodes: BTreeMap<(&PeerName, Becomes), Vec<NodeName>> = BTreeMap::new();
    for key in both {
        let becomes = match (before.0.get(key), after.0.get(key)) {
            (None, _) => Becomes::Begins,
            (_, None) => Becomes::Ends,
            (Some(was), Some(is)) => match turn(was, is) {
                Turn::GoesOn => continue,
                Turn::Later => Becomes::Later,
                Turn::BeginsAnew(because) => Becomes::BeginsAnew { because },
            },
        };
        nodes.entry((&key.0, becomes)).or_default().push(key.1.clone());
    }
    let change = |((peer, becomes), nodes): ((&PeerName, Becomes), _)| SessionChange {
        peer: peer.clone(),
        nodes,
        becomes,
    };
    nodes.into_iter().map(change).collect()
}

/// What each session is to be.
struct Sessions(BTreeMap<(PeerName, NodeName), PeerSpec>);

impl Sessions {
    /// Of peers that are wrong there are none; what is wrong with them is said elsewhere.
    fn of(objects: &Objects) -> Self {
        let nodes = objects.nodes();
        let peers = objects
            .bgp
            .peers
            .iter()
            .filter_map(|peer| BgpPeer::parse(peer).ok());
        let of_peer = |peer: BgpPeer| {
            let passwords = passwords(&peer);
            let selected = nodes.iter().filter(|(_, node)| peer.selects_node(&node.labels));
            let session = |(name, node)| {
                let spec = spec(&peer, name, node, &passwords).ok()?;
                Some(((peer.name.clone(), NodeName::clone(name)), spec))
            };
            selected.filter_map(session).collect::<Vec<_>>()
        };
        Self(peers.flat_map(of_peer).collect())
    }
}

/// What stands in a Secret is nobody's business here: another Secret counts as another password.
fn passwords(peer: &BgpPeer) -> Passwords {
    match &peer.password {
        Password::Secret(name) => [(name.clone(), Ok(Secrecy(name.clone())))].into(),
        Password::None | Password::Plain(_) => Passwords::new(),
    }
}

impl fmt::Display for SessionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peer, nodes, becomes } = self;
        let nodes = nodes.iter().join(", ");
        write!(f, "BGPPeer {peer}: ")?;
        match becomes {
            Becomes::Begins => write!(f, "a session of {nodes} begins"),
            Becomes::Ends => write!(f, "the session of {nodes} ends"),
            Becomes::BeginsAnew { because } => {
                write!(f, "the session of {nodes} begins anew: {}", because.join(", "))
            }
            Becomes::Later => write!(
                f,
                "the session of {nodes} goes on, and has the new times from the next one on"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::explain::tests::fixture::{merge, node, object};

    /// The nodes n1 and n2, and peer tor with this besides.
    fn cluster(more: Value) -> Objects {
        let mut peer = json!({"apiVersion": "metallb.io/v1beta2", "kind": "BGPPeer", "metadata": {"name": "tor"},
            "spec": {"myASN": 64512, "peerASN": 64500, "peerAddress": "192.0.2.1"}});
        merge(&mut peer, more);
        let mut objects = Objects {
            nodes: vec![object(node("n1", "192.0.2.11")), object(node("n2", "192.0.2.12"))],
            ..Objects::default()
        };
        objects.bgp.peers.push(object(peer));
        objects
    }

    fn changes(more: Value) -> Vec<String> {
        let changes = session_changes(&cluster(json!({})), &cluster(more));
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_in_the_open_or_on_the_socket_begins_sessions_anew_and_is_named() {
        let change = json!({"spec": {"peerASN": 64501, "passwordSecret": {"name": "tor"}}});
        assert_eq!(
            changes(change),
            ["BGPPeer tor: the session of n1, n2 begins anew: peer's AS, password"]
        );
    }

    #[test]
    fn a_session_goes_on_whatever_else_changes() {
        assert_eq!(
            changes(json!({"spec": {"bfdProfile": "fast"}})),
            Vec::<String>::new()
        );
        assert_eq!(
            changes(json!({"spec": {"holdTime": "9s"}})),
            ["BGPPeer tor: the session of n1, n2 goes on, and has the new times from the next one on"]
        );
    }

    #[test]
    fn sessions_begin_and_end_with_the_peers_of_a_node() {
        let of_one = json!({"spec": {"nodeSelectors": [{"matchLabels": {"kubernetes.io/hostname": "n1"}}]}});
        assert_eq!(changes(of_one), ["BGPPeer tor: the session of n1, n2 ends"]);
        assert_eq!(
            changes(json!({"metadata": {"name": "tor-b"}})),
            [
                "BGPPeer tor: the session of n1, n2 ends",
                "BGPPeer tor-b: a session of n1, n2 begins"
            ]
        );
    }
}
