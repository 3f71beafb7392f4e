//! What becomes of a Service that is to leave addresses, and the line about it.

use std::fmt;
use std::net::IpAddr;

use ferrolb_crds::domain::Addresses;
use itertools::Itertools;

use super::select::Leaving;

/// What became, or would become, of a Service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// It has these addresses now.
    Moved(Addresses),
    /// There is no other address; what the controller says.
    NoReplacement(String),
    /// It asks for just these, so that nobody but its owner can move it.
    AskedFor,
    /// It was deleted, is no load balancer any more, or lost the addresses before it was asked.
    NothingLeft,
    /// The controller did nothing in time; why that could not be seen, if there is a reason.
    Late { seconds: u64, cause: Option<String> },
}

/// `shop/web  192.0.2.7 -> 198.51.100.4`
pub(super) fn line(leaving: &Leaving, fate: &Fate) -> String {
    let old = list(leaving.addresses.iter().copied());
    let what = match fate {
        Fate::Moved(now) => {
            let new = now.iter().filter(|address| !leaving.staying.contains(address));
            format!("-> {}", list(new))
        }
        other => other.to_string(),
    };
    format!("{}  {old} {what}", leaving.service)
}

/// Addresses as the annotation has them.
pub(super) fn list(mut addresses: impl Iterator<Item = IpAddr>) -> String {
    addresses.join(",")
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved(now) => write!(f, "moved to {now}"),
            Self::NoReplacement(message) => write!(f, "stays (NoReplacement): {message}"),
            Self::AskedFor => f.write_str(
                "stays: the Service asks for it (annotation metallb.io/loadBalancerIPs or spec.loadBalancerIP)",
            ),
            Self::NothingLeft => f.write_str("is no longer the Service's"),
            Self::Late { seconds, cause } => {
                let cause = cause.as_ref().map(|cause| format!(": {cause}"));
                let cause = cause.unwrap_or_default();
                write!(f, "stays: the controller did nothing within {seconds} s{cause}")
            }
        }
    }
}
