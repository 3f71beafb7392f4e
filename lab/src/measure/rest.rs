//! What is written while nothing happens.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Place;
use super::audit::AuditLog;
use super::stage::{Size, Stage, VARIABLES};
use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::pki;
use crate::program::Implementation;

/// What changes something, as the API server's metric names it.
const VERBS: [&str; 6] = ["APPLY", "DELETE", "DELETECOLLECTION", "PATCH", "POST", "PUT"];
/// By which processes show that they live.
const LEASES: &str = "leases";

/// What is measured.
#[derive(Debug, Clone)]
pub struct Rest {
    /// How long.
    pub lasting: Duration,
    /// Nodes of a lab made for it.
    pub nodes: u8,
    /// How many addresses the speakers hold together.
    pub addresses: u16,
    /// Another speaker than this tree's.
    pub implementation: Implementation,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Resting {
    /// How many nodes there were, each with a speaker.
    pub nodes: u8,
    /// How many addresses they held.
    pub addresses: u16,
    /// Further variables of the speakers.
    pub variables: Vec<(String, String)>,
    /// How long it was.
    pub minutes: f64,
    /// All requests that change something and that the API server counted meanwhile, whoever sent them, by verb and
    /// resource.
    pub requests: BTreeMap<String, f64>,
    /// Those that are not for a Lease, for each node and minute. The speakers' share is no greater.
    pub requests_per_node_and_minute: f64,
    /// Those that the audit log knows as the speakers', Leases included, by verb and resource.
    pub speakers: BTreeMap<String, usize>,
    /// The same for each node and minute.
    pub speakers_per_node_and_minute: f64,
}

/// Measures, once nothing has been written for a while.
///
/// # Errors
/// If the lab does not start, or the addresses are not held.
pub fn rest(place: &Place, what: &Rest) -> Result<Resting> {
    let size = Size {
        nodes: what.nodes,
        clients: 1,
        addresses: what.addresses,
    };
    let mut stage = Stage::set(place, size, &what.implementation)?;
    let nodes: Vec<u8> = stage.lab.plan().nodes().collect();
    nodes.iter().try_for_each(|node| stage.start(*node))?;
    stage.settle()?;
    let mut audit = AuditLog::of(pki::account("speaker"), stage.lab.state().log("audit"));
    audit.settle()?;
    let (before, written, began) = (requests(&stage.lab)?, audit.writes.len(), Instant::now());
    thread::sleep(what.lasting);
    let (after, minutes) = (requests(&stage.lab)?, began.elapsed().as_secs_f64() / 60.0);
    audit.read()?;
    let mut speakers = BTreeMap::new();
    for write in &audit.writes[written..] {
        *speakers.entry(write.kind()).or_default() += 1;
    }
    stage.settle()?;
    stage.strike()?;
    let requests = difference(&before, &after);
    let others = requests.iter().filter(|(kind, _)| !kind.ends_with(LEASES));
    let per_node = |count: f64| (count / f64::from(what.nodes) / minutes * 1000.0).round() / 1000.0;
    Ok(Resting {
        nodes: what.nodes,
        addresses: what.addresses,
        variables: VARIABLES
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        minutes: (minutes * 1000.0).round() / 1000.0,
        requests_per_node_and_minute: per_node(others.fold(0.0, |sum, (_, count)| sum + count)),
        requests,
        speakers_per_node_and_minute: per_node(audit_count(&speakers)),
        speakers,
    })
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn audit_count(speakers: &BTreeMap<String, usize>) -> f64 {
    speakers.values().sum::<usize>() as f64
}

/// All that changed something so far.
fn requests(lab: &Lab) -> Result<BTreeMap<String, f64>> {
    Ok(changing(&lab.kubectl(&["get", "--raw", "/metrics"])?))
}

/// From the Prometheus text format: by verb and resource, whatever the answer was.
fn changing(text: &str) -> BTreeMap<String, f64> {
    let mut counts = BTreeMap::new();
    let series = text
        .lines()
        .filter_map(|line| line.strip_prefix("apiserver_request_total{"));
    for (labels, count) in series.filter_map(|line| line.rsplit_once("} ")) {
        let (verb, resource) = (label(labels, "verb"), label(labels, "resource"));
        if VERBS.contains(&verb) {
            let count: f64 = count.parse().unwrap_or_default();
            *counts.entry(format!("{verb} {resource}")).or_default() += count;
        }
    }
    counts
}

fn label<'a>(labels: &'a str, name: &str) -> &'a str {
    let value = |pair: &'a str| pair.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"');
    labels.split(',').find_map(value).unwrap_or_default()
}

fn difference(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let more = |(kind, count): (&String, &f64)| (kind.clone(), count - before.get(kind).unwrap_or(&0.0));
    after.iter().map(more).filter(|(_, count)| *count > 0.0).collect()
}

impl Resting {
    /// Whether the speakers wrote nothing.
    ///
    /// # Errors
    /// If they did, or if somebody did and it cannot be told that they did not.
    pub fn verdict(&self) -> Result<()> {
        if self.speakers.is_empty() && self.requests_per_node_and_minute <= 0.0 {
            return Ok(());
        }
        Error::refused(format!(
            "written at rest: {:?}, by the speakers {:?}",
            self.requests, self.speakers
        ))
    }

    /// The figures in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "{} addresses on {} nodes for {} minutes: {} requests for each node and minute that change anything but a Lease, \
             {} of any kind by the speakers; all: {:?}",
            self.addresses,
            self.nodes,
            self.minutes,
            self.requests_per_node_and_minute,
            self.speakers_per_node_and_minute,
            self.requests
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = r#"# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="services",scope="resource",subresource="status",verb="APPLY",version="v1"} 3
apiserver_request_total{code="409",component="apiserver",dry_run="",group="",resource="services",scope="resource",subresource="",verb="APPLY",version="v1"} 1
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="services",scope="cluster",subresource="",verb="LIST",version="v1"} 9
"#;

    #[test]
    fn what_changes_something_is_counted_by_verb_and_resource() {
        let counted = changing(METRICS);
        assert_eq!(counted, BTreeMap::from([("APPLY services".to_owned(), 4.0)]));
    }

    #[test]
    fn what_did_not_happen_meanwhile_is_left_out() {
        let (before, after) = (changing(METRICS), changing(METRICS));
        assert_eq!(difference(&before, &after), BTreeMap::new());
        assert_eq!(difference(&BTreeMap::new(), &after).len(), 1);
    }
}
