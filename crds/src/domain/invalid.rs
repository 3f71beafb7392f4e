//! What is wrong with an object: which field, which value.

use std::fmt;

use thiserror::Error;

/// A value that a parser refused; the text names field and value.
#[derive(Clone, Debug, Eq, Error, Ord, PartialEq, PartialOrd)]
#[error("{field}: {reason}")]
pub struct Invalid {
    /// The field as its user writes it: `spec.addresses[2]`, or an annotation's name.
    pub field: String,
    /// What is wrong with the value, which is quoted.
    pub reason: String,
}

impl Invalid {
    /// The value of `field` is wrong for this reason.
    pub fn new(field: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self {
            field: field.into(),
            reason: reason.to_string(),
        }
    }

    /// Puts a path before the field: `matchLabels` becomes `spec.nodeSelectors[0].matchLabels`.
    #[must_use]
    pub fn within(mut self, path: &str) -> Self {
        self.field = format!("{path}.{}", self.field);
        self
    }
}
