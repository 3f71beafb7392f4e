//! The answer, in the shape that `-o json` prints; stable, documented in `docs/migrate.md`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::plan::aligned;
use crate::problem::ObjectId;

/// What becomes of an object.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Verdict {
    /// What it does now is not done any more.
    Stops,
    /// Something is to be done about it, before or while the program is exchanged.
    Todo,
    /// It works, and not quite as before.
    Differs,
}

/// What is to be known of one object.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    pub(crate) object: ObjectId,
    pub(crate) message: String,
}

impl Finding {
    pub(super) fn new(verdict: Verdict, object: ObjectId, message: impl Into<String>) -> Self {
        Self {
            verdict,
            object,
            message: message.into(),
        }
    }
}

/// All that is to be known.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// How many objects of each kind work as they are.
    pub(super) works: BTreeMap<String, usize>,
    /// What is to be known of the others, the worst first.
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// Whether anything that works now would not.
    pub(super) fn stops(&self) -> bool {
        self.findings.iter().any(|one| one.verdict == Verdict::Stops)
    }

    /// The answer for people.
    pub(super) fn table(&self) -> String {
        let row = |one: &Finding| {
            [
                one.verdict.to_string(),
                one.object.to_string(),
                one.message.clone(),
            ]
        };
        let mut text = match self.findings.as_slice() {
            [] => "nothing to do but to exchange the program\n".to_owned(),
            all => aligned(["", "OBJECT", "WHAT"], all.iter().map(row)),
        };
        let works = self.works.iter().map(|(kind, count)| format!("{count} {kind}"));
        let works: Vec<String> = works.collect();
        if !works.is_empty() {
            text += &format!("\nworks as it is: {}\n", works.join(", "));
        }
        text
    }
}
