//! Label selectors, compiled once.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kube::core::{Expression, SelectorExt};

use super::Invalid;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// A `metav1.LabelSelector`: all its terms must hold; without terms it selects everything.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Selector(BTreeSet<Expression>);

impl Selector {
    /// Compiles a selector.
    ///
    /// # Errors
    /// For an unknown operator, an empty key, or values where there must be none or some.
    pub fn parse(selector: &LabelSelector) -> Result<Self, Invalid> {
        let labels = selector.match_labels.iter().flatten();
        let mut terms: BTreeSet<Expression> = labels
            .map(|(key, value)| Expression::Equal(key.clone(), value.clone()))
            .collect();
        for (at, requirement) in selector.match_expressions.iter().flatten().enumerate() {
            let term = term(requirement).map_err(|error| error.within(&format!("matchExpressions[{at}]")))?;
            terms.insert(term);
        }
        Ok(Self(terms))
    }

    /// Compiles a list of selectors; errors carry `field[index]`.
    ///
    /// # Errors
    /// As [`Selector::parse`].
    pub fn parse_all(field: &str, selectors: &[LabelSelector]) -> Result<Vec<Self>, Invalid> {
        let parse =
            |(at, selector)| Self::parse(selector).map_err(|error| error.within(&format!("{field}[{at}]")));
        selectors.iter().enumerate().map(parse).collect()
    }

    /// Stands for one that cannot be read.
    pub(super) fn of_nobody() -> Self {
        Self(BTreeSet::from([Expression::In(String::new(), BTreeSet::new())]))
    }

    /// Whether these labels are selected.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|term| term.matches(labels))
    }

    /// Whether any of the selectors matches; a list without selectors matches everything.
    pub fn any_or_empty(selectors: &[Self], labels: &Labels) -> bool {
        selectors.is_empty() || selectors.iter().any(|selector| selector.matches(labels))
    }
}

fn term(requirement: &LabelSelectorRequirement) -> Result<Expression, Invalid> {
    let key = requirement.key.clone();
    let values: BTreeSet<String> = requirement.values.iter().flatten().cloned().collect();
    if key.is_empty() {
        return Err(Invalid::new("key", "must not be empty"));
    }
    match (requirement.operator.as_str(), values.is_empty()) {
        ("In", false) => Ok(Expression::In(key, values)),
        ("NotIn", false) => Ok(Expression::NotIn(key, values)),
        ("Exists", true) => Ok(Expression::Exists(key)),
        ("DoesNotExist", true) => Ok(Expression::DoesNotExist(key)),
        ("In" | "NotIn", true) => Err(Invalid::new(
            "values",
            format!("operator {} needs at least one value", requirement.operator),
        )),
        ("Exists" | "DoesNotExist", false) => Err(Invalid::new(
            "values",
            format!("operator {} takes no values", requirement.operator),
        )),
        (other, _) => Err(Invalid::new(
            "operator",
            format!("\"{other}\" is none of In, NotIn, Exists, DoesNotExist"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn parse(selector: Value) -> Result<Selector, Invalid> {
        Selector::parse(&serde_json::from_value(selector).unwrap())
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[rstest]
    #[case::nothing_selects_everything(json!({}), true)]
    #[case::label_equal(json!({"matchLabels": {"zone": "a"}}), true)]
    #[case::label_differs(json!({"matchLabels": {"zone": "b"}}), false)]
    #[case::label_absent(json!({"matchLabels": {"rack": "1"}}), false)]
    #[case::in_list(json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]}), true)]
    #[case::not_in_list(json!({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}), false)]
    #[case::not_in_when_absent(json!({"matchExpressions": [{"key": "rack", "operator": "NotIn", "values": ["1"]}]}), true)]
    #[case::exists(json!({"matchExpressions": [{"key": "zone", "operator": "Exists"}]}), true)]
    #[case::does_not_exist(json!({"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]}), false)]
    #[case::all_terms_must_hold(json!({"matchLabels": {"zone": "a"}, "matchExpressions": [{"key": "rack", "operator": "Exists"}]}), false)]
    fn selects(#[case] selector: Value, #[case] expected: bool) {
        assert_eq!(
            parse(selector).unwrap().matches(&labels(&[("zone", "a")])),
            expected
        );
    }

    #[rstest]
    #[case::unknown_operator(json!([{"key": "a", "operator": "Near"}]), "matchExpressions[0].operator: \"Near\" is none of In, NotIn, Exists, DoesNotExist")]
    #[case::no_values(json!([{"key": "a", "operator": "In"}]), "matchExpressions[0].values: operator In needs at least one value")]
    #[case::values_for_exists(json!([{"key": "a", "operator": "Exists", "values": ["x"]}]), "matchExpressions[0].values: operator Exists takes no values")]
    #[case::no_key(json!([{"key": "", "operator": "Exists"}]), "matchExpressions[0].key: must not be empty")]
    fn refuses(#[case] expressions: Value, #[case] message: &str) {
        assert_eq!(
            parse(json!({ "matchExpressions": expressions }))
                .unwrap_err()
                .to_string(),
            message
        );
    }
}
