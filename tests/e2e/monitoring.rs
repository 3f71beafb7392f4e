//! Debian's Prometheus on a client's network, with the configuration that is shipped.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use ferrolb_lab::command::{text, text_with_input};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result, monitoring_program, source};
use serde_json::Value;

use crate::prometheus::{INTERVAL, Prometheus, endpoints, shipped};
use crate::scene::{SOON, Scene, pool, service};

/// For the question itself on a busy machine.
const SLACK: Duration = Duration::from_secs(2);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("promtool_accepts_configuration_and_alerts", configuration),
        trial("every_alert_fires_when_it_should_and_for_what_it_should", alerts),
        trial(
            "inside_and_outside_the_cluster_only_the_discovery_differs",
            same_scrapes,
        ),
        trial("promtool_has_nothing_to_say_against_any_metric", metrics),
        trial(
            "prometheus_finds_and_scrapes_every_controller_and_speaker",
            every_target_up,
        ),
        trial(
            "prometheus_sees_each_address_on_one_node_follows_a_move_and_forgets_what_is_gone",
            announced,
        ),
    ]
}

fn configuration(_: &Lab) -> Outcome {
    let promtool = monitoring_program("promtool")?;
    for (what, file) in [("config", "prometheus.yaml"), ("rules", "alerts.yaml")] {
        let checked = text(
            Command::new(&promtool).args(["check", what]).arg(shipped(file)),
            SOON,
        )?;
        assert!(checked.contains("SUCCESS"), "{checked}");
    }
    Ok(())
}

fn alerts(_: &Lab) -> Outcome {
    let tests = source::root().join("tests/e2e/alerts.yaml");
    let tested = text(
        Command::new(monitoring_program("promtool")?)
            .args(["test", "rules"])
            .arg(&tests),
        SOON,
    )?;
    assert!(tested.contains("SUCCESS"), "{tested}");
    let (rules, tests) = (
        fs::read_to_string(shipped("alerts.yaml"))?,
        fs::read_to_string(tests)?,
    );
    let names = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let untested: Vec<&str> = names.filter(|name| !tests.contains(name)).collect();
    assert!(untested.is_empty(), "{untested:?}");
    Ok(())
}

/// The lines of a scrape configuration without its comment at the top and the block that finds the targets.
fn without_discovery(file: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(shipped(file)).unwrap_or_default();
    let start = text.find("global:").unwrap_or_default();
    let mut inside = false;
    let keeps = |line: &&str| {
        if !line.starts_with("   ") && !line.starts_with("  -") {
            inside = line.ends_with("_sd_configs:");
        }
        !inside
    };
    Ok(text[start..].lines().filter(keeps).map(str::to_owned).collect())
}

/// Debian's Prometheus has no Kubernetes discovery and refuses a configuration with it.
fn same_scrapes(_: &Lab) -> Outcome {
    let outside = without_discovery("prometheus.yaml")?;
    assert!(outside.iter().any(|line| line.contains("relabel_configs")));
    assert!(!outside.iter().any(|line| line.contains("targets.json")));
    assert_eq!(outside, without_discovery("prometheus-in-cluster.yaml")?);
    Ok(())
}

fn metrics(lab: &Lab) -> Outcome {
    let promtool = monitoring_program("promtool")?;
    let _scene = Scene::new(
        lab,
        pool("linted", "192.0.2.248/32") + &service("linted", "linted", ""),
    )?;
    let address = lab.assigned("linted", 1, SOON)?[0];
    lab.announced(address, SOON, |_| true)?;
    for (pod, endpoint) in endpoints(lab)? {
        let shown = lab.http_get(&format!("http://{endpoint}/metrics"), SOON)?.body;
        assert!(shown.contains("# TYPE "), "{pod}: {shown}");
        let check = text_with_input(Command::new(&promtool).args(["check", "metrics"]), &shown, SOON);
        check.map_err(|complaint| format!("{pod}: {complaint}"))?;
    }
    Ok(())
}

fn every_target_up(lab: &Lab) -> Outcome {
    let wanted = endpoints(lab)?;
    let controllers = wanted.keys().filter(|pod| pod.starts_with("controller-")).count();
    assert_eq!(
        (controllers, wanted.len()),
        (2, 2 + lab.plan().nodes().count()),
        "{wanted:?}"
    );
    let mut prometheus = Prometheus::start(lab)?;
    let up = prometheus.until("up == 1", SOON, |series| series.len() == wanted.len())?;
    let label = |target: &Value, label: &str| target[label].as_str().unwrap_or_default().to_owned();
    let found: BTreeMap<String, String> = up
        .iter()
        .map(|target| (label(target, "pod"), label(target, "instance")))
        .collect();
    assert_eq!(found, wanted);
    let speakers = up.iter().filter(|target| target["component"] == "speaker");
    let nodes: Vec<u8> = speakers
        .filter_map(|target| lab.node_number(&label(target, "node")))
        .collect();
    assert_eq!(nodes.len(), lab.plan().nodes().count(), "{up:?}");
    assert_eq!(
        prometheus.ask("up == 0")?,
        [] as [Value; 0],
        "nothing else is a target"
    );
    Ok(())
}

fn only_from(lab: &Lab, name: &str, node: u8) -> Result<()> {
    let hostname = lab.node_name(node);
    let patch = format!(
        r#"{{"spec": {{"nodeSelectors": [{{"matchLabels": {{"kubernetes.io/hostname": "{hostname}"}}}}]}}}}"#
    );
    let object = ["patch", "l2advertisement", name, "-n", "metallb-system"];
    lab.kubectl(&[&object[..], &["--type", "merge", "-p", &patch]].concat())
        .map(drop)
}

fn announced(lab: &Lab) -> Outcome {
    let both = "ipFamilyPolicy: RequireDualStack";
    let manifests = pool("seen", r#"192.0.2.249/32, "2001:db8:1::249/128""#) + &service("seen", "seen", both);
    let scene = Scene::new(lab, manifests)?;
    let addresses = lab.assigned("seen", 2, SOON)?;
    let first = lab.announced(addresses[0], SOON, |_| true)?;
    let mut prometheus = Prometheus::start(lab)?;
    let shown = r#"metallb_speaker_announced{service="default/seen"} == 1"#;
    prometheus.until(shown, SOON, |series| series.len() == addresses.len())?;
    let next = lab
        .plan()
        .nodes()
        .find(|node| *node != first)
        .expect("a second node");
    for node in [next, first] {
        only_from(lab, "seen", node)?;
        for address in &addresses {
            lab.announced(*address, SOON, |announcer| announcer == node)?;
        }
        let moved = Instant::now();
        let name = lab.node_name(node);
        prometheus.until(shown, SOON, |series| {
            series.len() == addresses.len() && series.iter().all(|one| one["node"] == *name)
        })?;
        eprintln!("Prometheus saw n{node} after {:.1?}", moved.elapsed());
        assert!(moved.elapsed() < INTERVAL + SLACK);
    }
    for address in &addresses {
        let one = format!(r#"metallb_speaker_announced{{ip="{address}"}}"#);
        assert_eq!(prometheus.ask(&one)?.len(), 1, "{address}");
    }
    drop(scene);
    prometheus.until(
        r#"metallb_speaker_announced{service="default/seen"}"#,
        SOON,
        <[Value]>::is_empty,
    )?;
    Ok(())
}
