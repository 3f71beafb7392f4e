//! Which addresses stand for election together, and between which nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use ferrolb_crds::domain::{Endpoints, NodeName, ServiceKey};

use super::Field;
use super::choose::Contest;
use super::demand::{Asked, Demand, Petition, Terms};
use super::eligible::{Judged, Local};
use super::firsts::Contenders;
use super::group::{Group, groups};
use super::precedents::{Precedents, own};
use super::rank::Locality;
use super::view::{Exclusion, Ranking, View};

/// Makes the contests of one election.
pub(super) struct Contests<'a> {
    view: &'a View,
    asked: &'a Asked<'a>,
    exclusion: Exclusion,
    /// Groups that differ only in their local endpoints are judged once.
    judged: BTreeMap<BTreeSet<Terms<'a>>, Arc<Docket>>,
    /// What the last address that stood alone asked for: neighbours ask for the same.
    last: Option<(Terms<'a>, Arc<Docket>)>,
    precedents: &'a mut Precedents,
}

/// What groups share that ask the same of a node but for local endpoints.
#[derive(Debug)]
pub(super) struct Docket {
    judged: Arc<Judged>,
    /// The field of those that need no local endpoint. Any other is of one group alone, for a Service has one group.
    open: OnceLock<Lists>,
}

/// An address that may be announced, and what it asks for.
type Wanted<'a> = (IpAddr, &'a Demand<'a>);

fn wanting<'a>(address: IpAddr, petition: &'a Petition<'a>) -> Option<Wanted<'a>> {
    Some((address, petition.demand.as_ref().ok()?))
}

/// A field, and those in it of the highest preference.
type Lists = (Arc<Field>, Contenders);

impl<'a> Contests<'a> {
    pub(super) fn new(view: &'a View, asked: &'a Asked<'a>, precedents: &'a mut Precedents) -> Self {
        precedents.sets.prune();
        Self {
            view,
            asked,
            exclusion: view.exclusion(),
            judged: BTreeMap::new(),
            last: None,
            precedents,
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
        self.remember(&contests);
        contests
    }

    fn remember(self, contests: &[Arc<Contest>]) {
        let lowest = |contest: &Arc<Contest>| Some((*contest.addresses.first()?, contest.clone()));
        self.precedents.contests = contests.iter().filter_map(lowest).collect();
        let dockets = self.judged.into_iter();
        self.precedents.dockets = dockets.map(|(terms, docket)| (own(&terms), docket)).collect();
    }

    /// One contest for the whole group; one for each address if no node is eligible for all.
    fn of_group(&mut self, first: IpAddr, wanted: Vec<Wanted<'a>>) -> Vec<Arc<Contest>> {
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

    /// As it was, if what it depends on is the very same.
    fn contest(&mut self, first: IpAddr, wanted: &[Wanted<'a>]) -> Arc<Contest> {
        let addresses = || wanted.iter().map(|(address, _)| *address);
        let docket = self.docket(wanted);
        let local = Locals::of(wanted);
        let before = addresses()
            .min()
            .and_then(|lowest| self.precedents.contests.remove(&lowest));
        let holds = |before: &Arc<Contest>| {
            before.first == first
                && before.addresses.iter().copied().eq(addresses())
                && before.field.is_of(&docket.judged, local.iter(self.view))
        };
        match before.filter(holds) {
            Some(before) if self.view.options.ranking != Ranking::Full => before,
            _ => {
                let local = local
                    .iter(self.view)
                    .map(|(key, endpoints)| (key.clone(), endpoints.clone()));
                Arc::new(self.new_contest(first, addresses().collect(), &docket, local.collect()))
            }
        }
    }

    fn new_contest(
        &mut self,
        first: IpAddr,
        addresses: Group,
        docket: &Docket,
        local: Vec<Local>,
    ) -> Contest {
        let mut lists = |local| self.precedents.lists(Field::of(docket.judged.clone(), local));
        let (field, contenders) = if local.is_empty() {
            docket.open.get_or_init(|| lists(local)).clone()
        } else {
            lists(local)
        };
        let localities = match self.view.options.ranking {
            Ranking::Stable | Ranking::Seated => BTreeMap::new(),
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

    fn docket(&mut self, wanted: &[Wanted<'a>]) -> Arc<Docket> {
        let alone = match wanted {
            [(_, demand)] => Some(demand.terms()),
            _ => None,
        };
        if let Some((_, docket)) = self.last.as_ref().filter(|(terms, _)| alone == Some(*terms)) {
            return docket.clone();
        }
        let demands: Vec<&'a Demand<'a>> = wanted.iter().map(|(_, demand)| *demand).collect();
        let docket = self.docket_of(&demands);
        self.last = alone.map(|terms| (terms, docket.clone()));
        docket
    }

    fn docket_of(&mut self, demands: &[&'a Demand<'a>]) -> Arc<Docket> {
        let (view, exclusion) = (self.view, self.exclusion);
        let terms: BTreeSet<Terms<'a>> = demands.iter().map(|demand| demand.terms()).collect();
        if let Some(docket) = self.judged.get(&terms) {
            return docket.clone();
        }
        let judged = Judged::of(view, exclusion, demands);
        let before = self.precedents.dockets.remove(&own(&terms));
        let docket = before
            .filter(|before| *before.judged == judged)
            .unwrap_or_else(|| {
                Arc::new(Docket {
                    judged: Arc::new(judged),
                    open: OnceLock::new(),
                })
            });
        self.judged.insert(terms, docket.clone());
        docket
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

/// The Services of policy Local that addresses are for, in order; mostly one address has mostly one.
enum Locals<'a> {
    OfOne(&'a BTreeSet<&'a ServiceKey>),
    OfMany(BTreeSet<&'a ServiceKey>),
}

impl<'a> Locals<'a> {
    fn of(wanted: &[Wanted<'a>]) -> Self {
        match wanted {
            [(_, demand)] => Self::OfOne(&demand.local),
            _ => Self::OfMany(
                wanted
                    .iter()
                    .flat_map(|(_, demand)| demand.local.iter().copied())
                    .collect(),
            ),
        }
    }

    /// With their endpoints.
    fn iter(&self, view: &'a View) -> impl Iterator<Item = (&'a ServiceKey, &'a Arc<Endpoints>)> {
        let keys = match self {
            Self::OfOne(keys) => *keys,
            Self::OfMany(keys) => keys,
        };
        keys.iter()
            .filter_map(|key| Some((*key, &view.services.get(*key)?.endpoints)))
    }
}

impl Precedents {
    fn lists(&mut self, field: Field) -> Lists {
        let contenders = field.contenders().cloned().collect();
        (Arc::new(field), self.sets.one(&contenders))
    }
}
