//! Groups: addresses that go to one node because a Service has several or several Services share one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_crds::domain::ServiceKey;

use super::view::{Exposure, Service, View};

/// One of our Services.
pub(super) type User<'a> = (&'a ServiceKey, &'a Service);

/// A group and its Services, in order of their names.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// The lowest address, IPv4 before IPv6, which orders the nodes of all.
    pub(super) first: IpAddr,
    /// Each address with the Services that have it.
    pub(super) addresses: Vec<(IpAddr, Vec<User<'a>>)>,
}

/// The uses of addresses by our Services, in order.
pub(super) struct Uses<'a>(Vec<(IpAddr, User<'a>)>);

impl<'a> Uses<'a> {
    pub(super) fn of(view: &'a View) -> Self {
        let ours = view.options.class.as_deref();
        let services = view
            .services
            .iter()
            .filter(|(_, service)| service.view.class.is_ours(ours));
        let uses = services.flat_map(|user| user.1.view.ingress.iter().map(move |address| (address, user)));
        let mut all = Vec::with_capacity(view.services.len());
        all.extend(uses);
        all.sort_unstable_by_key(|(address, (key, _)): &(IpAddr, User<'_>)| (*address, *key));
        Self(all)
    }

    /// All groups of our Services, one after the other: there may be many.
    pub(super) fn groups(&self) -> impl Iterator<Item = Group<'a>> {
        let by_address = self.0.chunk_by(|one, other| one.0 == other.0);
        let (alone, related): (Vec<_>, Vec<_>) = by_address.partition(|users| stands_alone(users));
        let alone = alone.into_iter().map(|users| Group {
            first: users[0].0,
            addresses: vec![with_users(users)],
        });
        alone.chain(joined(&related))
    }
}

/// One Service has the address, and no other address.
fn stands_alone(users: &[(IpAddr, User<'_>)]) -> bool {
    matches!(users, [(_, (_, service))] if service.view.ingress.iter().count() == 1)
}

fn with_users<'a>(users: &[(IpAddr, User<'a>)]) -> (IpAddr, Vec<User<'a>>) {
    (users[0].0, users.iter().map(|(_, user)| *user).collect())
}

fn joined<'a>(related: &[&[(IpAddr, User<'a>)]]) -> Vec<Group<'a>> {
    let services = related
        .iter()
        .flat_map(|users| users.iter().map(|(_, (_, service))| &*service.view));
    let mut users: BTreeMap<IpAddr, Vec<User<'a>>> = related.iter().map(|users| with_users(users)).collect();
    let group = |(first, addresses): (IpAddr, BTreeSet<IpAddr>)| Group {
        first,
        addresses: addresses
            .into_iter()
            .filter_map(|address| users.remove_entry(&address))
            .collect(),
    };
    by_first(services).into_iter().map(group).collect()
}

/// Groups by their first address. What decides is which Services have which addresses and nothing else, so that a group
/// keeps its first address, and with it its order of nodes, while endpoints, nodes and advertisements come and go.
fn by_first<'a>(services: impl IntoIterator<Item = &'a Exposure>) -> BTreeMap<IpAddr, BTreeSet<IpAddr>> {
    let mut first_of: BTreeMap<IpAddr, IpAddr> = BTreeMap::new();
    let mut groups: BTreeMap<IpAddr, BTreeSet<IpAddr>> = BTreeMap::new();
    for service in services {
        let own: BTreeSet<IpAddr> = service.ingress.iter().collect();
        if let Some(first) = own.first().copied()
            && own.iter().all(|address| !first_of.contains_key(address))
        {
            first_of.extend(own.iter().map(|address| (*address, first)));
            groups.insert(first, own);
            continue;
        }
        let firsts: BTreeSet<IpAddr> = own
            .iter()
            .map(|address| first_of.get(address).copied().unwrap_or(*address))
            .collect();
        let joined: BTreeSet<IpAddr> = firsts
            .iter()
            .filter_map(|first| groups.remove(first))
            .flatten()
            .chain(own)
            .collect();
        let Some(first) = joined.first().copied() else {
            continue;
        };
        first_of.extend(joined.iter().map(|address| (*address, first)));
        groups.insert(first, joined);
    }
    groups
}
