//! What is remembered from one judgement to the next. It saves time and changes no result.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{Reason, ServiceKey};

use super::eligible::Eligibility;
use super::group::{Group, User, Uses};
use super::judged::JudgedNodes;
use super::request::{Demand, Request, Terms};
use super::view::{Exclusion, Service, View};
use super::{Judged, May};

/// What was judged last. A group that nothing has changed for is not judged again.
#[derive(Debug, Default)]
pub struct Memory {
    view: View,
    last: Arc<May>,
    nodes: BTreeMap<BTreeSet<Terms>, Arc<JudgedNodes>>,
}

impl Memory {
    /// Judges every node for every address of our Services: the same answer as without a memory.
    pub fn judge(&mut self, view: &View) -> Arc<May> {
        if self.view.is(view) {
            return self.last.clone();
        }
        if !self.view.has_rules_of(view) {
            self.nodes.clear();
            self.last = Arc::default();
        }
        let mut by_address = Vec::with_capacity(view.services.len());
        for group in Uses::of(view).groups() {
            match self.known(&group) {
                Some(known) => by_address.extend(known),
                None => by_address.extend(self.judge_group(view, &group)),
            }
        }
        let by_address: BTreeMap<IpAddr, Arc<Judged>> = by_address.into_iter().collect();
        let used = by_address.values().filter_map(|judged| judged.nodes.as_ref());
        let used: BTreeSet<*const JudgedNodes> = used.map(Arc::as_ptr).collect();
        self.nodes.retain(|_, nodes| used.contains(&Arc::as_ptr(nodes)));
        let selected = self.nodes.values().flat_map(|nodes| nodes.selected());
        self.last = Arc::new(May {
            selected: Arc::new(selected.collect()),
            by_address,
            all_excluded: view.exclusion() == Exclusion::Everywhere,
        });
        self.view = view.clone();
        self.last.clone()
    }

    /// What was judged of the group, if each address still has the very same Services: then there is no more to the group
    /// than before, and no less.
    fn known(&self, group: &Group<'_>) -> Option<Vec<(IpAddr, Arc<Judged>)>> {
        let known = |(address, users): &(IpAddr, Vec<User<'_>>)| {
            let judged = self.last.by_address.get(address)?;
            let same =
                |(one, other): (&(ServiceKey, Service), &User<'_>)| one.0 == *other.0 && one.1.is(other.1);
            let all = judged.services.len() == users.len() && judged.services.iter().zip(users).all(same);
            all.then(|| (*address, judged.clone()))
        };
        group.addresses.iter().map(known).collect()
    }

    fn judge_group(&mut self, view: &View, group: &Group<'_>) -> Vec<(IpAddr, Arc<Judged>)> {
        let requests: Vec<Request<'_>> = group
            .addresses
            .iter()
            .map(|(address, users)| Request::of(view, *address, users.clone()))
            .collect();
        let eligibilities = self.eligibilities(view, group.first, &requests);
        let judged = |request: Request<'_>| {
            let eligibility = eligibilities.get(&request.address);
            let eligible = match &request.demand {
                Err(why) => Err(Box::new(why.clone())),
                Ok(_) if view.nodes.is_empty() => Err(Box::new(Reason::NoNodes)),
                Ok(_) => may_or_why(&eligibilities[&request.address]),
            };
            let own = |(key, service): User<'_>| (key.clone(), service.clone());
            let judged = Judged {
                services: request.users.into_iter().map(own).collect(),
                nodes: eligibility.map(|one| one.judged.clone()),
                refused: request.refused.into_iter().collect(),
                eligible,
            };
            (request.address, Arc::new(judged))
        };
        requests.into_iter().map(judged).collect()
    }

    /// One for the whole group; one for each address if no node is eligible for all.
    fn eligibilities(
        &mut self,
        view: &View,
        first: IpAddr,
        requests: &[Request<'_>],
    ) -> BTreeMap<IpAddr, Arc<Eligibility>> {
        let wanted: Vec<(IpAddr, &Demand<'_>)> = requests
            .iter()
            .filter_map(|request| Some((request.address, request.demand.as_ref().ok()?)))
            .collect();
        if wanted.is_empty() {
            return BTreeMap::new();
        }
        let whole = Arc::new(self.eligibility(view, first, &wanted));
        if wanted.len() == 1 || !whole.group.fit.is_empty() {
            return wanted
                .iter()
                .map(|(address, _)| (*address, whole.clone()))
                .collect();
        }
        let alone = wanted.chunks(1);
        alone
            .map(|one| (one[0].0, Arc::new(self.eligibility(view, first, one))))
            .collect()
    }

    fn eligibility(&mut self, view: &View, first: IpAddr, demands: &[(IpAddr, &Demand<'_>)]) -> Eligibility {
        Eligibility::of(first, demands, |terms| {
            let judge = |terms: &_| Arc::new(JudgedNodes::of(view, terms));
            self.nodes.entry(terms).or_insert_with_key(judge).clone()
        })
    }
}

fn may_or_why(eligibility: &Arc<Eligibility>) -> Result<Arc<Eligibility>, Box<Reason>> {
    match eligibility.group.fit.is_empty() {
        true => Err(Box::new(Reason::NoEligibleNode(eligibility.ineligible().clone()))),
        false => Ok(eligibility.clone()),
    }
}
