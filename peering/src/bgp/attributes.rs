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

/// The weight of a route among equal ones, as bytes per second (draft-ietf-idr-link-bandwidth). Never zero.
///
/// Routers compare weights only with each other, so any unit does. It is said as a transitive extended community: external
/// peers drop the other kind.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Bandwidth(u32);

impl Bandwidth {
    /// One byte per second for each unit of weight, of which there is at least one.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a weight is a count, and less than 2^24 are exact"
    )]
    pub fn of_weight(weight: u32) -> Self {
        Self((weight.max(1) as f32).to_bits())
    }

    /// The bits of the IEEE 754 number that stands in the community.
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }
}

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
