//! Names as types, so that a pool's name is never taken for a node's.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        /// Cheap to clone.
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|name| Self(name.into()))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<T> From<T> for $type
        where
            Arc<str>: From<T>,
        {
            fn from(name: T) -> Self {
                Self(name.into())
            }
        }
    };
}

name!(
    /// Name of an `IPAddressPool`.
    PoolName
);
name!(
    /// Name of an `L2Advertisement`.
    AdvertName
);
name!(
    /// Name of a `BFDProfile`.
    BfdProfileName
);
name!(
    /// Name of a `BGPAdvertisement`.
    BgpAdvertName
);
name!(
    /// Name of a `BGPPeer`.
    PeerName
);
name!(
    /// Name of a Kubernetes node.
    NodeName
);
name!(
    /// Name of a network interface of a node.
    InterfaceName
);

/// Namespace and name of a Service; printed as `namespace/name`. Cheap to clone, and to compare with its clones.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct ServiceKey {
    /// The Service's namespace.
    pub namespace: Arc<str>,
    /// The Service's name.
    pub name: Arc<str>,
}

impl ServiceKey {
    /// The key of `namespace/name`.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

/// By namespace, then by name.
impl Ord for ServiceKey {
    fn cmp(&self, other: &Self) -> Ordering {
        compared(&self.namespace, &other.namespace).then_with(|| compared(&self.name, &other.name))
    }
}

impl PartialOrd for ServiceKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Most of what is compared is the same text in the same memory: the namespaces of the keys of one map above all.
fn compared(one: &Arc<str>, other: &Arc<str>) -> Ordering {
    if Arc::ptr_eq(one, other) {
        return Ordering::Equal;
    }
    one.cmp(other)
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Values that many objects have in common, each once in memory.
#[derive(Debug)]
pub struct Shared<T: ?Sized>(Mutex<HashSet<Arc<T>>>);

impl<T: ?Sized + Eq + Hash> Shared<T> {
    /// The value, in the same memory as before if it is still in use.
    pub fn of(&self, value: impl Borrow<T> + Into<Arc<T>>) -> Arc<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(value.borrow()) {
            return known.clone();
        }
        if all.len() == all.capacity() {
            all.retain(|known| Arc::strong_count(known) > 1);
        }
        let value: Arc<T> = value.into();
        all.insert(value.clone());
        value
    }
}

impl<T: ?Sized> Default for Shared<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_and_not_for_ever() {
        let names = Shared::<str>::default();
        let (one, other) = (names.of("n1"), names.of("n1"));
        assert!(Arc::ptr_eq(&one, &other));
        (0..1000).for_each(|number| drop(names.of(&*number.to_string())));
        assert!(names.0.lock().unwrap().len() < 10);
        assert!(Arc::ptr_eq(&one, &names.of("n1")));
    }
}
