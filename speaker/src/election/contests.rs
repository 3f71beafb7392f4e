//! Which addresses stand for election together, and between which nodes.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{Endpoints, NodeName, ServiceKey};

use super::Field;
use super::choose::Contest;
use super::demand::{Asked, Demand, Terms, Users};
use super::eligible::Judged;
use super::firsts::Contenders;
use super::group::{Group, groups};
use super::rank::Locality;
use super::view::{Exclusion, Ranking, View};

/// Makes the contests of one election.
pub(super) struct Contests<'a> {
    view: &'a View,
    users: &'a Users<'a>,
    asked: &'a Asked<'a>,
    exclusion: Exclusion,
    /// Groups that differ only in their local endpoints are judged once.
    judged: BTreeMap<BTreeSet<Terms<'a>>, Docket>,
}

/// What groups share that ask the same of a node but for local endpoints.
struct Docket {
    judged: Arc<Judged>,
    /// The field of those that need no local endpoint. Any other is of one group alone, for a Service has one group.
    open: OnceCell<Lists>,
}

/// A field, and those in it of the highest preference.
type Lists = (Arc<Field>, Contenders);

impl<'a> Contests<'a> {
    pub(super) fn new(view: &'a View, users: &'a Users<'a>, asked: &'a Asked<'a>) -> Self {
        Self {
            view,
            users,
            asked,
            exclusion: view.exclusion(),
            judged: BTreeMap::new(),
        }
    }

    /// All contests, in order of their first addresses.
    pub(super) fn all(mut self) -> Vec<Arc<Contest>> {
        let services = self.users.values().flatten();
        let groups = groups(services.map(|(_, candidate)| &*candidate.service));
        groups
            .into_iter()
            .flat_map(|(first, group)| self.of_group(first, group))
            .map(Arc::new)
            .collect()
    }

    /// One contest for the whole group; one for each address if no node is eligible for all.
    fn of_group(&mut self, first: IpAddr, mut group: Group) -> Vec<Contest> {
        group.retain(|address| self.demand(address).is_some());
        if group.is_empty() {
            return Vec::new();
        }
        let whole = self.contest(first, group);
        if whole.addresses.len() == 1 || !whole.field.eligible.is_empty() {
            return vec![whole];
        }
        let each = whole.addresses.into_iter();
        each.map(|address| self.contest(first, Group::from([address])))
            .collect()
    }

    fn contest(&mut self, first: IpAddr, addresses: Group) -> Contest {
        let (field, contenders) = self.field(&addresses);
        let localities = match self.view.options.ranking {
            Ranking::Stable => BTreeMap::new(),
            Ranking::Full => self.localities(&addresses, &field),
        };
        Contest {
            first,
            addresses,
            field,
            contenders,
            localities,
        }
    }

    fn demand(&self, address: &IpAddr) -> Option<&'a Demand<'a>> {
        self.asked.get(address)?.demand.as_ref().ok()
    }

    fn field(&mut self, addresses: &Group) -> Lists {
        let demands: Vec<&'a Demand<'a>> = addresses
            .iter()
            .filter_map(|address| self.demand(address))
            .collect();
        let local = self.local(&demands);
        let docket = self.docket(&demands);
        let lists = |local| lists(Field::of(docket.judged.clone(), local));
        if local.is_empty() {
            docket.open.get_or_init(|| lists(local)).clone()
        } else {
            lists(local)
        }
    }

    fn docket(&mut self, demands: &[&'a Demand<'a>]) -> &Docket {
        let (view, exclusion) = (self.view, self.exclusion);
        let terms = demands.iter().map(|demand| demand.terms()).collect();
        self.judged.entry(terms).or_insert_with(|| Docket {
            judged: Arc::new(Judged::of(view, exclusion, demands)),
            open: OnceCell::new(),
        })
    }

    fn local(&self, demands: &[&'a Demand<'a>]) -> Vec<(ServiceKey, Arc<Endpoints>)> {
        let keys: BTreeSet<&ServiceKey> = demands
            .iter()
            .flat_map(|demand| demand.local.iter().copied())
            .collect();
        let endpoints =
            |key: &ServiceKey| Some((key.clone(), self.view.services.get(key)?.endpoints.clone()));
        keys.into_iter().filter_map(endpoints).collect()
    }

    fn localities(&self, addresses: &Group, field: &Field) -> BTreeMap<NodeName, Locality> {
        let services: BTreeSet<&ServiceKey> = addresses
            .iter()
            .filter_map(|address| self.users.get(address))
            .flatten()
            .map(|(key, _)| *key)
            .collect();
        let of = |node: &NodeName| (node.clone(), Locality::of(self.view, &services, node));
        field.eligible.keys().map(of).collect()
    }
}

fn lists(field: Field) -> Lists {
    let contenders = field.contenders().cloned().collect();
    (Arc::new(field), contenders)
}
