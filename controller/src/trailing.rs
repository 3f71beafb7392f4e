//! Events that let the addresses pass first.

use std::time::Duration;

use ferrolb_runtime::events::Notice;
use tokio::time::Instant;

/// However busy it is, nobody waits longer than this for an event. An API server that gives 10,000 Services their
/// addresses has done so by then.
const LONGEST: Duration = Duration::from_secs(60);

/// Notices of writes that have landed, and of problems.
#[derive(Debug, Default)]
pub(crate) struct Trailing {
    notices: Vec<Notice>,
    since: Option<Instant>,
}

impl Trailing {
    /// Adds what to tell later.
    pub(crate) fn add(&mut self, notices: Vec<Notice>, now: Instant) {
        if !notices.is_empty() {
            self.since.get_or_insert(now);
            self.notices.extend(notices);
        }
    }

    /// What to tell now, while writes are under way or not.
    pub(crate) fn due(&mut self, busy: bool, now: Instant) -> Vec<Notice> {
        let waited = self
            .since
            .is_some_and(|since| now.duration_since(since) >= LONGEST);
        if busy && !waited {
            return Vec::new();
        }
        self.since = None;
        std::mem::take(&mut self.notices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ObjectReference;
    use kube::runtime::events::EventType;

    fn notice() -> Notice {
        Notice {
            regarding: ObjectReference::default(),
            severity: EventType::Normal,
            reason: "IPAllocated".to_owned(),
            note: String::new(),
        }
    }

    #[test]
    fn events_wait_while_addresses_are_written() {
        let (mut trailing, now) = (Trailing::default(), Instant::now());
        trailing.add(vec![notice()], now);
        assert!(trailing.due(true, now).is_empty());
        assert_eq!(trailing.due(false, now).len(), 1);
        assert!(trailing.due(false, now).is_empty(), "each is told once");
    }

    #[test]
    fn events_do_not_wait_for_ever() {
        let (mut trailing, now) = (Trailing::default(), Instant::now());
        trailing.add(vec![notice()], now);
        trailing.add(vec![notice()], now + LONGEST);
        assert_eq!(trailing.due(true, now + LONGEST).len(), 2);
    }
}
