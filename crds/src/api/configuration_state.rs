//! `ConfigurationState`: whether a daemon can use its configuration, as an object.

use std::collections::BTreeSet;

use itertools::Itertools;
use k8s_openapi::jiff::Timestamp;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Condition, Saying, schema};

/// Written by controller and speakers; there is nothing to configure, and as in MetalLB no `spec` at all.
#[derive(CustomResource, Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "metallb.io",
    version = "v1beta1",
    kind = "ConfigurationState",
    plural = "configurationstates",
    namespaced,
    no_spec,
    derive = "PartialEq",
    status = "ConfigurationStateStatus",
    printcolumn = r#"{"name":"Result","type":"string","jsonPath":".status.result"}"#,
    printcolumn = r#"{"name":"ErrorSummary","type":"string","jsonPath":".status.errorSummary"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
pub struct ConfigurationStateSpec {}

/// What a daemon says of its configuration.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationStateStatus {
    /// The conditions in a word.
    #[serde(default)]
    pub result: ConfigurationResult,
    /// What is wrong, a line each; empty while everything is valid.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error_summary: String,
    /// `poolReconcilerValid` of the controller, `configReconcilerValid` of a speaker.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// Whether a configuration is valid.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ConfigurationResult {
    /// Everything is used.
    Valid,
    /// Something is skipped in whole or in part.
    Invalid,
    /// Nothing was read yet.
    #[default]
    Unknown,
}

impl ConfigurationStateStatus {
    /// The status of a daemon that found these faults, in a condition of this type. The time of its last transition
    /// is carried over from `previous` while the condition's status is the same.
    pub fn of(
        condition_type: &str,
        faults: &BTreeSet<String>,
        previous: Option<&Self>,
        now: Timestamp,
    ) -> Self {
        let valid = faults.is_empty();
        let saying = Saying {
            type_: condition_type,
            holds: valid,
            reason: if valid { "Reconciled" } else { "ConfigurationError" },
            message: faults.iter().join("\n"),
        };
        let before = previous.iter().flat_map(|previous| &previous.conditions);
        let condition = saying.condition(before, now);
        Self {
            result: if valid {
                ConfigurationResult::Valid
            } else {
                ConfigurationResult::Invalid
            },
            error_summary: condition.message.clone(),
            conditions: vec![condition],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use kube::CustomResourceExt;

    const TYPE: &str = "poolReconcilerValid";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn of(
        faults: &[&str],
        previous: Option<&ConfigurationStateStatus>,
        now: &str,
    ) -> ConfigurationStateStatus {
        let faults = faults.iter().map(|&fault| fault.to_owned()).collect();
        ConfigurationStateStatus::of(TYPE, &faults, previous, at(now))
    }

    #[test]
    fn without_faults_it_is_valid() {
        let status = of(&[], None, "2026-01-01T00:00:00Z");
        assert_eq!(
            (status.result, status.error_summary.as_str()),
            (ConfigurationResult::Valid, "")
        );
        assert_eq!(status.conditions[0].reason, "Reconciled");
    }

    #[test]
    fn every_fault_is_a_line_in_one_order() {
        let status = of(
            &["b is wrong", "a is wrong", "b is wrong"],
            None,
            "2026-01-01T00:00:00Z",
        );
        assert_eq!(status.result, ConfigurationResult::Invalid);
        assert_eq!(status.error_summary, "a is wrong\nb is wrong");
        assert_eq!(
            (
                status.conditions[0].reason.as_str(),
                status.conditions[0].message.as_str()
            ),
            ("ConfigurationError", "a is wrong\nb is wrong")
        );
    }

    #[test]
    fn the_time_of_transition_changes_with_the_status_alone() {
        let first = of(&["a"], None, "2026-01-01T00:00:00Z");
        let second = of(&["b"], Some(&first), "2026-01-02T00:00:00Z");
        assert_eq!(
            second.conditions[0].last_transition_time,
            first.conditions[0].last_transition_time
        );
        let third = of(&[], Some(&second), "2026-01-03T00:00:00Z");
        assert_eq!(
            third.conditions[0].last_transition_time,
            Some(Time(at("2026-01-03T00:00:00Z")))
        );
    }

    #[test]
    fn an_object_without_a_status_or_with_a_spec_can_be_read() {
        for object in [
            r#"{"metadata": {}}"#,
            r#"{"metadata": {}, "spec": {}, "status": null}"#,
        ] {
            let state: ConfigurationState = serde_json::from_str(object).unwrap();
            assert_eq!(state.status, None);
        }
    }

    /// The API server refuses the apply of a field that the definition does not know.
    #[test]
    fn neither_the_definition_nor_an_object_has_a_spec() {
        let version = ConfigurationState::crd().spec.versions.remove(0);
        let schema = version
            .schema
            .and_then(|schema| schema.open_api_v3_schema)
            .unwrap();
        assert_eq!(
            schema.properties.unwrap().into_keys().collect::<Vec<_>>(),
            ["status"]
        );
        let object = ConfigurationState::new("controller", ConfigurationStateSpec {});
        assert_eq!(serde_json::to_value(&object).unwrap().get("spec"), None);
    }
}
