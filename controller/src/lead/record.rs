//! The record in the Lease, without its transport.

use std::cmp::Ordering;
use std::time::Duration;

/// The `resourceVersion` of the Lease.
///
/// Versions of one resource are decimal numbers that grow with each write (Kubernetes KEP-5504), so the longer text is
/// the newer one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Version(pub(crate) String);

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let lengths = self.0.len().cmp(&other.0.len());
        lengths.then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A time of somebody's wall clock in microseconds since 1970, as exact as `MicroTime`. Compared for equality only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stamp(pub(crate) i64);

/// What the Lease says; the fields of client-go's `LeaderElectionRecord` less `renewTime`, which nobody reads here:
/// each renewal changes the version too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    /// `holderIdentity`; none when it is empty: released.
    pub(crate) holder: Option<String>,
    /// `leaseDurationSeconds`: how long this holder asks the others to wait.
    pub(crate) duration: Option<Duration>,
    /// `acquireTime`: the same in all renewals of one holder.
    pub(crate) acquired: Option<Stamp>,
    /// `leaseTransitions`: how often the holder changed.
    pub(crate) transitions: u64,
}

/// What to write, and on what it was decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Write {
    /// The version to replace; without one the Lease is created.
    pub(crate) base: Option<Version>,
    pub(crate) record: Record,
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    /// It was stored as this version.
    Landed(Version),
    /// Another write came first; this one never lands.
    Conflict,
    /// No answer: it may have landed, or may land later.
    Unknown,
    /// It was refused for another reason and never lands.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_numbers() {
        let version = |text: &str| Version(text.to_owned());
        assert!(version("9") < version("10") && version("10") < version("11"));
    }
}
