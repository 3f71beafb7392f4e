//! What the witness of an address tells: that the wire does not agree, and once that it agrees again.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_crds::domain::{Reason, ServiceKey};
use ferrolb_runtime::events::Notice;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::EventType;

use super::warning;
use crate::history::{Cause, Happened, History, What};
use crate::verdict::Verdicts;

/// The reason of the event about an address that is answered again as it should be.
const ANSWERED: &str = "WireAnswered";

/// Addresses of which this node, their witness, told that something is wrong, by its word: a station that makes up MAC
/// addresses is told once.
#[derive(Debug, Default)]
pub(super) struct ToldWire(BTreeMap<IpAddr, &'static str>);

impl ToldWire {
    /// Notices about each Service of each address that is otherwise than it was; they are logged too.
    pub(super) fn notices(
        &mut self,
        verdicts: &Verdicts,
        reference: impl Fn(&ServiceKey) -> Option<ObjectReference>,
        history: &History,
    ) -> Vec<Notice> {
        let ours = verdicts.by_address.iter().filter_map(|(address, verdict)| {
            let wire = verdict.wire.as_ref().filter(|wire| wire.is_ours)?;
            Some((*address, verdict, wire.trouble.as_ref()))
        });
        let (mut told, mut notices) = (BTreeMap::new(), Vec::new());
        for (address, verdict, trouble) in ours {
            let before = self.0.get(&address).copied();
            let word = trouble.map(Reason::word);
            told.extend(word.map(|word| (address, word)));
            if before == word {
                continue;
            }
            let regarding = verdict.judged.served().filter_map(&reference);
            let cause = trouble.map_or(Cause::WireAnswered, Cause::from);
            history.add(Happened::new(What::Detected, cause).of(address));
            match trouble {
                Some(why) => {
                    tracing::warn!(%address, reason = why.word(), "the wire does not agree: {why}");
                    // Nobody announces such an address: the node that writes its condition tells of it.
                    if !matches!(why, Reason::WireTaken(_)) {
                        let note = format!("{address}: {why}");
                        notices.extend(regarding.map(|one| warning(one, why.word(), note.clone())));
                    }
                }
                None => {
                    tracing::info!(%address, "the wire agrees again");
                    notices.extend(regarding.map(|one| answered(one, address)));
                }
            }
        }
        self.0 = told;
        notices
    }
}

fn answered(regarding: ObjectReference, address: IpAddr) -> Notice {
    Notice {
        regarding,
        severity: EventType::Normal,
        reason: ANSWERED.to_owned(),
        note: format!("{address}: its holder, and no other station, answers for it again"),
    }
}
