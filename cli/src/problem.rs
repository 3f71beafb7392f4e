//! What is wrong with an object, as the tools print it.

use std::fmt;

use serde::{Serialize, Serializer};

/// An object, printed as `kind/namespace/name` (`kind/name` without a namespace).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct ObjectId {
    /// The kind, such as `IPAddressPool`.
    pub(crate) kind: String,
    /// Empty for objects of the whole cluster.
    pub(crate) namespace: String,
    /// The object's name.
    pub(crate) name: String,
}

impl ObjectId {
    /// The object of this kind, namespace and name.
    pub(crate) fn new(kind: &str, namespace: impl Into<String>, name: impl Into<String>) -> Self {
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
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An object that is skipped in whole or in part, and why. The others go on working.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct Problem {
    /// The object at fault.
    pub(crate) object: ObjectId,
    /// What is wrong, naming field and value.
    pub(crate) message: String,
}

impl Problem {
    /// This object has this wrong with it.
    pub(crate) fn new(object: ObjectId, message: impl fmt::Display) -> Self {
        Self {
            object,
            message: message.to_string(),
        }
    }
}
