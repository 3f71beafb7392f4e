//! Bad input: refused with a clear message where the API server can, reported and skipped where it got in.

use std::net::IpAddr;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, source};

use crate::scene::{SOON, Scene, annotated, event, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "the_api_server_refuses_an_invalid_pool_and_says_why",
            invalid_pools,
        ),
        trial("the_api_server_takes_what_metallb_takes", valid_pools),
        trial(
            "an_invalid_pool_that_got_in_is_reported_and_costs_nothing",
            got_in_anyway,
        ),
        trial(
            "a_stored_pool_that_the_rules_refuse_can_be_edited_but_for_its_addresses",
            stored_before_the_rules,
        ),
        trial(
            "an_invalid_annotation_leaves_the_service_pending_with_an_event_that_quotes_it",
            bad_annotation,
        ),
    ]
}

fn with_addresses(addresses: &str) -> String {
    format!(
        "
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {{name: input, namespace: metallb-system}}
spec: {{autoAssign: false, addresses: {addresses}}}
"
    )
}

fn invalid_pools(lab: &Lab) -> Outcome {
    let range = "must be a CIDR prefix like 192.0.2.0/28 or an inclusive range like 192.0.2.10-192.0.2.20";
    let refused = [
        (
            "[10.0.0.9-10.0.0.1]",
            "the start of a range must not be above its end",
        ),
        (
            "[10.0.0.255-10.0.0.10]",
            "the start of a range must not be above its end",
        ),
        ("[10.0.0.0/33]", range),
        ("[10.0.0.1]", range),
        ("[pool]", range),
        ("[10.0.0.1-10.0.0.2-10.0.0.3]", range),
        (
            r#"["10.0.0.1-2001:db8::1"]"#,
            "both ends of a range must be of the same family",
        ),
        ("[]", "should have at least 1 items"),
        ("[10.0.0.0/024]", range),
        (r#"["::ffff:10.0.0.0/120"]"#, range),
        ("[127.0.0.1/32]", "must not hold unspecified, loopback"),
        ("[126.0.0.0/7]", "must not hold unspecified, loopback"),
        ("[239.1.1.1-239.1.1.9]", "must not hold unspecified, loopback"),
    ];
    for (addresses, message) in refused {
        let error = lab
            .apply(&with_addresses(addresses))
            .expect_err(addresses)
            .to_string();
        assert!(
            error.contains(message) && error.contains("spec.addresses"),
            "{addresses}: {error}"
        );
    }
    Ok(())
}

fn valid_pools(lab: &Lab) -> Outcome {
    for addresses in [
        "[198.51.100.7/24]",
        r#"["198.51.100.1 - 198.51.100.9"]"#,
        "[198.51.100.9-198.51.100.9]",
        "[198.51.99.250-198.51.100.1]",
        r#"["2001:db8:9::/64", "2001:db8:a::1-2001:db8:a::ff", 198.51.100.0/30]"#,
    ] {
        let _scene = Scene::new(lab, with_addresses(addresses))?;
    }
    Ok(())
}

/// The definitions of the resources without their rules, as an older version may have had them.
fn definitions_without_rules() -> Result<String, std::io::Error> {
    let text = std::fs::read_to_string(source::root().join("deploy/crds/crds.yaml"))?;
    let mut kept = Vec::new();
    let mut inside = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        if inside
            .is_some_and(|rules| indent > rules || (indent == rules && line.trim_start().starts_with('-')))
        {
            continue;
        }
        inside = line
            .trim_start()
            .starts_with("x-kubernetes-validations:")
            .then_some(indent);
        if inside.is_none() {
            kept.push(line);
        }
    }
    Ok(kept.join("\n"))
}

/// The shipped definitions, put back whatever happens.
struct Definitions<'a>(&'a Lab);

impl Drop for Definitions<'_> {
    fn drop(&mut self) {
        let shipped = source::root().join("deploy/crds/crds.yaml");
        if let Err(failed) = self.0.kubectl(&["apply", "-f", &shipped.to_string_lossy()]) {
            eprintln!("the definitions without rules stay: {failed}");
        }
    }
}

fn got_in_anyway(lab: &Lab) -> Outcome {
    let _good = Scene::new(
        lab,
        pool("sound", "192.0.2.244/31") + &service("before", "sound", ""),
    )?;
    lab.assigned("before", 1, SOON)?;
    let _definitions = Definitions(lab);
    lab.apply(&definitions_without_rules()?)?;
    let reversed = with_addresses("[10.0.0.9-10.0.0.1]");
    // The API server compiles a new definition a moment after it was applied.
    ferrolb_lab::wait::until_seen("the rules to be gone", crate::scene::SOON, || {
        Ok(lab.apply(&reversed).map_err(|failed| failed.to_string()))
    })?;
    let bad = Scene::new(lab, reversed)?;
    event(
        lab,
        "input",
        "InvalidConfiguration",
        &[
            "spec.addresses[0]",
            "10.0.0.9-10.0.0.1",
            "must not be above its end",
        ],
    )?;
    for daemon in ["controller", "speaker-"] {
        state(lab, daemon, "Invalid", "spec.addresses[0]")?;
    }
    let _after = Scene::new(lab, service("after-bad", "sound", ""))?;
    lab.assigned("after-bad", 1, SOON)?;
    assert_eq!(
        lab.external_addresses("before")?,
        ["192.0.2.244".parse::<IpAddr>()?]
    );
    drop(bad);
    for daemon in ["controller", "speaker-"] {
        state(lab, daemon, "Valid", "")?;
    }
    Ok(())
}

fn stored_before_the_rules(lab: &Lab) -> Outcome {
    let definitions = Definitions(lab);
    lab.apply(&definitions_without_rules()?)?;
    let loopback = with_addresses("[127.0.0.1/32, 198.51.100.0/28]");
    ferrolb_lab::wait::until_seen("the rules to be gone", SOON, || {
        Ok(lab.apply(&loopback).map_err(|failed| failed.to_string()))
    })?;
    let _stored = Scene::new(lab, loopback)?;
    drop(definitions);
    let patch = |patch: &str| {
        let pool = [
            "-n",
            "metallb-system",
            "patch",
            "ipaddresspool",
            "input",
            "--type=merge",
            "-p",
        ];
        lab.kubectl(&[&pool[..], &[patch]].concat())
    };
    let addresses = r#"{"spec": {"addresses": ["127.0.0.1/32", "198.51.100.0/27"]}}"#;
    ferrolb_lab::wait::until("the rules to be back", SOON, || {
        Ok(patch(addresses).is_err().then_some(()))
    })?;
    patch(r#"{"metadata": {"labels": {"a": "b"}}}"#)?;
    patch(r#"{"spec": {"avoidBuggyIPs": true}}"#)?;
    patch(r#"{"spec": {"addresses": ["198.51.100.0/28"]}}"#)?;
    Ok(())
}

/// Waits until the `ConfigurationState`s whose names begin like this say this, with a text that holds `words`.
fn state(lab: &Lab, begin: &str, result: &str, words: &str) -> ferrolb_lab::Result<()> {
    let what = format!("ConfigurationState {begin} to be {result}");
    ferrolb_lab::wait::until_seen(&what, SOON, || {
        let states = lab.json(&["get", "configurationstates", "-n", "metallb-system"])?;
        let of_daemon = |state: &&serde_json::Value| {
            let name = state["metadata"]["name"].as_str().unwrap_or_default();
            name.starts_with(begin)
        };
        let all = states["items"].as_array().into_iter().flatten();
        let texts: Vec<&serde_json::Value> = all.filter(of_daemon).map(|state| &state["status"]).collect();
        let says = |status: &&serde_json::Value| {
            let summary = status["errorSummary"].as_str().unwrap_or_default();
            status["result"] == result && summary.contains(words)
        };
        Ok(if !texts.is_empty() && texts.iter().all(says) {
            Ok(())
        } else {
            Err(format!("{texts:?}"))
        })
    })
}

fn bad_annotation(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("fine", "192.0.2.246/32")
            + &annotated("confused", "metallb.io/loadBalancerIPs: 192.0.2.300", ""),
    )?;
    event(
        lab,
        "confused",
        "AllocationFailed",
        &["metallb.io/loadBalancerIPs", "192.0.2.300"],
    )?;
    assert_eq!(lab.external_addresses("confused")?, [] as [IpAddr; 0]);
    assert!(
        lab.why("confused").contains("InvalidRequest"),
        "{}",
        lab.why("confused")
    );
    Ok(())
}
