//! What a write tells its users, by events. Reasons are MetalLB's where it has one.

use std::net::IpAddr;

use ferrolb_crds::api::Condition;
use ferrolb_crds::domain::ServiceView;
use ferrolb_runtime::events::Notice;
use itertools::Itertools;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use kube::runtime::events::EventType;

use crate::alloc::{Assignment, Note, Outcome};
use crate::observed::Observed;
use crate::snapshot::Seen;

/// The notices of one write: only about what changes by it.
pub(super) fn notices(
    view: &ServiceView,
    seen: &Seen,
    outcome: &Outcome,
    condition: Option<&Condition>,
) -> Vec<Notice> {
    let telling = Telling {
        regarding: seen.object.object_ref(&()),
        news: condition != seen.observed.condition.as_ref(),
    };
    let mut notices = match outcome {
        Outcome::NotOurs => Vec::new(),
        Outcome::Refused(refusal) => {
            let text = format!("Failed to allocate IP for \"{}\": {refusal}", view.key);
            let cleared = || telling.cleared(&seen.observed, None);
            (view.is_written_by_us().then(cleared).flatten())
                .into_iter()
                .chain(telling.warn("AllocationFailed", text))
                .collect()
        }
        Outcome::Assigned(assignment) => telling.assigned(&seen.observed, assignment),
    };
    let deprecation = view.deprecation().filter(|_| *outcome != Outcome::NotOurs);
    notices.extend(deprecation.and_then(|text| telling.warn("deprecatedAnnotation", text)));
    notices
}

/// The notice that a Service's status is left to others.
pub(super) fn disputed(seen: &Seen, text: String) -> Notice {
    let telling = Telling {
        regarding: seen.object.object_ref(&()),
        news: true,
    };
    telling.tell(EventType::Warning, super::STATUS_DISPUTED, text)
}

struct Telling {
    regarding: ObjectReference,
    /// Whether the condition changes, so that its reason is worth telling.
    news: bool,
}

impl Telling {
    fn assigned(&self, observed: &Observed, assignment: &Assignment) -> Vec<Notice> {
        let is_new = |address: &IpAddr| observed.entry(*address).is_none();
        let new = assignment.addresses.iter().filter(is_new);
        let new = new.map(|address| format!("\"{address}\"")).join(" ");
        let text = format!("Assigned IP [{new}]");
        let allocated = (!new.is_empty()).then(|| self.tell(EventType::Normal, "IPAllocated", text));
        let notes = assignment.notes.iter().filter_map(|note| self.note(note));
        self.cleared(observed, Some(assignment))
            .into_iter()
            .chain(allocated)
            .chain(notes)
            .collect()
    }

    fn cleared(&self, observed: &Observed, assignment: Option<&Assignment>) -> Option<Notice> {
        let kept = |text: &str| {
            let address = text.parse::<IpAddr>().ok();
            assignment.is_some_and(|some| address.is_some_and(|one| some.addresses.contains(one)))
        };
        let texts = observed.ingress.iter().filter_map(|entry| entry.ip.as_deref());
        let gone: Vec<&str> = texts.filter(|text| !kept(text)).collect();
        let text = format!("current IP {} is no longer the Service's", gone.join(", "));
        (!gone.is_empty()).then(|| self.tell(EventType::Normal, "ClearAssignment", text))
    }

    fn note(&self, note: &Note) -> Option<Notice> {
        match note {
            Note::Lost { .. } | Note::Exchanged { .. } => {
                Some(self.tell(EventType::Warning, "AddressConflict", note.to_string()))
            }
            Note::Reused { .. } => Some(self.tell(EventType::Warning, "AddressReused", note.to_string())),
            Note::Lacks { .. } | Note::NoReplacement { .. } => self
                .news
                .then(|| self.tell(EventType::Normal, "AdditionalAssignFailed", note.to_string())),
            Note::RequestIgnored(_) => self.warn("LoadBalancerFailed", note.to_string()),
            Note::UsedElsewhere { .. } => self.warn("AddressConflict", note.to_string()),
            Note::OutsidePools { .. } | Note::NoLongerAdmitted { .. } | Note::NowAvoided { .. } => {
                self.warn("AddressOutOfPolicy", note.to_string())
            }
        }
    }

    fn warn(&self, reason: &str, note: String) -> Option<Notice> {
        self.news.then(|| self.tell(EventType::Warning, reason, note))
    }

    fn tell(&self, severity: EventType, reason: &str, note: String) -> Notice {
        Notice {
            regarding: self.regarding.clone(),
            severity,
            reason: reason.to_owned(),
            note,
        }
    }
}
