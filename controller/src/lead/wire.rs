//! The record as a Lease, as client-go's `LeaseLock` reads and writes it, and what an answer means.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::{Error, ResourceExt};

use super::record::{Outcome, Record, Stamp, Version, Write};

/// What a Lease says. Missing fields count as in client-go: no holder, no transitions.
pub(super) fn record(lease: &Lease) -> (Version, Record) {
    let spec = lease.spec.clone().unwrap_or_default();
    let seconds = spec
        .lease_duration_seconds
        .and_then(|seconds| u64::try_from(seconds).ok());
    let record = Record {
        holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
        duration: seconds.map(Duration::from_secs),
        acquired: spec.acquire_time.map(|time| Stamp(time.0.as_microsecond())),
        transitions: spec
            .lease_transitions
            .map_or(0, |count| u64::try_from(count).unwrap_or(0)),
    };
    (Version(lease.resource_version().unwrap_or_default()), record)
}

/// The Lease to send. A PUT replaces everything, so labels, annotations and fields that are not ours come from `last`.
pub(super) fn lease(write: &Write, last: Option<&Lease>, name: &str, now: Stamp) -> Lease {
    let last = last.filter(|_| write.base.is_some());
    let metadata = last.map(|lease| lease.metadata.clone()).unwrap_or_default();
    let spec = last.and_then(|lease| lease.spec.clone()).unwrap_or_default();
    Lease {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            resource_version: write.base.as_ref().map(|version| version.0.clone()),
            managed_fields: None,
            ..metadata
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(write.record.holder.clone().unwrap_or_default()),
            lease_duration_seconds: write.record.duration.map(whole_seconds),
            acquire_time: write.record.acquired.map(micro_time),
            renew_time: Some(micro_time(now)),
            lease_transitions: Some(i32::try_from(write.record.transitions).unwrap_or(i32::MAX)),
            ..spec
        }),
    }
}

/// Rounded up: the others must not wait for less than was meant.
fn whole_seconds(duration: Duration) -> i32 {
    let seconds = duration.as_millis().div_ceil(1000);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

fn micro_time(stamp: Stamp) -> MicroTime {
    MicroTime(Timestamp::from_microsecond(stamp.0).unwrap_or_default())
}

/// What an error answer to a write means. Only a refusal by the API server itself is sure not to land.
pub(super) fn outcome(error: &Error) -> Outcome {
    match error {
        // A replaced Lease that does not exist (404) was deleted by somebody else's write.
        Error::Api(status) if matches!(status.code, 404 | 409) => Outcome::Conflict,
        Error::Api(status) if (400..500).contains(&status.code) && status.code != 408 => Outcome::Failed,
        _ => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;
    use rstest::rstest;

    const NOW: Stamp = Stamp(1_700_000_000_123_456);

    fn write(base: Option<&str>, holder: Option<&str>) -> Write {
        Write {
            base: base.map(|version| Version(version.to_owned())),
            record: Record {
                holder: holder.map(str::to_owned),
                duration: Some(Duration::from_millis(14_001)),
                acquired: Some(Stamp(1_600_000_000_000_001)),
                transitions: 3,
            },
        }
    }

    #[test]
    fn a_record_survives_the_wire() {
        let sent = lease(&write(Some("7"), Some("a_1")), None, "lb", NOW);
        let (version, read) = record(&sent);
        assert_eq!(version, Version("7".to_owned()));
        assert_eq!(read.holder.as_deref(), Some("a_1"));
        assert_eq!(read.acquired, Some(Stamp(1_600_000_000_000_001)));
        assert_eq!(read.transitions, 3);
    }

    #[test]
    fn the_fields_are_those_of_client_go() {
        let sent = lease(&write(None, Some("a_1")), None, "lb", NOW);
        let json = serde_json::to_value(&sent).unwrap();
        let expected = serde_json::json!({
            "holderIdentity": "a_1", "leaseDurationSeconds": 15, "leaseTransitions": 3,
            "acquireTime": "2020-09-13T12:26:40.000001Z", "renewTime": "2023-11-14T22:13:20.123456Z",
        });
        assert_eq!(json["spec"], expected);
        assert_eq!(json["metadata"], serde_json::json!({"name": "lb"}));
    }

    #[test]
    fn a_released_lease_has_an_empty_holder() {
        let sent = lease(&write(Some("7"), None), None, "lb", NOW);
        assert_eq!(sent.spec.as_ref().unwrap().holder_identity.as_deref(), Some(""));
        assert_eq!(record(&sent).1.holder, None);
    }

    #[test]
    fn what_others_put_on_the_lease_stays() {
        let mut last = lease(&write(Some("6"), Some("b_2")), None, "lb", NOW);
        last.labels_mut().insert("team".to_owned(), "net".to_owned());
        let sent = lease(&write(Some("7"), Some("a_1")), Some(&last), "lb", NOW);
        assert_eq!(sent.labels().get("team").map(String::as_str), Some("net"));
        assert_eq!(sent.resource_version().as_deref(), Some("7"));
    }

    #[test]
    fn a_lease_without_a_spec_is_free() {
        assert_eq!(record(&Lease::default()).1.holder, None);
    }

    #[rstest]
    #[case::changed_since(409, Outcome::Conflict)]
    #[case::deleted_since(404, Outcome::Conflict)]
    #[case::forbidden(403, Outcome::Failed)]
    #[case::overloaded(429, Outcome::Failed)]
    #[case::timed_out(408, Outcome::Unknown)]
    #[case::broken(500, Outcome::Unknown)]
    #[case::gateway_timeout(504, Outcome::Unknown)]
    fn only_a_refusal_is_sure_not_to_land(#[case] code: u16, #[case] expected: Outcome) {
        let status = Status::failure("no", "No").with_code(code);
        assert_eq!(outcome(&Error::Api(status.boxed())), expected);
    }
}
