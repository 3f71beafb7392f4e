//! Address families, and addresses of one or both.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::{Index, IndexMut};

use itertools::Itertools;
use strum::{Display, EnumString};

/// An IP address family; IPv4 sorts first. Written and parsed as in `spec.ipFamilies`.
#[derive(Clone, Copy, Debug, Display, EnumString, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Family {
    /// IPv4.
    #[strum(serialize = "IPv4")]
    V4,
    /// IPv6.
    #[strum(serialize = "IPv6")]
    V6,
}

impl Family {
    /// Both families, IPv4 first.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// The other family.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }
}

/// One of each for the two families.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ByFamily<T> {
    v4: T,
    v6: T,
}

impl<T> ByFamily<T> {
    /// What this makes of each family.
    pub fn of(mut make: impl FnMut(Family) -> T) -> Self {
        Self {
            v4: make(Family::V4),
            v6: make(Family::V6),
        }
    }
}

impl<T> Index<Family> for ByFamily<T> {
    type Output = T;

    fn index(&self, family: Family) -> &T {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

impl<T> IndexMut<Family> for ByFamily<T> {
    fn index_mut(&mut self, family: Family) -> &mut T {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

/// The families a Service wants addresses of (`spec.clusterIPs` and `spec.ipFamilyPolicy`).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Families {
    /// One address of this family.
    One(Family),
    /// One of each if possible, else one: of the first family if possible.
    Prefer {
        /// `spec.ipFamilies[0]`.
        first: Family,
    },
    /// One of each or nothing.
    Both,
}

impl Families {
    /// Whether an address of this family is wanted at all.
    pub fn include(self, family: Family) -> bool {
        match self {
            Self::One(only) => only == family,
            Self::Prefer { .. } | Self::Both => true,
        }
    }
}

/// At most one address of each family; shown and stored IPv4 first.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Addresses {
    /// The IPv4 address.
    pub v4: Option<Ipv4Addr>,
    /// The IPv6 address.
    pub v6: Option<Ipv6Addr>,
}

impl Addresses {
    /// The address of one family.
    pub fn of(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.v4.map(IpAddr::V4),
            Family::V6 => self.v6.map(IpAddr::V6),
        }
    }

    /// Whether this is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.of(Family::of(address)) == Some(address)
    }

    /// Puts an address in its family's place.
    pub fn set(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => self.v4 = Some(v4),
            IpAddr::V6(v6) => self.v6 = Some(v6),
        }
    }

    /// The addresses, IPv4 first.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + use<> {
        self.of(Family::V4).into_iter().chain(self.of(Family::V6))
    }

    /// Whether there is no address at all.
    pub fn is_empty(&self) -> bool {
        self.v4.is_none() && self.v6.is_none()
    }

    /// How many addresses there are: 0, 1 or 2.
    pub fn len(&self) -> usize {
        self.iter().count()
    }
}

impl FromIterator<IpAddr> for Addresses {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addresses: I) -> Self {
        let mut all = Self::default();
        addresses.into_iter().for_each(|address| all.set(address));
        all
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.iter().format(", "))
    }
}
