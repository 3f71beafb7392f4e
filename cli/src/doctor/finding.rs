//! The answer, in the shape that `-o json` prints; stable, documented in `docs/doctor.md`.

use std::fmt::Display;

use serde::Serialize;

use crate::problem::ObjectId;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Severity {
    /// Something does not work, or not for all clients.
    Error,
    /// It works, and will not after the next failure or change; or it is probably meant otherwise.
    Warning,
}

/// Something that is wrong.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) object: ObjectId,
    /// The word of conditions, events and metrics for it, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Where it is, as in the object or on the node; empty if it concerns the object as a whole.
    pub(crate) field: String,
    /// What stands there; empty if nothing does.
    pub(crate) value: String,
    /// In a sentence.
    pub(crate) message: String,
    /// What to do, in a line.
    pub(crate) remedy: String,
}

impl Finding {
    pub(crate) fn new(severity: Severity, object: ObjectId, message: impl Display) -> Self {
        Self {
            severity,
            object,
            reason: None,
            field: String::new(),
            value: String::new(),
            message: message.to_string(),
            remedy: String::new(),
        }
    }

    pub(crate) fn error(object: ObjectId, message: impl Display) -> Self {
        Self::new(Severity::Error, object, message)
    }

    pub(crate) fn warning(object: ObjectId, message: impl Display) -> Self {
        Self::new(Severity::Warning, object, message)
    }

    pub(crate) fn because(self, reason: &str) -> Self {
        Self {
            reason: Some(reason.to_owned()),
            ..self
        }
    }

    pub(crate) fn at(self, field: impl Display, value: impl Display) -> Self {
        Self {
            field: field.to_string(),
            value: value.to_string(),
            ..self
        }
    }

    pub(crate) fn remedy(self, remedy: impl Display) -> Self {
        Self {
            remedy: remedy.to_string(),
            ..self
        }
    }
}

/// What one check found; checks that found nothing are left out.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Section {
    /// `FD01`.
    pub(crate) check: &'static str,
    pub(crate) name: &'static str,
    /// Where it is explained.
    pub(crate) docs: String,
    /// The worst first.
    pub(crate) findings: Vec<Finding>,
}

/// What was not looked at, and why.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct Gap {
    pub(crate) checks: Vec<&'static str>,
    pub(crate) why: String,
}
