//! The pools, nodes and Services that an advertisement speaks of, whatever it does with them.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::{Invalid, Labels, PoolName, Selector};

/// What an advertisement selects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    pools: BTreeSet<PoolName>,
    pool_selectors: Vec<Selector>,
    node_selectors: Vec<Selector>,
    service_selectors: Vec<Selector>,
}

impl Selection {
    /// Reads the fields that all kinds of advertisements have.
    ///
    /// # Errors
    /// The first selector that is wrong.
    pub(super) fn parse(
        pools: &[String],
        pool_selectors: &[LabelSelector],
        node_selectors: &[LabelSelector],
        service_selectors: &[LabelSelector],
    ) -> Result<Self, Invalid> {
        let selectors = |field: &str, list| Selector::parse_all(&format!("spec.{field}"), list);
        Ok(Self {
            pools: pools.iter().map(|name| name.as_str().into()).collect(),
            pool_selectors: selectors("ipAddressPoolSelectors", pool_selectors)?,
            node_selectors: selectors("nodeSelectors", node_selectors)?,
            service_selectors: selectors("serviceSelectors", service_selectors)?,
        })
    }

    /// The names in a field of an advertisement that name no object of this kind.
    pub(super) fn unknown<'a>(
        field: &'a str,
        kind: &'a str,
        names: &'a [String],
        exists: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = Invalid> + 'a {
        let unknown = names.iter().enumerate().filter(move |(_, name)| !exists(name));
        unknown.map(move |(at, name)| {
            Invalid::new(format!("{field}[{at}]"), format!("there is no {kind} {name}"))
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
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn of_pools(names: Value, selectors: Value) -> Selection {
        let names: Vec<String> = serde_json::from_value(names).unwrap();
        let selectors: Vec<LabelSelector> = serde_json::from_value(selectors).unwrap();
        Selection::parse(&names, &selectors, &[], &[]).unwrap()
    }

    #[rstest]
    #[case::nothing_said_means_every_pool(json!([]), json!([]), true)]
    #[case::named(json!(["p"]), json!([]), true)]
    #[case::another_named(json!(["q"]), json!([]), false)]
    #[case::selected(json!([]), json!([{"matchLabels": {"tier": "edge"}}]), true)]
    #[case::named_or_selected(json!(["q"]), json!([{"matchLabels": {"tier": "edge"}}]), true)]
    #[case::not_selected(json!([]), json!([{"matchLabels": {"tier": "core"}}]), false)]
    fn selects_pools(#[case] names: Value, #[case] selectors: Value, #[case] expected: bool) {
        let labels = Labels::from([("tier".to_owned(), "edge".to_owned())]);
        let selection = of_pools(names, selectors);
        assert_eq!(selection.selects_pool(&"p".into(), &labels), expected);
    }
}
