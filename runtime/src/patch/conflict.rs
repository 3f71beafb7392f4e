//! What the API server says in a 409.

use std::collections::BTreeSet;

use kube::core::Status;

/// The `reason` of a cause that names another field manager (`CauseTypeFieldManagerConflict` of the Kubernetes API).
const FIELD_MANAGER_CONFLICT: &str = "FieldManagerConflict";

/// Why a write met somebody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The object has changed since the resource version that was sent.
    StaleVersion,
    /// Others own these fields and hold other values. Never empty.
    OwnedBy(Vec<OwnedField>),
}

/// A field that another manager owns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnedField {
    /// The other field manager, e.g. `metallb` or `kubectl-edit`.
    pub manager: String,
    /// Path of the field, e.g. `.status.loadBalancer.ingress`.
    pub field: String,
}

impl Conflict {
    /// Reads the causes of a 409. One without causes comes from a stale resource version.
    pub(super) fn of_status(status: &Status) -> Self {
        let causes = status.details.iter().flat_map(|details| &details.causes);
        let owned: Vec<OwnedField> = causes
            .filter(|cause| cause.reason == FIELD_MANAGER_CONFLICT)
            .map(|cause| OwnedField {
                manager: manager(&cause.message),
                field: cause.field.clone(),
            })
            .collect();
        if owned.is_empty() {
            Self::StaleVersion
        } else {
            Self::OwnedBy(owned)
        }
    }

    /// Names of the other field managers, sorted; empty for a stale version.
    #[must_use]
    pub fn managers(&self) -> BTreeSet<&str> {
        match self {
            Self::StaleVersion => BTreeSet::new(),
            Self::OwnedBy(fields) => fields.iter().map(|field| field.manager.as_str()).collect(),
        }
    }
}

/// The name in `conflict with "NAME" with subresource "status" using v1 at …`, as printed by the API server (`%q` of
/// Go). A message of another form is taken whole: a wrong name must not look like a known one.
fn manager(message: &str) -> String {
    let quoted = message.strip_prefix("conflict with ").unwrap_or_default();
    let mut values = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
    match values.next() {
        Some(Ok(name)) => name,
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(r#"conflict with "metallb""#, "metallb")]
    #[case(
        r#"conflict with "controller" with subresource "status" using v1 at 2026-01-02T03:04:05Z"#,
        "controller"
    )]
    #[case(r#"conflict with "kubectl edit" using v1"#, "kubectl edit")]
    #[case(r#"conflict with "odd \"name\"" using v1"#, r#"odd "name""#)]
    #[case("something new", "something new")]
    #[case(r#"conflict with "unterminated"#, r#"conflict with "unterminated"#)]
    fn the_manager_is_the_quoted_name(#[case] message: &str, #[case] name: &str) {
        assert_eq!(manager(message), name);
    }
}
