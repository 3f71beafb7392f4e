//! Advertisements: what is announced from where.

use std::collections::BTreeSet;

use kube::ResourceExt;

use super::{AdvertName, InterfaceName, Invalid, Labels, PoolName, Selector};
use crate::api::L2Advertisement;

/// A valid `L2Advertisement`.
#[derive(Clone, Debug, PartialEq)]
pub struct Advert {
    /// Its name.
    pub name: AdvertName,
    /// Interfaces to announce on; empty means any that suits.
    pub interfaces: BTreeSet<InterfaceName>,
    /// Weighted preferences for nodes.
    pub preferences: Vec<Preference>,
    pools: BTreeSet<PoolName>,
    pool_selectors: Vec<Selector>,
    node_selectors: Vec<Selector>,
    service_selectors: Vec<Selector>,
}

/// Adds `weight` (1 to 100) to the score of the nodes it selects.
#[derive(Clone, Debug, PartialEq)]
pub struct Preference {
    /// 1 to 100.
    pub weight: u32,
    nodes: Selector,
}

impl Advert {
    /// Reads the resource.
    ///
    /// # Errors
    /// The first field that is wrong, with its value.
    pub fn parse(resource: &L2Advertisement) -> Result<Self, Invalid> {
        let spec = &resource.spec;
        let selectors = |field: &str, list| Selector::parse_all(&format!("spec.{field}"), list);
        let preference = |(at, wire): (usize, &crate::api::PreferredNodeSelector)| {
            Preference::parse(wire)
                .map_err(|error| error.within(&format!("spec.preferredNodeSelectors[{at}]")))
        };
        Ok(Self {
            name: resource.name_any().into(),
            interfaces: spec.interfaces.iter().map(|name| name.as_str().into()).collect(),
            preferences: spec
                .preferred_node_selectors
                .iter()
                .enumerate()
                .map(preference)
                .collect::<Result<_, _>>()?,
            pools: spec
                .ip_address_pools
                .iter()
                .map(|name| name.as_str().into())
                .collect(),
            pool_selectors: selectors("ipAddressPoolSelectors", &spec.ip_address_pool_selectors)?,
            node_selectors: selectors("nodeSelectors", &spec.node_selectors)?,
            service_selectors: selectors("serviceSelectors", &spec.service_selectors)?,
        })
    }

    /// The pools that the resource names and that are not there, of whatever use they would be.
    pub fn unknown_pools(
        resource: &L2Advertisement,
        exists: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = Invalid> {
        let named = resource.spec.ip_address_pools.iter().enumerate();
        let unknown = named.filter(move |(_, name)| !exists(name));
        unknown.map(|(at, name)| {
            let reason = format!("there is no IPAddressPool {name}");
            Invalid::new(format!("spec.ipAddressPools[{at}]"), reason)
        })
    }

    /// Whether the pool is advertised: named, or selected, or nothing says which pools.
    pub fn selects_pool(&self, name: &PoolName, labels: &Labels) -> bool {
        let all = self.pools.is_empty() && self.pool_selectors.is_empty();
        all || self.pools.contains(name) || self.pool_selectors.iter().any(|one| one.matches(labels))
    }

    /// Whether a node with these labels may announce.
    pub fn selects_node(&self, labels: &Labels) -> bool {
        Selector::any_or_empty(&self.node_selectors, labels)
    }

    /// Whether a Service with these labels is announced.
    pub fn selects_service(&self, labels: &Labels) -> bool {
        Selector::any_or_empty(&self.service_selectors, labels)
    }

    /// Whether it speaks of some Services only.
    pub fn restricts_services(&self) -> bool {
        !self.service_selectors.is_empty()
    }

    /// The sum of the weights whose preference matches. Counts only for nodes the advertisement selects.
    pub fn score(&self, node: &Labels) -> u32 {
        let matching = self
            .preferences
            .iter()
            .filter(|preference| preference.nodes.matches(node));
        matching.map(|preference| preference.weight).sum()
    }
}

impl Preference {
    fn parse(wire: &crate::api::PreferredNodeSelector) -> Result<Self, Invalid> {
        let weight = u32::try_from(wire.weight)
            .ok()
            .filter(|weight| (1..=100).contains(weight));
        let weight = weight
            .ok_or_else(|| Invalid::new("weight", format!("{} is not within 1 to 100", wire.weight)))?;
        let nodes = Selector::parse(&wire.preference).map_err(|error| error.within("preference"))?;
        Ok(Self { weight, nodes })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn parse(spec: Value) -> Result<Advert, Invalid> {
        let object = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement",
            "metadata": { "name": "a" }, "spec": spec });
        Advert::parse(&serde_json::from_value(object).unwrap())
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[rstest]
    #[case::nothing_said_means_every_pool(json!({}), true)]
    #[case::named(json!({"ipAddressPools": ["p"]}), true)]
    #[case::another_named(json!({"ipAddressPools": ["q"]}), false)]
    #[case::selected(json!({"ipAddressPoolSelectors": [{"matchLabels": {"tier": "edge"}}]}), true)]
    #[case::named_or_selected(json!({"ipAddressPools": ["q"], "ipAddressPoolSelectors": [{"matchLabels": {"tier": "edge"}}]}), true)]
    #[case::not_selected(json!({"ipAddressPoolSelectors": [{"matchLabels": {"tier": "core"}}]}), false)]
    fn selects_pools(#[case] spec: Value, #[case] expected: bool) {
        let advert = parse(spec).unwrap();
        assert_eq!(
            advert.selects_pool(&"p".into(), &labels(&[("tier", "edge")])),
            expected
        );
    }

    #[test]
    fn weights_of_matching_preferences_add_up() {
        let advert = parse(json!({"preferredNodeSelectors": [
            {"weight": 10, "preference": {"matchLabels": {"zone": "a"}}},
            {"weight": 5, "preference": {"matchLabels": {"ssd": "yes"}}},
            {"weight": 50, "preference": {"matchLabels": {"zone": "b"}}}]}))
        .unwrap();
        assert_eq!(advert.score(&labels(&[("zone", "a"), ("ssd", "yes")])), 15);
    }

    #[test]
    fn a_weight_out_of_bounds_is_named() {
        let error =
            parse(json!({"preferredNodeSelectors": [{"weight": 101, "preference": {}}]})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "spec.preferredNodeSelectors[0].weight: 101 is not within 1 to 100"
        );
    }
}
