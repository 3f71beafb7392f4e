//! Address families, and addresses of one or both.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

/// An IP address family; IPv4 sorts first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Family {
    /// IPv4.
    #[serde(rename = "IPv4")]
    V4,
    /// IPv6.
    #[serde(rename = "IPv6")]
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

    /// The family Kubernetes names so in `spec.ipFamilies`.
    pub fn from_kubernetes(name: &str) -> Option<Self> {
        match name {
            "IPv4" => Some(Self::V4),
            "IPv6" => Some(Self::V6),
            _ => None,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
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
        let texts: Vec<String> = self.iter().map(|address| address.to_string()).collect();
        f.write_str(&texts.join(", "))
    }
}
