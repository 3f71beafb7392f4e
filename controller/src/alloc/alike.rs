//! Services that are refused for the same reason, which is found once for all of them.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_crds::domain::{Asked, Families, Labels, PoolName, Port, Reason, Scope, ServiceView, Sharing};

use super::World;

/// Refusals by what they depend on. Within a pass addresses are only taken: who was refused once would be again.
pub(super) struct Refusals<'a> {
    by_terms: BTreeMap<Terms<'a>, Reason>,
    /// Whether any pool asks for labels of Services.
    labels_count: bool,
}

/// All of a Service that decides which pools have an address for it. Of those that share, the ports count too.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Terms<'a> {
    families: Families,
    pool: Option<&'a PoolName>,
    namespace: &'a str,
    labels: Option<&'a Labels>,
    sharing: Option<(&'a Sharing, &'a BTreeSet<Port>)>,
}

impl<'a> Refusals<'a> {
    pub(super) fn new(world: &World) -> Self {
        let selects = |scope: &Scope| scope.selects_services();
        let mut scopes = world.pools.iter().filter_map(|pool| pool.scope.as_ref());
        Self {
            by_terms: BTreeMap::new(),
            labels_count: scopes.any(selects),
        }
    }

    /// None of a Service that asks for addresses by number, or whose families are not known.
    pub(super) fn terms(&self, service: &'a ServiceView) -> Option<Terms<'a>> {
        let pool = match &service.asked {
            Ok(Asked::Anything) => None,
            Ok(Asked::Pool(pool)) => Some(pool),
            Ok(Asked::Addresses(..)) | Err(_) => return None,
        };
        Some(Terms {
            families: service.families.clone().ok()?,
            pool,
            namespace: &service.key.namespace,
            labels: self.labels_count.then_some(&service.labels),
            sharing: service.sharing.as_ref().map(|sharing| (sharing, &service.ports)),
        })
    }

    pub(super) fn of(&self, terms: &Terms<'a>) -> Option<&Reason> {
        self.by_terms.get(terms)
    }

    pub(super) fn note(&mut self, terms: Terms<'a>, why: &Reason) {
        self.by_terms.insert(terms, why.clone());
    }
}
