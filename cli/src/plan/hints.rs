//! What is valid, and probably not meant.

use std::collections::BTreeSet;

use ferrolb_crds::api::core::Service;
use ferrolb_crds::domain::{Advert, ServiceView};
use kube::ResourceExt;

use crate::objects::{Objects, id};
use crate::problem::Problem;

/// All hints about these objects.
pub(super) fn hints(objects: &Objects) -> Vec<Problem> {
    let pools: BTreeSet<String> = objects.pools.iter().map(ResourceExt::name_any).collect();
    let of_advert = |advert| {
        let unknown = Advert::unknown_pools(advert, |name| pools.contains(name));
        unknown.map(|doubt| Problem::new(id(advert), doubt))
    };
    let of_adverts = objects.adverts.iter().flat_map(of_advert);
    let of_services = objects.services.iter().filter_map(deprecated);
    of_adverts.chain(of_services).collect()
}

fn deprecated(service: &Service) -> Option<Problem> {
    let deprecation = ServiceView::read(service).deprecation()?;
    Some(Problem::new(id(service), deprecation))
}
