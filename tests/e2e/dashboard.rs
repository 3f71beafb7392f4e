//! Every query of the dashboard, asked of a Prometheus that has seen the faults which the dashboard is about.

#[path = "../dashboard/read.rs"]
mod read;

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ferrolb_lab::suite::Outcome;
use ferrolb_lab::{Lab, Result, wait};
use serde_json::{Value, json};

use crate::prometheus::Prometheus;

/// What has no series before it happens and does not happen in this trial, and why.
const NO_DATA: [(&str, &str); 3] = [
    (
        "ferrolb_layer2_send_errors_total",
        "the kernel takes every frame of the lab",
    ),
    ("ferrolb_watch_failures_total", "the API server stays"),
    ("ferrolb_events_lost_total", "the API server stays"),
];

/// With all jobs, nodes and pools, and an interval as Grafana chooses it for an hour and a scrape every 15 s.
fn filled_in(query: &str) -> String {
    query
        .replace("$__rate_interval", "5m")
        .replace("$job", ".*")
        .replace("$node", ".*")
        .replace("$pool", ".*")
}

/// A number, which no quotient of nothing is.
fn is_number(sample: &Value) -> bool {
    let value = sample["value"][1]
        .as_str()
        .and_then(|text| text.parse::<f64>().ok());
    value.is_some_and(f64::is_finite)
}

/// Waits until every query returns a number at least.
pub(crate) fn every_query_answers(prometheus: &mut Prometheus, within: Duration) -> Result<()> {
    let excused = |query: &String| NO_DATA.iter().any(|(metric, _)| query.contains(metric));
    let panels = read::panels(&read::dashboard());
    let queries = panels.into_iter().flat_map(|panel| panel.queries);
    let mut missing: Vec<String> = queries
        .filter(|query| !excused(query))
        .map(|query| filled_in(&query))
        .collect();
    let all = missing.len();
    wait::until_seen("data for each query of the dashboard", within, || {
        for query in std::mem::take(&mut missing) {
            if !prometheus.samples(&query)?.iter().any(is_number) {
                missing.push(query);
            }
        }
        Ok(if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("nothing for {missing:#?}"))
        })
    })?;
    eprintln!("{all} queries of the dashboard return data");
    Ok(())
}

/// For `scripts/dashboard/picture`: where to write what Prometheus answers to each panel.
const ANSWERS: &str = "FERROLB_DASHBOARD_ANSWERS";
/// What the picture shows of the past, and how finely.
const SHOWN: Duration = Duration::from_secs(180);
const STEP: &str = "2";

/// Writes what Prometheus answers to each panel, if somebody wants it.
pub(crate) fn save(lab: &Lab) -> Outcome {
    let Some(file) = std::env::var_os(ANSWERS) else {
        return Ok(());
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let (start, end) = (
        format!("start={}", (now - SHOWN).as_secs()),
        format!("end={}", now.as_secs()),
    );
    let mut answers = serde_json::Map::new();
    for panel in read::panels(&read::dashboard()) {
        let targets = panel.json["targets"].as_array().into_iter().flatten();
        let ask = |(target, query): (&Value, &String)| -> Result<Value> {
            let query = format!("query={}", filled_in(query).replace("[5m]", "[10s]"));
            let step = format!("step={STEP}");
            let how: &[&str] = match target["instant"].as_bool() {
                Some(true) => &["http://127.0.0.1:9090/api/v1/query"],
                _ => &[
                    "-d",
                    &start,
                    "-d",
                    &end,
                    "-d",
                    &step,
                    "http://127.0.0.1:9090/api/v1/query_range",
                ],
            };
            let answer = lab.client(&[&["curl", "-s", "-G", "--data-urlencode", &query], how].concat())?;
            Ok(serde_json::from_str(&answer).unwrap_or_default())
        };
        let told: Vec<Value> = targets.zip(&panel.queries).map(ask).collect::<Result<_>>()?;
        answers.insert(panel.json["id"].to_string(), json!(told));
    }
    Ok(fs::write(file, Value::Object(answers).to_string())?)
}
