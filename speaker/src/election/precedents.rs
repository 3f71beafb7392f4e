//! What elections remember of the last one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::AdvertName;

use super::choose::Contest;
use super::contests::Docket;
use super::demand::Terms;
use super::firsts::{Firsts, Sets};

/// What elections remember. It saves time and changes no result: where nothing has changed for a group, all that was
/// found about it holds.
#[derive(Debug, Default)]
pub struct Precedents {
    pub(super) firsts: Firsts,
    pub(super) sets: Sets,
    pub(super) dockets: BTreeMap<OwnTerms, Arc<Docket>>,
    /// By the lowest address of those that stand together.
    pub(super) contests: HashMap<IpAddr, Arc<Contest>>,
}

/// As [`Terms`] of several addresses, for longer than a view.
pub(super) type OwnTerms = BTreeSet<(BTreeSet<AdvertName>, Option<IpAddr>)>;

pub(super) fn own(terms: &BTreeSet<Terms<'_>>) -> OwnTerms {
    let own =
        |(adverts, address): &Terms<'_>| (adverts.iter().map(|name| (*name).clone()).collect(), *address);
    terms.iter().map(own).collect()
}
