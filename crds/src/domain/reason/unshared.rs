//! Why two Services cannot share an address.

use thiserror::Error;

use crate::domain::Port;

/// Why two Services cannot share an address.
#[derive(Clone, Debug, Eq, Error, Ord, PartialEq, PartialOrd)]
pub enum Unshared {
    /// At least one of the two does not allow it.
    #[error("it is not shared (annotation metallb.io/allow-shared-ip)")]
    NotShared,
    /// The two have different keys.
    #[error("its sharing key is another one")]
    OtherKey,
    /// The same key in another namespace.
    #[error(
        "a sharing key counts within its namespace (annotation ferrolb.io/allow-sharing-across-namespaces of the pool)"
    )]
    OtherNamespace,
    /// Policy Local, and the two select different pods.
    #[error("externalTrafficPolicy Local shares an address only between Services that select the same pods")]
    OtherBackends,
    /// Whether the one that has it would share it is not known.
    #[error("that Service cannot be read")]
    Unreadable,
    /// Both serve this port.
    #[error("both serve {}/{}", .0.protocol, .0.number)]
    SamePort(Port),
}
