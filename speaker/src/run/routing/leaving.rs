//! Routes on their way out: first the peer is asked to prefer others (RFC 8326), then they are withdrawn.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use ferrolb_crds::domain::PeerName;
use ferrolb_peering::Prefix;
use ferrolb_peering::bgp::{Attributes, Community};
use tokio::time::Instant;

use crate::routes::{GivenUp, Table};

/// From the question to the withdrawal: routers have chosen others by then, and what was under way has arrived.
const SHUTDOWN: Duration = Duration::from_secs(3);

/// Since when routes are on their way out.
#[derive(Debug, Default)]
pub(super) struct Leaving(BTreeMap<PeerName, BTreeMap<Prefix, Instant>>);

impl Leaving {
    /// These are, and no others.
    pub(super) fn follow(&mut self, given_up: GivenUp, now: Instant) {
        let mut before = std::mem::take(&mut self.0);
        for (peer, prefixes) in given_up {
            let before = before.remove(&peer).unwrap_or_default();
            let since = |prefix| (prefix, before.get(&prefix).copied().unwrap_or(now));
            self.0.insert(peer, prefixes.into_iter().map(since).collect());
        }
    }

    /// What the peer is told in place of its table.
    pub(super) fn table<'a>(&self, peer: &PeerName, table: &'a Table, now: Instant) -> Cow<'a, Table> {
        let Some(leaving) = self.0.get(peer) else {
            return Cow::Borrowed(table);
        };
        let told = |(prefix, attributes): (&Prefix, &Attributes)| match leaving.get(prefix) {
            None => Some((*prefix, attributes.clone())),
            Some(since) if now < *since + SHUTDOWN => Some((*prefix, least(attributes))),
            Some(_) => None,
        };
        Cow::Owned(table.iter().filter_map(told).collect())
    }

    /// When the next one is withdrawn.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let ends = self
            .0
            .values()
            .flat_map(BTreeMap::values)
            .map(|since| *since + SHUTDOWN);
        ends.filter(|end| *end > now).min()
    }
}

/// Internal peers go by the preference, external ones by the community.
fn least(attributes: &Attributes) -> Attributes {
    let mut least = Attributes {
        local_pref: Some(0),
        ..attributes.clone()
    };
    least.communities.standard.insert(Community::GRACEFUL_SHUTDOWN);
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_told_as_the_least_for_three_seconds_and_then_withdrawn() {
        let (began, ms) = (Instant::now(), Duration::from_millis);
        let prefix: Prefix = "192.0.2.1/32".parse().unwrap();
        let other: Prefix = "192.0.2.2/32".parse().unwrap();
        let table = Table::from([(prefix, Attributes::default()), (other, Attributes::default())]);
        let mut leaving = Leaving::default();
        let given_up = || GivenUp::from([("tor".into(), [prefix].into())]);
        leaving.follow(given_up(), began);
        let told = |leaving: &Leaving, at| leaving.table(&"tor".into(), &table, at).into_owned();
        let least = &told(&leaving, began)[&prefix];
        assert_eq!(least.local_pref, Some(0));
        assert!(least.communities.standard.contains(&Community::GRACEFUL_SHUTDOWN));
        assert_eq!(leaving.next(began), Some(began + SHUTDOWN));
        leaving.follow(given_up(), began + ms(2000));
        let after = told(&leaving, began + ms(3000));
        assert_eq!(after.keys().collect::<Vec<_>>(), [&other]);
        assert_eq!(after[&other], Attributes::default());
        assert_eq!(leaving.next(began + ms(3000)), None);
        leaving.follow(GivenUp::new(), began + ms(4000));
        assert_eq!(told(&leaving, began + ms(4000)), table);
    }
}
