//! The manifests as they are shipped.

use std::collections::BTreeMap;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result, measure, source};
use serde_json::Value;

use crate::scene::{SOON, Scene, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("applying_everything_again_changes_nothing", apply_again),
        trial(
            "a_life_from_nothing_to_the_demo_and_back_is_quick_and_leaves_nothing",
            rounds,
        ),
        trial("every_example_works_as_it_says", examples),
        trial("the_speaker_holds_no_capability_but_net_raw", capabilities),
        trial("a_service_that_comes_and_goes_is_no_reason_to_warn", quiet_logs),
    ]
}

fn folder(path: &str) -> String {
    source::root().join(path).to_string_lossy().into_owned()
}

fn apply_again(lab: &Lab) -> Outcome {
    let examples = folder("deploy/examples");
    lab.kubectl(&["apply", "-f", &examples])?;
    for arguments in [["-k", &folder("deploy")], ["-f", &examples]] {
        let applied = lab.kubectl(&[&["apply"], &arguments[..]].concat())?;
        let changed: Vec<&str> = applied
            .lines()
            .filter(|line| !line.ends_with(" unchanged"))
            .collect();
        assert!(changed.is_empty(), "{changed:?}");
        assert_eq!(lab.kubectl(&[&["diff"], &arguments[..]].concat())?, "");
    }
    Ok(())
}

/// Twice what is promised for a machine that does nothing else: 15 s to Ready nodes, 20 s more to be installed.
const SLACK: f64 = 2.0;

fn rounds(_: &Lab) -> Outcome {
    for run in ["rounda", "roundb"] {
        let round = measure::round(run, 3)?;
        eprintln!("{}", round.in_words());
        assert!(round.left.is_empty(), "{:?}", round.left);
        assert!(
            round.up_seconds < 15.0 * SLACK && round.install_seconds < 20.0 * SLACK,
            "{round:?}"
        );
    }
    Ok(())
}

/// Every example Service has its addresses, and answers at each of those that its advertisement lets be announced.
fn examples(lab: &Lab) -> Outcome {
    lab.kubectl(&["apply", "-f", &folder("deploy/examples")])?;
    let services = lab.json(&["get", "services", "-A"])?;
    let wanted = |service: &&Value| {
        let name = service["metadata"]["name"].as_str().unwrap_or_default();
        name.starts_with("example-") && service["metadata"]["namespace"] == "default"
    };
    let services: Vec<&Value> = services["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(wanted)
        .collect();
    assert!(services.len() >= 4, "{services:?}");
    for service in services {
        let name = service["metadata"]["name"].as_str().unwrap_or_default();
        let families = service["spec"]["ipFamilies"].as_array().map_or(1, Vec::len);
        for address in lab.assigned(name, families, SOON)? {
            lab.announced(address, SOON, |_| true)?;
            lab.fetch(address, SOON)?;
        }
    }
    lab.kubectl(&[
        "delete",
        "-f",
        &folder("deploy/examples"),
        "--ignore-not-found",
        "--wait",
    ])?;
    lab.kubectl(&["apply", "-f", &folder("deploy/examples/echo.yaml")])?;
    lab.rolled_out("default", "deployment/echo")?;
    Ok(())
}

fn capabilities(lab: &Lab) -> Outcome {
    let node = 1;
    let pids = lab.exec(node, &["pgrep", "-f", "ferrolb speaker"])?;
    let pid = pids.split_whitespace().next().unwrap_or_default();
    let status = lab.exec(node, &["cat", &format!("/proc/{pid}/status")])?;
    for line in [
        "CapEff:\t0000000000002000",
        "CapBnd:\t0000000000002000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ] {
        assert!(status.contains(line), "{line}: {status}");
    }
    Ok(())
}

/// The lines that each pod of ours has logged so far.
fn logs(lab: &Lab) -> Result<BTreeMap<String, Vec<String>>> {
    let pods = lab.kubectl(&["get", "pods", "-n", "metallb-system", "-o", "name"])?;
    let of_pod = |pod: &str| {
        let text = lab.kubectl(&["logs", "-n", "metallb-system", pod])?;
        Ok((pod.to_owned(), text.lines().map(str::to_owned).collect()))
    };
    pods.lines().map(of_pod).collect()
}

fn quiet_logs(lab: &Lab) -> Outcome {
    let before = logs(lab)?;
    let scene = Scene::new(
        lab,
        pool("hush", "192.0.2.247/32") + &service("hushed", "hush", ""),
    )?;
    let address = lab.assigned("hushed", 1, SOON)?[0];
    lab.announced(address, SOON, |_| true)?;
    drop(scene);
    lab.silent(address, SOON)?;
    for (pod, lines) in logs(lab)? {
        let known = before.get(&pod).map_or(0, Vec::len);
        let loud: Vec<&String> = lines[known..]
            .iter()
            .filter(|line| line.contains(" ERROR ") || line.contains(" WARN "))
            .collect();
        assert!(loud.is_empty(), "{pod}: {loud:#?}");
    }
    Ok(())
}
