//! What is valid, and probably not meant.

use std::collections::BTreeSet;

use ferrolb_crds::api::core::Service;
use ferrolb_crds::api::{IPAddressPool, L2Advertisement};
use ferrolb_crds::domain::{AddressRange, Problem, ServiceView};
use ferrolb_crds::names::{DEPRECATED_PREFIX, PREFIX};
use kube::ResourceExt;

use crate::objects::{Objects, id};

/// All hints about these objects.
pub(super) fn hints(objects: &Objects) -> Vec<Problem> {
    let pools: BTreeSet<String> = objects.pools.iter().map(ResourceExt::name_any).collect();
    let of_pools = objects.pools.iter().flat_map(host_bits);
    let of_adverts = objects
        .adverts
        .iter()
        .flat_map(|advert| unknown_pools(advert, &pools));
    let of_services = objects.services.iter().filter_map(deprecated);
    of_pools.chain(of_adverts).chain(of_services).collect()
}

/// A prefix that is given by one of its later addresses holds those before it too.
fn host_bits(pool: &IPAddressPool) -> impl Iterator<Item = Problem> {
    let hint = |(at, text): (usize, &String)| {
        let (address, _) = text.split_once('/')?;
        let range: AddressRange = text.parse().ok()?;
        let (first, last) = (range.first(), range.last());
        let message = format!("spec.addresses[{at}]: {text} has host bits: it gives out {first} to {last}");
        (address.parse() != Ok(first)).then(|| Problem::new(id(pool), message))
    };
    pool.spec.addresses.iter().enumerate().filter_map(hint)
}

fn unknown_pools(advert: &L2Advertisement, pools: &BTreeSet<String>) -> impl Iterator<Item = Problem> {
    let named = advert.spec.ip_address_pools.iter().enumerate();
    let unknown = named.filter(|(_, name)| !pools.contains(*name));
    unknown.map(|(at, name)| {
        Problem::new(
            id(advert),
            format!("spec.ipAddressPools[{at}]: there is no IPAddressPool {name}"),
        )
    })
}

fn deprecated(service: &Service) -> Option<Problem> {
    let old = ServiceView::read(service).deprecated_annotations;
    let message = format!(
        "annotation prefix {DEPRECATED_PREFIX} is deprecated, use {PREFIX} instead of: {}",
        old.join(", ")
    );
    (!old.is_empty()).then(|| Problem::new(id(service), message))
}
