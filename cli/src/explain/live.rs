//! What only a running cluster knows: who leads, which speakers run, and what happened of late.

use std::collections::BTreeMap;

use ferrolb_crds::names::CONTROLLER_LEASE;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::speakers::Pod;

/// How long after its end a Lease counts as abandoned. Its times are those of other clocks than ours.
const DOUBT_SECONDS: i64 = 45;
/// The events that are shown.
const SHOWN: usize = 8;

/// What was read of a running cluster beside the objects that the daemons decide on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    /// The pods of the speakers; none where they may not be listed.
    pub(crate) pods: Option<Vec<Pod>>,
    /// The Lease of the controllers as far as it may be read: none if there is none.
    pub(crate) lease: Option<Value>,
    /// Events about the Service.
    pub(crate) events: Vec<Value>,
    /// The resources that may not be read, each with the error.
    pub(crate) unseen: BTreeMap<String, String>,
}

/// An event about the Service.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Told {
    /// When it came last.
    pub(super) time: Option<Time>,
    #[serde(rename = "type")]
    pub(super) type_: String,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) from: String,
}

impl Live {
    /// Why no controller leads; none if one does, or if that may not be known.
    pub(crate) fn leaderless(&self, now: Timestamp) -> Option<String> {
        if self.unseen.contains_key("leases") {
            return None;
        }
        let Some(lease) = &self.lease else {
            return Some(format!("there is no Lease {CONTROLLER_LEASE}"));
        };
        let spec = &lease["spec"];
        let holder = spec["holderIdentity"]
            .as_str()
            .filter(|holder| !holder.is_empty());
        let Some(holder) = holder else {
            return Some(format!("Lease {CONTROLLER_LEASE} has no holder"));
        };
        let renewed: Timestamp = spec["renewTime"].as_str()?.parse().ok()?;
        let lasts = spec["leaseDurationSeconds"].as_i64().unwrap_or_default();
        let over = now.as_second() - renewed.as_second() - lasts;
        (over > DOUBT_SECONDS)
            .then(|| format!("Lease {CONTROLLER_LEASE} was last renewed at {renewed}, by {holder}"))
    }

    /// Whether all was read that the daemons decide on.
    pub(super) fn is_complete(&self) -> bool {
        let beside = ["events", "leases", "pods"];
        self.unseen
            .keys()
            .all(|resource| beside.contains(&resource.as_str()))
    }

    /// The last events about the Service, the latest first.
    pub(super) fn told(&self) -> Vec<Told> {
        let mut told: Vec<Told> = self.events.iter().map(Told::read).collect();
        told.sort_by_key(|one| std::cmp::Reverse(one.time.as_ref().map(|time| time.0)));
        told.truncate(SHOWN);
        told
    }
}

impl Told {
    /// Events have had three forms, all of which the API server still shows.
    fn read(event: &Value) -> Self {
        let text = |path: &str| {
            event
                .pointer(path)
                .and_then(Value::as_str)
                .filter(|one| !one.is_empty())
        };
        let times = [
            "/series/lastObservedTime",
            "/lastTimestamp",
            "/eventTime",
            "/metadata/creationTimestamp",
        ];
        let from = text("/reportingComponent").or_else(|| text("/source/component"));
        let owned = |one: Option<&str>| one.unwrap_or_default().to_owned();
        Self {
            time: times.iter().find_map(|path| text(path)?.parse().ok()).map(Time),
            type_: owned(text("/type")),
            reason: owned(text("/reason")),
            message: owned(text("/message")),
            from: owned(from),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn lease(holder: &str, renewed: &str) -> Option<Value> {
        Some(json!({"spec": {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": 15}}))
    }

    #[rstest]
    #[case::renewed(lease("c_1", "2026-01-01T00:00:00.000000Z"), None)]
    #[case::by_a_clock_that_is_ahead(lease("c_1", "2026-01-01T00:05:00.000000Z"), None)]
    #[case::long_over(
        lease("c_1", "2025-12-31T23:58:00.000000Z"),
        Some("2025-12-31T23:58:00Z, by c_1")
    )]
    #[case::released(lease("", "2026-01-01T00:00:00.000000Z"), Some("has no holder"))]
    #[case::never_taken(None, Some("there is no Lease"))]
    fn nobody_leads_without_a_lease_that_is_renewed(
        #[case] lease: Option<Value>,
        #[case] expected: Option<&str>,
    ) {
        let live = Live {
            lease,
            ..Live::default()
        };
        let why = live.leaderless("2026-01-01T00:00:01Z".parse().unwrap());
        match expected {
            None => assert_eq!(why, None),
            Some(words) => assert!(why.as_ref().is_some_and(|why| why.contains(words)), "{why:?}"),
        }
    }

    #[test]
    fn a_lease_that_may_not_be_read_says_nothing() {
        let live = Live {
            unseen: [("leases".to_owned(), "forbidden".to_owned())].into(),
            ..Live::default()
        };
        assert_eq!(live.leaderless(Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn events_of_all_forms_are_read_and_the_latest_comes_first() {
        let event = |reason: &str, field: &str, time: &str| {
            json!({"type": "Normal", "reason": reason, "message": "m",
            "reportingComponent": "metallb-speaker", field: time})
        };
        let live = Live {
            events: vec![
                event("Old", "lastTimestamp", "2026-01-01T00:00:00Z"),
                event("New", "eventTime", "2026-01-02T00:00:00.123456Z"),
                json!({"reason": "Timeless", "source": {"component": "x"}}),
            ],
            ..Live::default()
        };
        let told = live.told();
        let reasons: Vec<&str> = told.iter().map(|one| one.reason.as_str()).collect();
        assert_eq!(reasons, ["New", "Old", "Timeless"]);
        assert_eq!(
            (told[0].from.as_str(), told[2].from.as_str()),
            ("metallb-speaker", "x")
        );
    }
}
