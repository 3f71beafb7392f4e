//! Which BGP sessions of a node are up, as its speaker tells the others.

use std::collections::BTreeSet;

use itertools::Itertools;
use kube::ResourceExt;

use super::{NodeName, PeerName};
use crate::api::ConfigurationState;
use crate::names::{SESSIONS, STATE_NODE};

/// The peers with which a node has sessions that are up.
pub type Sessions = BTreeSet<PeerName>;

/// The sessions as a speaker tells them: names with blanks between, which no name has.
pub(super) fn to_annotation(sessions: &Sessions) -> String {
    sessions.iter().join(" ")
}

/// What a speaker tells by its state: the node and its sessions. None if it tells nothing of sessions.
pub fn sessions_of_state(state: &ConfigurationState) -> Option<(NodeName, Sessions)> {
    let node = state.labels().get(STATE_NODE)?.as_str().into();
    let text = state.annotations().get(SESSIONS)?;
    Some((node, text.split_whitespace().map(PeerName::from).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_speaker_tells_is_read_as_it_was_meant() {
        for names in [&["tor-a", "tor-b"][..], &[]] {
            let sessions: Sessions = names.iter().map(|name| PeerName::from(*name)).collect();
            let state = json!({"metadata": {"name": "speaker-n1", "labels": {"metallb.io/node-name": "n1"},
                "annotations": {"ferrolb.io/sessions": to_annotation(&sessions)}}});
            let state = serde_json::from_value(state).unwrap();
            assert_eq!(sessions_of_state(&state), Some(("n1".into(), sessions)));
        }
    }
}
