//! BGP sessions as the speakers tell of them: which are up, why others are not, and what to do about that.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_crds::api::{BGPPeer, BGPSessionState, BGPSessionStateStatus};
use kube::ResourceExt;

/// What the session is at.
pub(crate) fn statuses(sessions: &[BGPSessionState]) -> impl Iterator<Item = &BGPSessionStateStatus> {
    let statuses = sessions.iter().filter_map(|one| one.status.as_ref());
    statuses.filter(|status| status.is_of_a_speaker())
}

/// Sessions that are not up for the same reason.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Down<'a> {
    pub(crate) nodes: BTreeSet<&'a str>,
    /// The name of the `BGPPeer`, and its address.
    pub(crate) peer: (&'a str, &'a str),
    /// Why the last attempt ended; empty before the first has.
    pub(crate) why: &'a str,
}

/// Those of these sessions that are not up.
pub(crate) fn down<'a>(statuses: impl Iterator<Item = &'a BGPSessionStateStatus>) -> Vec<Down<'a>> {
    let mut all: BTreeMap<((&str, &str), &str), BTreeSet<&str>> = BTreeMap::new();
    for status in statuses.filter(|status| !status.is_up()) {
        let peer = (&*status.bgp_peer, &*status.peer);
        all.entry((peer, &status.last_error))
            .or_default()
            .insert(&status.node);
    }
    let down = |((peer, why), nodes)| Down { nodes, peer, why };
    all.into_iter().map(down).collect()
}

impl Down<'_> {
    /// In a sentence.
    pub(crate) fn sentence(&self) -> String {
        let (nodes, address) = (Vec::from_iter(self.nodes.iter().copied()).join(", "), self.peer.1);
        match self.why {
            "" => format!("no session of {nodes} with {address} is up yet"),
            why => format!("no session of {nodes} with {address} is up: {why}"),
        }
    }

    /// What to do, by what was said. `peers` are the objects that could be read.
    pub(crate) fn remedy(&self, peers: &[BGPPeer]) -> String {
        let peer = peers.iter().find(|peer| peer.name_any() == self.peer.0);
        let (why, address) = (self.why, self.peer.1);
        let they_say = why.starts_with("peer says");
        let has = |words: &str| why.contains(words);
        let own = peer.map_or_else(String::new, |peer| {
            let asn = peer.spec.local_asn.unwrap_or(peer.spec.my_asn);
            format!(" AS {asn}")
        });
        let port = peer.and_then(|peer| peer.spec.peer_port).unwrap_or(179);
        if has("(2/2)") {
            return match they_say {
                true => format!("The router expects another AS number of these nodes than{own}: correct spec.myASN of the BGPPeer, or the router's neighbour."),
                false => "The router has another AS number than the BGPPeer says: correct spec.peerASN, or write spec.dynamicASN in its place.".to_owned(),
            };
        }
        let remedies = [
            (
                "no router advertisement",
                "Have the router advertise itself on that interface (docs/bgp.md, Unnumbered), or correct spec.interface.",
            ),
            (
                "has no interface",
                "Correct spec.interface of the BGPPeer, or leave the node out by spec.nodeSelectors.",
            ),
            (
                "several routers",
                "Leave one router on the link, or write the address of the peer into spec.peerAddress in place of spec.interface.",
            ),
            (
                "(2/3)",
                "Two routers have one BGP identifier: remove spec.routerID of the BGPPeer, which all nodes use, or change the router's.",
            ),
            ("(2/6)", "Agree on a hold time: spec.holdTime of the BGPPeer."),
            (
                "(2/7)",
                "Switch the address family on at the router, or set spec.dualStackAddressFamily of the BGPPeer as the router has it.",
            ),
            (
                "(4/0)",
                "What is sent does not arrive: look at the path between them, at its MTU, and at the load of both ends.",
            ),
            (
                "(6/1)",
                "The router takes no more prefixes: raise its limit, or tell it aggregates (spec.aggregationLength).",
            ),
            (
                "(6/2)",
                "Whoever administers the router ended it; the text is theirs.",
            ),
            (
                "(6/3)",
                "Configure these nodes at the router as neighbours (docs/bgp.md, Routers).",
            ),
            (
                "(6/5)",
                "Configure these nodes at the router as neighbours (docs/bgp.md, Routers).",
            ),
            ("(6/7)", "Let the router be passive: the speakers dial."),
            (
                "(6/10)",
                "BFD packets are lost: look at the path, or give the BFDProfile longer times.",
            ),
            (
                "TTL security",
                "Switch TTL security on at both ends or at none; GoBGP and ExaBGP have it over IPv4 only.",
            ),
            (
                "password",
                "Compare the passwords of both ends. A wrong one is silence.",
            ),
            (
                "unreachable",
                "Give the nodes a route to the router, or correct spec.peerAddress.",
            ),
            (
                "No route to host",
                "Nobody on the segment has the router's address: correct spec.peerAddress, or plug the router in.",
            ),
            (
                "assign requested address",
                "Write an address of the nodes into spec.sourceAddress, or none.",
            ),
            (
                "closed the connection",
                "The router does not know these nodes as neighbours, or not from this address (spec.sourceAddress); an external one that is further away needs spec.ebgpMultiHop. Its log says which. FRR 10 that is to watch them by BFD takes no connection before BFD is up: name a BFDProfile in spec.bfdProfile.",
            ),
            (
                "reset by peer",
                "The router does not know these nodes as neighbours, or not from this address (spec.sourceAddress); an external one that is further away needs spec.ebgpMultiHop. Its log says which. FRR 10 that is to watch them by BFD takes no connection before BFD is up: name a BFDProfile in spec.bfdProfile.",
            ),
        ];
        if let Some((_, remedy)) = remedies.iter().find(|(words, _)| has(words)) {
            return (*remedy).to_owned();
        }
        if has("refused") {
            return format!(
                "Nothing listens on port {port} of {address}: start BGP there, or correct spec.peerAddress and spec.peerPort. BIRD refuses whom it does not know as a neighbour."
            );
        }
        if has("no answer") || has("timed out") {
            return format!("Let TCP port {port} of {address} through, or correct spec.peerAddress.");
        }
        "Read the log of the router, and the events of the BGPPeer: kubectl get events -n metallb-system --field-selector involvedObject.kind=BGPPeer.".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_peering::bgp::Down as Ended;
    use ferrolb_peering::bgp::wire::{Notification, cease, open_error};
    use serde_json::json;

    use super::*;

    fn session(node: &str, state: &str, why: &str) -> BGPSessionState {
        let object = json!({"apiVersion": "frrk8s.metallb.io/v1beta1", "kind": "BGPSessionState",
            "metadata": {"name": node}, "spec": {},
            "status": {"node": node, "bgpPeer": "tor", "peer": "192.0.2.1", "bgpStatus": state, "lastError": why}});
        serde_json::from_value(object).unwrap()
    }

    fn remedy(why: &str) -> String {
        let sessions = [session("n1", "Active", why)];
        let peer = json!({"apiVersion": "metallb.io/v1beta2", "kind": "BGPPeer", "metadata": {"name": "tor"},
            "spec": {"myASN": 64512, "peerASN": 64500, "peerAddress": "192.0.2.1", "peerPort": 1179}});
        let peer: BGPPeer = serde_json::from_value(peer).unwrap();
        let down = down(statuses(&sessions));
        down[0].remedy(&[peer])
    }

    #[test]
    fn sessions_that_are_down_for_the_same_reason_are_told_together() {
        let sessions = [
            session("n2", "Active", "Connection refused (os error 111)"),
            session("n1", "Idle", "Connection refused (os error 111)"),
            session("n3", "Established", "earlier trouble"),
            session("n4", "Connect", ""),
        ];
        let found: Vec<String> = down(statuses(&sessions)).iter().map(Down::sentence).collect();
        assert_eq!(
            found,
            [
                "no session of n4 with 192.0.2.1 is up yet",
                "no session of n1, n2 with 192.0.2.1 is up: Connection refused (os error 111)"
            ]
        );
    }

    #[test]
    fn sessions_of_frr_k8s_are_not_ours_to_judge() {
        let mut other = session("n1", "Active", "");
        other.status.as_mut().unwrap().bgp_peer.clear();
        assert_eq!(statuses(&[other]).count(), 0);
    }

    /// Each symptom in the words in which sessions end, and what its remedy names.
    #[test]
    fn each_symptom_has_a_remedy_of_its_own() {
        let they = |reason: (u8, u8)| Ended::Received(Notification::new(reason)).to_string();
        let we = |reason: (u8, u8)| Ended::Told(Notification::new(reason)).to_string();
        let cases = [
            (they(open_error::BAD_PEER_AS), "than AS 64512"),
            (we(open_error::BAD_PEER_AS), "spec.peerASN"),
            (they(open_error::BAD_IDENTIFIER), "spec.routerID"),
            (we(open_error::HOLD_TIME), "spec.holdTime"),
            (they(open_error::CAPABILITY), "address family"),
            (they(cease::MAXIMUM_PREFIXES), "raise its limit"),
            (they(cease::SHUTDOWN), "the text is theirs"),
            (they(cease::DECONFIGURED), "as neighbours"),
            (they((6, 5)), "as neighbours"),
            (they((6, 7)), "passive"),
            (we(cease::BFD_DOWN), "BFDProfile"),
            (Ended::NoAnswerWithPassword.to_string(), "passwords"),
            (Ended::NoAnswer.to_string(), "TCP port 1179"),
            (
                Ended::NoAnswerWithTtlSecurity.to_string(),
                "at both ends or at none",
            ),
            (
                "Connection refused (os error 111)".to_owned(),
                "listens on port 1179",
            ),
            ("Network is unreachable (os error 101)".to_owned(), "a route"),
            ("the peer closed the connection".to_owned(), "spec.ebgpMultiHop"),
            (
                "no router advertisement has come on eth1".to_owned(),
                "advertise itself",
            ),
            ("the node has no interface eth1".to_owned(), "spec.nodeSelectors"),
            (
                "several routers advertise themselves on eth1, and any may be the peer: fe80::1, fe80::2"
                    .to_owned(),
                "spec.peerAddress",
            ),
        ];
        for (why, named) in cases {
            let remedy = remedy(&why);
            assert!(remedy.contains(named), "{why}: {remedy}");
        }
    }
}
