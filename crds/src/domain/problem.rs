//! What is wrong with an object: which one, which field, which value.

use std::fmt;

use serde::Serialize;
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

/// An object, printed as `kind/namespace/name` (`kind/name` without a namespace).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ObjectId {
    /// The kind, such as `IPAddressPool`.
    pub kind: String,
    /// Empty for objects of the whole cluster.
    pub namespace: String,
    /// The object's name.
    pub name: String,
}

impl ObjectId {
    /// The object of this kind, namespace and name.
    pub fn new(kind: &str, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}/{}", self.kind, self.name)
        } else {
            write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }
}

impl Serialize for ObjectId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An object that is skipped in whole or in part, and why. The others go on working.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Problem {
    /// The object at fault.
    pub object: ObjectId,
    /// What is wrong, naming field and value.
    pub message: String,
}

impl Problem {
    /// This object has this wrong with it.
    pub fn new(object: ObjectId, message: impl fmt::Display) -> Self {
        Self {
            object,
            message: message.to_string(),
        }
    }
}
