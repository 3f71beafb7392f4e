//! What one of several nodes tells that announce a Service and do not hear each other: the one that writes the condition, in
//! its words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_crds::domain::ServiceKey;
use ferrolb_runtime::events::Notice;

use super::warning;
use crate::tell::condition::{SEVERAL_HOLDERS, Shown, rivals_in_words, spokesman};
use crate::verdict::Verdicts;

/// The Services of which it was told.
#[derive(Debug, Default)]
pub(crate) struct ToldContested(BTreeSet<ServiceKey>);

impl ToldContested {
    /// Notices about each Service whose holders have said the same for long enough, once for as long as there are several. What
    /// the condition says already, an earlier process told.
    pub(crate) fn notices(
        &mut self,
        verdicts: &Verdicts,
        services: &BTreeMap<ServiceKey, Arc<Shown>>,
        is_settled: impl Fn(&ServiceKey) -> bool,
    ) -> Vec<Notice> {
        let (rivals, node) = (&verdicts.rivals, &verdicts.node);
        self.0.retain(|service| rivals.contains_key(service));
        let mut notices = Vec::new();
        for (service, others) in rivals {
            let is_ours = || spokesman(others.iter().chain([node]), service) == Some(node);
            if self.0.contains(service) || !is_settled(service) || !is_ours() {
                continue;
            }
            self.0.insert(service.clone());
            let unaware = services.get(service).filter(|shown| !shown.says(SEVERAL_HOLDERS));
            let note = format!("announced from node {node}; {}", rivals_in_words(node, others));
            notices.extend(unaware.map(|shown| warning(shown.reference(service), SEVERAL_HOLDERS, note)));
        }
        notices
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_crds::api::core::Service;
    use serde_json::json;

    use super::*;
    use crate::may::fixture::{cluster, key, service};
    use crate::verdict::fixture::{Segment, status};

    fn shown(reason: &str) -> BTreeMap<ServiceKey, Arc<Shown>> {
        let condition = json!({"type": "ferrolb.io/Announced", "status": "True", "reason": reason, "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let object: Service = serde_json::from_value(json!({"spec": {"type": "LoadBalancer"},
            "status": {"conditions": [condition]}}))
        .unwrap();
        [(key("web"), Arc::new(Shown::read(&object, None)))].into()
    }

    /// What a node sees that hears no other.
    fn alone(node: &'static str, holders: &[&str]) -> Verdicts {
        let mut view = cluster(&["n1", "n2"]);
        service(&mut view, "web", &["192.0.2.2"]);
        let statuses: Vec<_> = holders.iter().map(|holder| status(holder)).collect();
        let segment = Segment {
            view: &view,
            alive: &[node],
            statuses: &statuses,
        };
        segment.seen_from(node)
    }

    #[test]
    fn of_two_holders_that_do_not_hear_each_other_one_tells_once_and_again_if_they_come_apart_again() {
        let mut states = ["n1", "n2"].map(|node| (node, ToldContested::default()));
        let mut tell = |holders: &[&str]| -> Vec<String> {
            let each = states.iter_mut().flat_map(|(node, state)| {
                state.notices(&alone(node, holders), &shown("Announced"), |_| true)
            });
            each.map(|one| format!("{}: {}", one.reason, one.note)).collect()
        };
        let both = ["n1", "n2"];
        let expected = [
            "SeveralHolders: announced from node n1; also announced, by its own word, from node n2, \
            which node n1 does not hear",
        ];
        assert_eq!(tell(&both), expected);
        assert!(tell(&both).is_empty());
        assert!(tell(&[]).is_empty());
        assert_eq!(tell(&both), expected);
    }

    #[test]
    fn what_has_not_settled_or_was_said_by_an_earlier_process_is_not_told() {
        let verdicts = alone("n1", &["n1", "n2"]);
        let told = |reason, settled| {
            let mut state = ToldContested::default();
            state.notices(&verdicts, &shown(reason), |_| settled).len()
        };
        assert_eq!(told("Announced", false), 0);
        assert_eq!(told("SeveralHolders", true), 0);
        assert_eq!(told("Announced", true), 1);
    }
}
