//! Pools whose addresses no node announces, because no advertisement selects them.

use ferrolb_crds::domain::{PoolName, Reason};

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;
use crate::explain::cause::{Cause, Effect};
use crate::problem::ObjectId;

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let Some(judgement) = &seen.cases.judgement else {
        return Vec::new();
    };
    let view = &judgement.view;
    let is_selected = |name: &PoolName| {
        let pool = view.pools.named(name);
        pool.is_none_or(|pool| {
            let layer2 = view.adverts.values().map(|advert| &advert.selection);
            let mut all = layer2.chain(judgement.routed.adverts().map(|advert| &advert.selection));
            all.any(|selection| selection.selects_pool(name, &pool.labels))
        })
    };
    let names = view.pools.iter().map(|pool| &pool.name);
    let unselected = names.filter(|name| !is_selected(name));
    let finding = |name: &PoolName| {
        let cause = Cause::reason(
            Effect::NotAnnounced,
            &Reason::NotAdvertised { pool: name.clone() },
        );
        Finding::warning(
            ObjectId::new("IPAddressPool", seen.installation, name.as_str()),
            &cause.message,
        )
        .because(&cause.reason)
        .remedy(cause.advice.join(" "))
    };
    unselected.map(finding).collect()
}
