//! BGP sessions that are not up, on nodes that could have them, and peers that no node has a session with.

use std::collections::BTreeSet;
use std::time::Duration;

use ferrolb_crds::api::{BGPPeer, BGPSessionStateStatus};
use ferrolb_crds::domain::{BgpPeer, NodeName, Reason};
use k8s_openapi::jiff::SignedDuration;
use kube::ResourceExt;

use crate::conditions::NO_SESSION;
use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;
use crate::explain::cause::{Cause, Effect};
use crate::problem::ObjectId;
use crate::sessions::{Down, down, statuses};
use crate::speakers::Speaker;

/// A session may take so long to come up.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn not_up(seen: &Seen<'_>) -> Vec<Finding> {
    let objects = &seen.evidence.objects;
    let up: BTreeSet<&str> = statuses(&objects.sessions)
        .filter(|one| one.is_up())
        .map(|one| &*one.bgp_peer)
        .collect();
    let lasting = statuses(&objects.sessions).filter(|one| is_of_a_speaker(seen, one) && lasts(seen, one));
    let finding = |down: Down<'_>| {
        let object = ObjectId::new("BGPPeer", seen.installation, down.peer.0);
        let finding = match up.contains(down.peer.0) {
            true => Finding::warning(object, down.sentence()),
            false => Finding::error(object, down.sentence()),
        };
        finding
            .because(NO_SESSION)
            .remedy(down.remedy(&objects.bgp.peers))
    };
    down(lasting).into_iter().map(finding).collect()
}

/// A node without a ready speaker is found by another check; what it said last is no news.
fn is_of_a_speaker(seen: &Seen<'_>, status: &BGPSessionStateStatus) -> bool {
    let speaker = seen.cases.speakers.get(&NodeName::from(status.node.as_str()));
    speaker.is_some_and(Speaker::is_ready)
}

fn lasts(seen: &Seen<'_>, status: &BGPSessionStateStatus) -> bool {
    let patience = SignedDuration::try_from(PATIENCE).unwrap_or_default();
    // A session that there cannot be, for want of a password, is an object that is skipped.
    status
        .since
        .as_ref()
        .is_some_and(|since| seen.evidence.now.duration_since(since.0) > patience)
}

pub(super) fn nobodys(seen: &Seen<'_>) -> Vec<Finding> {
    let nodes = seen.evidence.objects.nodes();
    let selects_none = |peer: &&BGPPeer| {
        BgpPeer::parse(peer).is_ok_and(|peer| !nodes.values().any(|node| peer.selects_node(&node.labels)))
    };
    let cause = Cause::reason(Effect::NotAnnounced, &Reason::NoPeerHere);
    let finding = |peer: &BGPPeer| {
        let object = ObjectId::new("BGPPeer", seen.installation, peer.name_any());
        Finding::warning(object, "no node has a session with it")
            .because(&cause.reason)
            .at("spec.nodeSelectors", "")
            .remedy(cause.advice.join(" "))
    };
    seen.evidence
        .objects
        .bgp
        .peers
        .iter()
        .filter(selects_none)
        .map(finding)
        .collect()
}
