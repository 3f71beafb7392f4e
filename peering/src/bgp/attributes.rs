//! What is said of a route.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Weak};

/// A community (RFC 1997): an AS and a number, `65000:100`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Community(pub u16, pub u16);

impl Community {
    /// Please prefer another path, this one will go soon (RFC 8326).
    pub const GRACEFUL_SHUTDOWN: Self = Self(65535, 0);
    /// Not out of the AS or confederation (RFC 1997).
    pub const NO_EXPORT: Self = Self(65535, 65281);
}

impl fmt::Display for Community {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.0, self.1)
    }
}

/// A large community (RFC 8092): an AS and two numbers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LargeCommunity(pub u32, pub u32, pub u32);

impl fmt::Display for LargeCommunity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.0, self.1, self.2)
    }
}

/// The weight of a route among equal ones, said as a link bandwidth (draft-ietf-idr-link-bandwidth). Never zero.
///
/// Routers compare bandwidths only with each other, so any unit does: 1 Mbit/s for each unit of weight, because some count in
/// megabits, and others in bytes with 32 bits. It is said as a transitive extended community: external peers drop the other kind.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Bandwidth(u32);

impl Bandwidth {
    /// That of a weight of at least one.
    pub fn of_weight(weight: u32) -> Self {
        Self(weight.max(1))
    }

    /// The bits of the IEEE 754 number of bytes per second that stands in the community.
    #[allow(
        clippy::cast_precision_loss,
        reason = "of great weights the least digits do not count"
    )]
    pub(crate) fn bits(self) -> u32 {
        (self.0 as f32 * BYTES_PER_SECOND).to_bits()
    }
}

/// 1 Mbit/s.
const BYTES_PER_SECOND: f32 = 125_000.0;

/// All communities of a route, of each kind, without duplicates.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Communities {
    /// Those of RFC 1997.
    pub standard: BTreeSet<Community>,
    /// Those of RFC 8092.
    pub large: BTreeSet<LargeCommunity>,
    /// The link bandwidth, an extended community.
    pub bandwidth: Option<Bandwidth>,
}

impl Communities {
    /// The weight that the bandwidth says.
    pub fn weight(&self) -> Option<u32> {
        Some(self.bandwidth?.0)
    }
}

/// What is said of a route to a peer, apart from what follows from the session: ORIGIN is always IGP, AS_PATH the own AS
/// or empty, and the next hop the own address.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Attributes {
    /// LOCAL_PREF, said to internal peers only (RFC 4271 section 5.1.5). Without one 100 is said.
    pub local_pref: Option<u32>,
    /// Communities.
    pub communities: Communities,
}

/// Keeps each set of attributes once, so that 10,000 prefixes with the same cost one.
#[derive(Clone, Debug, Default)]
pub struct Interner {
    kept: BTreeMap<Attributes, Weak<Attributes>>,
    /// At this many the unused ones are dropped.
    full: usize,
}

impl Interner {
    /// The one copy of these attributes.
    pub fn intern(&mut self, attributes: Attributes) -> Arc<Attributes> {
        if let Some(known) = self.kept.get(&attributes).and_then(Weak::upgrade) {
            return known;
        }
        if self.kept.len() >= self.full {
            self.kept.retain(|_, kept| kept.strong_count() > 0);
            self.full = 2 * self.kept.len();
        }
        let kept = Arc::new(attributes.clone());
        self.kept.insert(attributes, Arc::downgrade(&kept));
        kept
    }
}

#[cfg(test)]
mod tests;
