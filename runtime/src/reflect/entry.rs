//! What a snapshot holds under each name.

use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use serde_json::Value;

/// Namespace and name of an object; ordered by namespace, then name. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Empty for an object without namespace.
    pub namespace: Arc<str>,
    /// The object's name.
    pub name: Arc<str>,
}

/// An object, or what is wrong with it.
#[derive(Clone, Debug)]
pub enum Entry<V> {
    /// What is kept of the object as last seen.
    Object(Arc<V>),
    /// The object exists, but cannot be decoded. An earlier value that could be is gone.
    Undecodable(Arc<Undecodable>),
}

/// An object that does not fit its type.
#[derive(Debug)]
pub struct Undecodable {
    /// What does not fit.
    pub problem: Problem,
    /// The object as it came, for whoever must not overlook it all the same.
    pub raw: Value,
}

/// An object that is skipped in whole or in part, and why. One that does not fit its type may have been stored before a
/// field changed its form.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The object, for events about it. Kind, name and uid are set; namespace if it has one.
    pub object: ObjectReference,
    /// Path of the field and what is wrong with it.
    pub message: String,
}

impl Problem {
    /// This object has this wrong with it.
    pub fn of<K: Resource<DynamicType = ()>>(object: &K, message: impl fmt::Display) -> Self {
        Self {
            object: object.object_ref(&()),
            message: message.to_string(),
        }
    }
}

/// `kind name: message`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        let (kind, name) = (part(&self.object.kind), part(&self.object.name));
        write!(f, "{kind} {name}: {}", self.message)
    }
}

impl ObjectKey {
    /// The key of a namespaced object, or with an empty namespace that of a cluster-wide one.
    #[must_use]
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The key of `object`. Missing parts are empty.
    #[must_use]
    pub fn of<K: Resource>(object: &K) -> Self {
        let meta = object.meta();
        Self::new(
            meta.namespace.as_deref().unwrap_or_default(),
            meta.name.as_deref().unwrap_or_default(),
        )
    }
}

/// `namespace/name`, or `name` alone without a namespace.
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            return f.write_str(&self.name);
        }
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl<V> Entry<V> {
    /// What is kept of the object, if it could be decoded.
    #[must_use]
    pub fn object(&self) -> Option<&Arc<V>> {
        match self {
            Self::Object(object) => Some(object),
            Self::Undecodable(_) => None,
        }
    }

    /// What is wrong, and the object as it came, if it could not be decoded.
    #[must_use]
    pub fn undecodable(&self) -> Option<&Arc<Undecodable>> {
        match self {
            Self::Object(_) => None,
            Self::Undecodable(undecodable) => Some(undecodable),
        }
    }
}
