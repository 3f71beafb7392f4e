//! What is remembered from one judgement to the next. It saves time and changes no result.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::{Reason, ServiceKey};

use super::eligible::Eligibility;
use super::group::{Group, User, groups};
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
    /// By the first address of the group.
    groups: HashMap<IpAddr, Known>,
}

#[derive(Debug)]
struct Known {
    services: Vec<(ServiceKey, Service)>,
    judged: Vec<(IpAddr, Arc<Judged>)>,
    nodes: Vec<Arc<JudgedNodes>>,
}

impl Memory {
    /// Judges every node for every address of our Services: the same answer as without a memory.
    pub fn judge(&mut self, view: &View) -> Arc<May> {
        if self.view.is(view) {
            return self.last.clone();
        }
        if !self.view.has_rules_of(view) {
            self.nodes.clear();
            self.groups.clear();
        }
        let mut before = std::mem::take(&mut self.groups);
        let mut by_address = Vec::new();
        for group in groups(view) {
            let known = before.remove(&group.first).filter(|known| known.is_of(&group));
            let known = known.unwrap_or_else(|| self.judge_group(view, &group));
            by_address.extend(known.judged.iter().cloned());
            self.groups.insert(group.first, known);
        }
        self.forget_unused_nodes();
        let selected = self.nodes.values().flat_map(|nodes| nodes.selected());
        self.last = Arc::new(May {
            by_address: by_address.into_iter().collect(),
            selected: Arc::new(selected.collect()),
            all_excluded: view.exclusion() == Exclusion::Everywhere,
        });
        self.view = view.clone();
        self.last.clone()
    }

    fn forget_unused_nodes(&mut self) {
        let used: BTreeSet<*const JudgedNodes> = self
            .groups
            .values()
            .flat_map(|known| known.nodes.iter().map(Arc::as_ptr))
            .collect();
        self.nodes.retain(|_, nodes| used.contains(&Arc::as_ptr(nodes)));
    }

    fn judge_group(&mut self, view: &View, group: &Group<'_>) -> Known {
        let requests: Vec<Request<'_>> = group
            .addresses
            .iter()
            .map(|(address, users)| Request::of(view, *address, users.clone()))
            .collect();
        let eligibilities = self.eligibilities(view, group.first, &requests);
        let nodes = eligibilities.values().map(|one| one.judged.clone()).collect();
        let judged = requests.iter().map(|request| {
            let eligible = match &request.demand {
                Err(why) => Err(why.clone()),
                Ok(_) if view.nodes.is_empty() => Err(Reason::NoNodes),
                Ok(_) => may_or_why(&eligibilities[&request.address]),
            };
            let judged = Judged {
                services: request.users.iter().map(|(key, _)| (*key).clone()).collect(),
                refused: request.refused.clone(),
                eligible,
            };
            (request.address, Arc::new(judged))
        });
        Known {
            judged: judged.collect(),
            nodes,
            services: group
                .users()
                .map(|(key, service)| (key.clone(), service.clone()))
                .collect(),
        }
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
            let judge = || Arc::new(JudgedNodes::of(view, &terms));
            match self.nodes.get(&terms) {
                Some(known) => known.clone(),
                None => {
                    let judged = judge();
                    self.nodes.insert(terms, judged.clone());
                    judged
                }
            }
        })
    }
}

fn may_or_why(eligibility: &Arc<Eligibility>) -> Result<Arc<Eligibility>, Reason> {
    match eligibility.group.fit.is_empty() {
        true => Err(Reason::NoEligibleNode(eligibility.ineligible().clone())),
        false => Ok(eligibility.clone()),
    }
}

impl Known {
    fn is_of(&self, group: &Group<'_>) -> bool {
        let mut known = self.services.iter();
        let same = |(key, service): User<'_>| {
            let one = known.next();
            one.is_some_and(|(known, of)| known == key && of.is(service))
        };
        group.users().all(same) && known.next().is_none()
    }
}

impl<'a> Group<'a> {
    /// The Services of each address in turn.
    fn users(&self) -> impl Iterator<Item = User<'a>> {
        self.addresses.iter().flat_map(|(_, users)| users.iter().copied())
    }
}
