//! The manifests as they are shipped.

use crate::scene::{PODS, SOON};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, source, wait};
use serde_json::Value;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("applying_everything_again_changes_nothing", apply_again),
        trial("every_example_works_as_it_says", examples),
        trial("the_speaker_holds_no_capability_but_net_raw", capabilities),
        trial("nothing_is_logged_at_rest_as_a_warning_or_an_error", quiet_logs),
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

fn quiet_logs(lab: &Lab) -> Outcome {
    for component in ["controller", "speaker"] {
        let logs = || {
            lab.kubectl(&[
                "logs",
                "-n",
                "metallb-system",
                "-l",
                &format!("component={component}"),
                "--tail=-1",
            ])
        };
        wait::until_seen(&format!("the {component}'s logs"), PODS, || {
            Ok(if logs()?.is_empty() {
                Err(String::new())
            } else {
                Ok(())
            })
        })?;
        let loud: Vec<String> = logs()?
            .lines()
            .filter(|line| line.contains(" ERROR ") || line.contains(" WARN "))
            .map(str::to_owned)
            .collect();
        assert!(loud.is_empty(), "{loud:#?}");
    }
    Ok(())
}
