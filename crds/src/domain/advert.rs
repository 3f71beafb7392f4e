//! Advertisements of layer 2: what is announced from where.

use std::collections::BTreeSet;

use kube::ResourceExt;

use super::{AdvertName, InterfaceName, Invalid, Labels, Selection, Selector};
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
    /// The pools, nodes and Services that it speaks of.
    pub selection: Selection,
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
            selection: Selection::parse(
                &spec.ip_address_pools,
                &spec.ip_address_pool_selectors,
                &spec.node_selectors,
                &spec.service_selectors,
            )?,
        })
    }

    /// The pools that the resource names and that are not there, of whatever use they would be.
    pub fn unknown_pools<'a>(
        resource: &'a L2Advertisement,
        exists: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = Invalid> + 'a {
        Selection::unknown(
            "spec.ipAddressPools",
            "IPAddressPool",
            &resource.spec.ip_address_pools,
            exists,
        )
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
