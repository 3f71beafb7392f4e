//! How long those wait who ask about a cluster with many Services.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use http::Request;
use serde::Serialize;
use serde_json::{Value, json};

use super::allocate::{ONE, POOL, WAITING};
use super::services::{Requests, Seen};
use super::viewers::{ALL, rested};
use crate::error::{Error, Result};
use crate::lab::{Lab, LabConfig};
use crate::source;

/// Nodes that exist as objects only, each with the address of a speaker that wrote what follows.
const NODES: [&str; 3] = ["asked-1", "asked-2", "asked-3"];
const OWN: &str = "/apis/metallb.io/v1beta1/namespaces/metallb-system";
const ADVERTISEMENT: &str = "
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: measured, namespace: metallb-system}
";
/// The exit code of `explain` that found a cause: no speaker runs.
const FOUND: i32 = 3;

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub struct Questions {
    /// Services with an address.
    pub services: usize,
    /// How often each question is asked.
    pub runs: usize,
}

/// What was measured. The controller gave the addresses; what speakers write was written for them.
#[derive(Debug, Clone, Serialize)]
pub struct Answered {
    /// Services with an address.
    pub services: usize,
    /// How often each question was asked.
    pub runs: usize,
    /// The first `ferrolb status -A`, before anybody else has listed what it lists.
    pub first_status_seconds: f64,
    /// In the order in which they were asked.
    pub questions: Vec<Question>,
}

/// One question, and how long its answer took.
#[derive(Debug, Clone, Serialize)]
pub struct Question {
    /// The command.
    pub command: String,
    /// The upper one of the two in the middle, if their number is even.
    pub median_seconds: f64,
    /// The longest.
    pub worst_seconds: f64,
}

/// Measures in a lab of this name, made for it, with the program of this tree.
///
/// # Errors
/// If the lab does not start, the controller does not do its work, or a command fails.
pub fn questions(name: &str, what: &Questions) -> Result<Answered> {
    let command = format!("{} controller", source::static_program("ferrolb")?.display());
    let lab = Lab::up(&LabConfig {
        name: name.to_owned(),
        nodes: 0,
        clients: 1,
    })?;
    lab.apply_definitions(None)?;
    lab.apply(POOL)?;
    lab.apply(ADVERTISEMENT)?;
    let requests = Requests::of(&lab)?;
    let names = requests.create(WAITING, 0..what.services)?;
    let watch = requests.watch(WAITING, ONE)?;
    let controller = lab.start_controller("controller", &command, &[])?;
    let all = |seen: &Seen| (seen.addresses.len() >= what.services).then_some(());
    watch.until("an address for each Service", ALL, all)?;
    rested(&controller)?;
    // Nobody has listed ServiceL2Statuses yet.
    let first = taken(&lab, &["status", "-A"])?;
    announce(&requests, &names)?;
    rested(&controller)?;
    let asked = names.first().map(String::as_str).unwrap_or_default();
    let addresses = lab.external_addresses(asked)?;
    let address = addresses.first().map(IpAddr::to_string).unwrap_or_default();
    let subject = format!("svc/default/{asked}");
    let mut questions = vec![repeated("kubectl get services -A -o json", what.runs, || {
        let began = Instant::now();
        lab.kubectl(&["get", "services", "-A", "-o", "json"])?;
        Ok(began.elapsed())
    })?];
    let own: [&[&str]; 4] = [
        &["status", "-A"],
        &["status"],
        &["explain", &subject],
        &["explain", &address],
    ];
    for arguments in own {
        let command = format!("ferrolb {}", arguments.join(" "));
        questions.push(repeated(&command, what.runs, || taken(&lab, arguments))?);
    }
    lab.down()?;
    Ok(Answered {
        services: what.services,
        runs: what.runs,
        first_status_seconds: to_a_millisecond(first),
        questions,
    })
}

/// How long a command of this tree takes.
fn taken(lab: &Lab, arguments: &[&str]) -> Result<Duration> {
    let found = lab.ferrolb_finds(arguments, ONE)?;
    match found.code {
        Some(0 | FOUND) => Ok(found.took),
        _ => Err(Error::Refused(format!(
            "ferrolb {}: {}",
            arguments.join(" "),
            found.text
        ))),
    }
}

fn repeated(command: &str, runs: usize, mut ask: impl FnMut() -> Result<Duration>) -> Result<Question> {
    let mut took = (0..runs).map(|_| ask()).collect::<Result<Vec<_>>>()?;
    took.sort();
    let at = |index: usize| took.get(index).copied().map_or(0.0, to_a_millisecond);
    Ok(Question {
        command: command.to_owned(),
        median_seconds: at(runs / 2),
        worst_seconds: at(runs.saturating_sub(1)),
    })
}

/// Writes what speakers write: which node announces each Service, and what each node is like.
fn announce(requests: &Requests, services: &[String]) -> Result<()> {
    let post = |uri: String| Request::post(uri).header("content-type", "application/json");
    let apply = |uri: String| {
        let uri = format!("{uri}?fieldManager=ferrolb-lab&force=true");
        Request::patch(uri).header("content-type", "application/apply-patch+yaml")
    };
    let numbered = || services.iter().zip(NODES.iter().cycle());
    let nodes = NODES
        .iter()
        .map(|node| (post("/api/v1/nodes".to_owned()), self::node(node)));
    requests.send_all(nodes.collect())?;
    let states = (1..).zip(NODES);
    let states =
        states.map(|(number, node)| (post(format!("{OWN}/configurationstates")), state(number, node)));
    requests.send_all(states.collect())?;
    let objects = numbered().map(|(name, node)| (post(format!("{OWN}/servicel2statuses")), held(name, node)));
    requests.send_all(objects.collect())?;
    let statuses = numbered().map(|(name, node)| {
        let uri = format!("{OWN}/servicel2statuses/l2-{name}/status");
        (apply(uri), held(name, node))
    });
    requests.send_all(statuses.collect())?;
    let conditions = numbered().map(|(name, node)| {
        let uri = format!("/api/v1/namespaces/default/services/{name}/status");
        (apply(uri), announced(name, node))
    });
    requests.send_all(conditions.collect())
}

fn node(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
}

fn state(number: u8, node: &str) -> Value {
    let links = json!({"eth0": {"subnets": ["10.100.0.0/16"], "mac": format!("02:00:00:00:00:0{number}")}});
    json!({
        "apiVersion": "metallb.io/v1beta1",
        "kind": "ConfigurationState",
        "metadata": {
            "name": format!("speaker-{node}"),
            "labels": {"metallb.io/component-type": "speaker", "metallb.io/node-name": node},
            "annotations": {"ferrolb.io/links": links.to_string()},
        },
    })
}

fn held(service: &str, node: &str) -> Value {
    json!({
        "apiVersion": "metallb.io/v1beta1",
        "kind": "ServiceL2Status",
        "metadata": {
            "name": format!("l2-{service}"),
            "labels": {
                "metallb.io/node": node,
                "metallb.io/service-name": service,
                "metallb.io/service-namespace": "default",
            },
        },
        "spec": {},
        "status": {"node": node, "serviceName": service, "serviceNamespace": "default"},
    })
}

fn announced(service: &str, node: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": service},
        "status": {"conditions": [{
            "type": "ferrolb.io/Announced",
            "status": "True",
            "reason": "Announced",
            "message": format!("announced from node {node} on eth0"),
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]},
    })
}

fn to_a_millisecond(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

impl Answered {
    /// For people.
    #[must_use]
    pub fn in_words(&self) -> String {
        let lines = self.questions.iter().map(|one| {
            format!(
                "{:40} median {:.3} s, worst of {} {:.3} s\n",
                one.command, one.median_seconds, self.runs, one.worst_seconds
            )
        });
        format!(
            "{} Services, each announced by one of {} nodes\n\
             {:40} {:.3} s\n{}",
            self.services,
            NODES.len(),
            "the first ferrolb status -A",
            self.first_status_seconds,
            lines.collect::<String>()
        )
    }
}
