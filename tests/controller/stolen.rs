//! What a stolen token of a speaker is good for, with the policy that is shipped.

use std::fs;

use ferrolb_lab::command::USUAL;
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result, source, wait};
use serde_json::{Value, json};

use crate::scene::{SOON, Scene, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "with_the_status_policy_a_speakers_account_changes_nothing_of_a_service_but_its_condition",
        policy,
    )]
}

/// Whom a daemon is for the API server: its account, and the field manager of its writes.
type Who = (&'static str, &'static str);

const CONTROLLER: Who = ("controller", "ferrolb-controller");
const SPEAKER: Who = ("speaker", "ferrolb-speaker");
/// A speaker that gives itself out as the controller.
const DISGUISED: Who = ("speaker", "ferrolb-controller");

fn policy(lab: &Lab) -> Outcome {
    let shipped = |file| fs::read_to_string(source::root().join("deploy").join(file));
    let _rights = Scene::new(
        lab,
        shipped("controller-rbac.yaml")? + "---\n" + &shipped("speaker-rbac.yaml")?,
    )?;
    let _policy = Scene::new(lab, shipped("status-policy/policy.yaml")?)?;
    let _service = Scene::new(lab, service("robbed", "example.com/kept: kept", ""))?;
    let odd = json!({"status": {"conditions": odd()}}).to_string();
    lab.kubectl(&["patch", "service", "robbed", "--subresource=status", "-p", &odd])?;
    // A policy works only some time after it was accepted; until then nothing is written.
    wait::until("the policy to refuse", SOON, || {
        let tried = apply(
            lab,
            SPEAKER,
            &json!({}),
            &holding("198.51.100.7"),
            &["--dry-run=server"],
        );
        Ok(tried.is_err().then_some(()))
    })?;
    apply(lab, CONTROLLER, &json!({}), &holding("192.0.2.9"), &[])?;
    let before = lab.json(&["get", "service", "robbed"])?;
    let none = json!({});
    let refused = |who: Who, metadata: &Value, status: &Value, field: &str| {
        let answer = apply(lab, who, metadata, status, &[]);
        let said = format!("{answer:?}");
        assert!(
            answer.is_err() && said.contains(&format!("denied request: {field}: ")),
            "{said}"
        );
    };
    refused(SPEAKER, &none, &holding("198.51.100.7"), "status.loadBalancer");
    refused(DISGUISED, &none, &none, "status.loadBalancer");
    let assigned = json!({"conditions": [condition("ferrolb.io/Assigned")]});
    refused(SPEAKER, &none, &assigned, "status.conditions");
    for (field, value) in [
        (
            "annotations",
            json!({"metallb.io/loadBalancerIPs": "198.51.100.7"}),
        ),
        ("labels", json!({"team": "blue"})),
        ("finalizers", json!(["example.com/stuck"])),
        (
            "ownerReferences",
            json!([{"apiVersion": "v1", "kind": "Pod", "name": "gone", "uid": "gone"}]),
        ),
    ] {
        refused(
            SPEAKER,
            &json!({field: value}),
            &none,
            &format!("metadata.{field}"),
        );
    }
    assert_eq!(lab.json(&["get", "service", "robbed"])?, before);
    let announced = condition("ferrolb.io/Announced");
    apply(lab, SPEAKER, &none, &json!({"conditions": [announced]}), &[])?;
    let written = lab.json(&["get", "service", "robbed"])?;
    assert_eq!(of_type(&written, "ferrolb.io/Announced"), [&announced]);
    assert_eq!(of_type(&written, "example.com/Twice").len(), 2, "{written}");
    apply(lab, SPEAKER, &none, &none, &[])?;
    let removed = lab.json(&["get", "service", "robbed"])?;
    assert_eq!(of_type(&removed, "ferrolb.io/Announced"), [] as [&Value; 0]);
    Ok(())
}

fn holding(address: &str) -> Value {
    json!({"loadBalancer": {"ingress": [{"ip": address}]}})
}

fn condition(kind: &str) -> Value {
    json!({"type": kind, "status": "True", "reason": "R", "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z"})
}

/// What the API server stores as it is: conditions without a time or a type, and some twice.
fn odd() -> Value {
    let odd = |(kind, message): (&str, &str)| json!({"type": kind, "status": "True", "reason": "R", "message": message, "lastTransitionTime": null});
    let twice = ["example.com/Twice", "ferrolb.io/Announced"];
    let twice = twice.into_iter().flat_map(|kind| [(kind, "a"), (kind, "b")]);
    twice.chain([("", "")]).map(odd).collect()
}

fn of_type<'a>(service: &'a Value, kind: &str) -> Vec<&'a Value> {
    let all = service["status"]["conditions"].as_array().into_iter().flatten();
    all.filter(|one| one["type"] == kind).collect()
}

/// Writes as the daemons do, with the rights of an account.
fn apply(
    lab: &Lab,
    (account, manager): Who,
    metadata: &Value,
    status: &Value,
    more: &[&str],
) -> Result<String> {
    let mut metadata = metadata.clone();
    metadata["name"] = "robbed".into();
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "status": status});
    let account = format!("--as=system:serviceaccount:metallb-system:{account}");
    let manager = format!("--field-manager={manager}");
    let apply = [
        "apply",
        "--server-side",
        "--subresource=status",
        "--force-conflicts",
        "-f",
        "-",
    ];
    let arguments = [&apply[..], &[&account, &manager], more].concat();
    lab.kubectl_program()
        .run_with_input(&arguments, &service.to_string(), USUAL)
}
