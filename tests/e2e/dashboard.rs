//! Every query of the dashboard, asked of a Prometheus that has seen the faults which the dashboard is about.

#[path = "../dashboard/read.rs"]
mod read;

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ferrolb_lab::suite::Outcome;
use ferrolb_lab::{Lab, Result, wait};
use serde_json::{Value, json};

use crate::prometheus::Prometheus;

/// What the lab cannot make happen at will, by the panel.
const NO_DATA: [(&str, &str); 0] = [];

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
    let dashboard = read::dashboard();
    let mut asked = 0;
    for panel in read::panels(&dashboard) {
        let excused = NO_DATA.iter().any(|(title, _)| *title == panel.title);
        for query in panel.queries.iter().filter(|_| !excused) {
            let query = filled_in(query);
            wait::until_seen(&format!("data for {}: {query}", panel.title), within, || {
                let samples = prometheus.samples(&query)?;
                Ok(if samples.iter().any(is_number) {
                    Ok(())
                } else {
                    Err(format!("{samples:?}"))
                })
            })?;
            asked += 1;
        }
    }
    eprintln!("{asked} queries of the dashboard return data");
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
