//! What users ask for with annotations and fields.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Asked, Origins};
use crate::api::core::ServiceSpec;
use crate::domain::{Addresses, Family, Invalid, PoolName};
use crate::names;

/// The annotations users write, under either prefix.
pub(super) struct Annotations<'a>(pub(super) &'a BTreeMap<String, String>);

impl<'a> Annotations<'a> {
    /// Full name and value; the newer prefix wins where both are there.
    pub(super) fn find(&self, name: &str) -> Option<(String, &'a str)> {
        let find = |prefix| {
            let is_it = |(full, _): &(&String, _)| full.strip_prefix(prefix) == Some(name);
            self.0.iter().find(is_it)
        };
        let found = find(names::PREFIX).or_else(|| find(names::DEPRECATED_PREFIX));
        found.map(|(full, value)| (full.clone(), value.as_str()))
    }

    /// As [`Self::find`], with an empty value taken for none.
    pub(super) fn find_filled(&self, name: &str) -> Option<(String, &'a str)> {
        self.find(name).filter(|(_, value)| !value.is_empty())
    }

    /// The pools of the addresses, as they were written with the addresses.
    pub(super) fn allocated_from(&self) -> Origins {
        let mut origins = Origins::read(self.0);
        let before = || self.0.get(names::ALLOCATED_FROM_POOL_BEFORE);
        origins.first = origins.first.or_else(|| Some(before()?.as_str().into()));
        origins
    }

    pub(super) fn deprecated(&self) -> Vec<String> {
        self.0
            .keys()
            .filter(|name| name.starts_with(names::DEPRECATED_PREFIX))
            // That one is MetalLB's own work.
            .filter(|name| *name != names::ALLOCATED_FROM_POOL_BEFORE)
            .cloned()
            .collect()
    }
}

pub(super) fn asked(spec: &ServiceSpec, annotations: &Annotations<'_>) -> Result<Asked, Invalid> {
    let pool = annotations
        .find_filled(names::ADDRESS_POOL)
        .map(|(_, name)| PoolName::from(name));
    let annotated = annotations.find_filled(names::LOAD_BALANCER_IPS);
    let field = spec.load_balancer_ip.as_deref().filter(|value| !value.is_empty());
    let addresses = match (annotated, field) {
        (Some((name, _)), Some(_)) => {
            let reason = format!("annotation {name} is set too; only one of the two may be used");
            return Err(Invalid::new("spec.loadBalancerIP", reason));
        }
        (Some((name, value)), None) => requested(&name, value)?,
        (None, Some(value)) => requested("spec.loadBalancerIP", value)?,
        (None, None) => return Ok(pool.map_or(Asked::Anything, Asked::Pool)),
    };
    Ok(Asked::Addresses(addresses, pool))
}

fn requested(field: &str, value: &str) -> Result<Addresses, Invalid> {
    let mut addresses = Addresses::default();
    for text in value.split(',').map(str::trim) {
        let address = address(field, value, text)?;
        if addresses.of(Family::of(address)).is_some() {
            let reason = format!("\"{value}\" holds more than one {} address", Family::of(address));
            return Err(Invalid::new(field, reason));
        }
        addresses.set(address);
    }
    Ok(addresses)
}

pub(super) fn give_up(annotations: &Annotations<'_>) -> Result<BTreeSet<IpAddr>, Invalid> {
    let Some(value) = annotations.0.get(names::GIVE_UP) else {
        return Ok(BTreeSet::new());
    };
    let texts = value.split(',').map(str::trim).filter(|text| !text.is_empty());
    texts.map(|text| address(names::GIVE_UP, value, text)).collect()
}

/// One of the addresses listed in the value of a field.
fn address(field: &str, value: &str, text: &str) -> Result<IpAddr, Invalid> {
    let address: IpAddr = text
        .parse()
        .map_err(|_| Invalid::new(field, format!("\"{text}\" in \"{value}\" is not an IP address")))?;
    Ok(address.to_canonical())
}
