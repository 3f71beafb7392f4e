//! Which addresses stand for election together, and between which nodes.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{Endpoints, NodeName, ServiceKey};

use super::Field;
use super::choose::Contest;
use super::demand::{Asked, Demand, Petition, Terms};
use super::eligible::Judged;
use super::firsts::Contenders;
use super::group::{Group, groups};
use super::rank::Locality;
use super::view::{Exclusion, Ranking, View};

/// Makes the contests of one election.
pub(super) struct Contests<'a> {
    view: &'a View,
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

/// An address that may be announced, and what it asks for.
type Wanted<'a> = (IpAddr, &'a Demand<'a>);

fn wanting<'a>(address: IpAddr, petition: &'a Petition<'a>) -> Option<Wanted<'a>> {
    Some((address, petition.demand.as_ref().ok()?))
}

/// A field, and those in it of the highest preference.
type Lists = (Arc<Field>, Contenders);

impl<'a> Contests<'a> {
    pub(super) fn new(view: &'a View, asked: &'a Asked<'a>) -> Self {
        Self {
            view,
            asked,
            exclusion: view.exclusion(),
            judged: BTreeMap::new(),
        }
    }

    /// All contests, in order of their first addresses.
    pub(super) fn all(mut self) -> Vec<Arc<Contest>> {
        let (alone, related) = self
            .asked
            .iter()
            .partition::<Vec<_>, _>(|(_, petition)| petition.alone());
        let mut contests = Vec::with_capacity(alone.len());
        for (address, petition) in alone {
            contests.extend(self.of_group(*address, wanting(*address, petition).into_iter().collect()));
        }
        let services = related.iter().flat_map(|(_, petition)| &petition.users);
        for (first, group) in groups(services.map(|(_, candidate)| &*candidate.service)) {
            let wanted = group
                .into_iter()
                .filter_map(|address| wanting(address, &self.asked[&address]));
            contests.extend(self.of_group(first, wanted.collect()));
        }
        contests.sort_by_key(|contest| contest.first);
        contests.into_iter().map(Arc::new).collect()
    }

    /// One contest for the whole group; one for each address if no node is eligible for all.
    fn of_group(&mut self, first: IpAddr, wanted: Vec<Wanted<'a>>) -> Vec<Contest> {
        if wanted.is_empty() {
            return Vec::new();
        }
        let whole = self.contest(first, &wanted);
        if wanted.len() == 1 || !whole.field.eligible.is_empty() {
            return vec![whole];
        }
        let each = wanted.chunks(1);
        each.map(|address| self.contest(first, address)).collect()
    }

    fn contest(&mut self, first: IpAddr, wanted: &[Wanted<'a>]) -> Contest {
        let addresses: Group = wanted.iter().map(|(address, _)| *address).collect();
        let (field, contenders) = self.field(wanted);
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

    fn field(&mut self, wanted: &[Wanted<'a>]) -> Lists {
        let demands: Vec<&'a Demand<'a>> = wanted.iter().map(|(_, demand)| *demand).collect();
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
            .filter_map(|address| self.asked.get(address))
            .flat_map(|petition| &petition.users)
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
