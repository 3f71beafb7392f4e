//! What matters of the dashboard that no schema says: what is asked is documented, and what is shown can be understood.
//! `scripts/check-dashboard` checks it by Grafana's own schema.

mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::read::{dashboard, panels};

const COLUMNS: u64 = 24;
/// What a window of 1080 lines shows below Grafana's own bars.
const FIRST_SCREEN: u64 = 22;
/// Metrics that are not ours.
const OF_OTHERS: [&str; 2] = ["up", "ALERTS"];

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path))
        .expect("the file is in the tree")
}

fn all() -> Vec<Value> {
    dashboard()["panels"].as_array().expect("panels").clone()
}

/// Left, top, right and bottom, in cells.
fn place(panel: &Value) -> [u64; 4] {
    let cell = |field: &str| panel["gridPos"][field].as_u64().expect("a number of cells");
    let (x, y) = (cell("x"), cell("y"));
    [x, y, x + cell("w"), y + cell("h")]
}

/// The names in an expression that are metrics: those before a brace, and those of the forms that ours have.
fn metrics(expression: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_:".contains(c);
    let mut names = BTreeSet::new();
    for word in expression.split(|c| !is_name(c)) {
        if ["metallb_", "ferrolb_", "ferrolb:", "process_"]
            .iter()
            .any(|start| word.starts_with(start))
        {
            names.insert(word.to_owned());
        }
    }
    for (at, _) in expression.match_indices('{') {
        let before: Vec<char> = expression[..at]
            .chars()
            .rev()
            .take_while(|c| is_name(*c))
            .collect();
        names.insert(before.into_iter().rev().collect());
    }
    names
}

fn recorded() -> BTreeSet<String> {
    let rules = file("deploy/monitoring/alerts.yaml");
    let names = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- record: "));
    names.map(str::to_owned).collect()
}

/// The metrics in the tables of the documents.
fn documented() -> BTreeSet<String> {
    let text = file("docs/operations.md");
    let cells = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    cells.map(str::to_owned).collect()
}

#[test]
fn no_two_panels_have_a_number_or_a_place_in_common() {
    let panels = all();
    let numbers: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(numbers.len(), panels.len());
    for (index, one) in panels.iter().enumerate() {
        let [left, top, right, bottom] = place(one);
        assert!(right <= COLUMNS, "{}", one["title"]);
        for other in &panels[..index] {
            let [l, t, r, b] = place(other);
            let apart = right <= l || r <= left || bottom <= t || b <= top;
            assert!(apart, "{} and {}", one["title"], other["title"]);
        }
    }
}

#[test]
fn every_panel_says_what_it_shows_in_which_unit() {
    for panel in panels(&dashboard()) {
        let json = &panel.json;
        let title = json["title"].as_str().unwrap_or_default();
        let filled = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        assert!(!title.is_empty(), "{json}");
        assert!(filled(&json["description"]), "{title} has no description");
        assert!(
            filled(&json["fieldConfig"]["defaults"]["unit"]),
            "{title} has no unit"
        );
        assert!(
            json["fieldConfig"]["defaults"]["thresholds"]["steps"].is_array(),
            "{title} has no thresholds"
        );
        let targets = json["targets"].as_array().unwrap();
        let names: BTreeSet<&str> = targets
            .iter()
            .map(|target| target["refId"].as_str().unwrap())
            .collect();
        assert!(!names.is_empty() && names.len() == targets.len(), "{title}");
        assert!(panel.queries.iter().all(|query| !query.is_empty()), "{title}");
    }
}

#[test]
fn the_first_screen_ends_where_the_rows_begin() {
    let rows: Vec<u64> = all()
        .iter()
        .filter(|panel| panel["type"] == "row")
        .map(|row| place(row)[1])
        .collect();
    let first = rows.iter().min().unwrap();
    assert!(*first <= FIRST_SCREEN && rows.len() > 3, "{rows:?}");
}

#[test]
fn every_metric_that_is_asked_for_is_documented_or_recorded() {
    let known: BTreeSet<String> = documented().union(&recorded()).cloned().collect();
    let is_known = |name: &str| {
        let of_histogram = ["_bucket", "_count", "_sum"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        OF_OTHERS.contains(&name)
            || name.starts_with("process_")
            || known.contains(name)
            || of_histogram.is_some_and(|name| known.contains(name))
    };
    let mut unknown = BTreeMap::new();
    for panel in panels(&dashboard()) {
        for query in &panel.queries {
            let names = metrics(query);
            assert!(!names.is_empty(), "{query}");
            unknown.extend(
                names
                    .into_iter()
                    .filter(|name| !is_known(name))
                    .map(|name| (name, panel.json["title"].to_string())),
            );
        }
    }
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn every_rule_that_is_recorded_is_read() {
    let (rules, dashboard) = (
        file("deploy/monitoring/alerts.yaml"),
        file("deploy/monitoring/dashboard.json"),
    );
    let reads: Vec<&str> = rules.lines().filter(|line| !line.contains("record:")).collect();
    for name in recorded() {
        let in_alerts = reads.iter().any(|line| line.contains(&name));
        assert!(in_alerts && dashboard.contains(&name), "{name}");
    }
}

#[test]
fn every_variable_that_is_used_is_declared_and_every_declared_one_is_used() {
    let dashboard = dashboard();
    let declared: BTreeSet<String> = dashboard["templating"]["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| variable["name"].as_str().unwrap().to_owned())
        .collect();
    let text = dashboard.to_string();
    let used: BTreeSet<String> = text
        .split('$')
        .skip(1)
        .map(|after| {
            after
                .trim_start_matches('{')
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect()
        })
        .filter(|name: &String| !name.is_empty())
        .collect();
    assert_eq!(used, declared);
}
