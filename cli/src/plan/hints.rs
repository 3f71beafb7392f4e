//! What is valid, and probably not meant.

use std::collections::BTreeSet;

use ferrolb_crds::api::core::Service;
use ferrolb_crds::domain::{Advert, Problem, ServiceView};
use ferrolb_crds::names::{DEPRECATED_PREFIX, PREFIX};
use kube::ResourceExt;

use crate::objects::{Objects, id};

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
    let old = ServiceView::read(service).deprecated_annotations;
    let message = format!(
        "annotation prefix {DEPRECATED_PREFIX} is deprecated, use {PREFIX} instead of: {}",
        old.join(", ")
    );
    (!old.is_empty()).then(|| Problem::new(id(service), message))
}
