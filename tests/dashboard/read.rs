//! The dashboard that is shipped, as its panels and their queries.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// One panel that asks something.
pub(crate) struct Panel {
    /// As Grafana sends them, with variables.
    pub(crate) queries: Vec<String>,
    /// All of it.
    #[allow(
        dead_code,
        reason = "one of the two suites that read it needs no more than the queries"
    )]
    pub(crate) json: Value,
}

/// The whole file.
pub(crate) fn dashboard() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/monitoring/dashboard.json");
    let text = fs::read_to_string(file).expect("the dashboard is shipped");
    serde_json::from_str(&text).expect("the dashboard is JSON")
}

/// Its panels without the headings of rows.
pub(crate) fn panels(dashboard: &Value) -> Vec<Panel> {
    let all = dashboard["panels"].as_array().expect("panels");
    let asking = all.iter().filter(|panel| panel["type"] != "row");
    let read = |panel: &Value| Panel {
        queries: targets(panel).iter().map(|target| text(target, "expr")).collect(),
        json: panel.clone(),
    };
    asking.map(read).collect()
}

fn targets(panel: &Value) -> &[Value] {
    panel["targets"].as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}
