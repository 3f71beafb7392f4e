//! What others write into the status of a Service: the API server checks none of its conditions.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ferrolb_lab::command::USUAL;
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result, wait};
use serde_json::{Value, json};

use crate::scene::{SOON, Scene, annotated, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "odd_conditions_of_others_cost_no_service_its_address_and_give_none_to_two",
        conditions,
    )]
}

/// Longer than the API server takes from anybody in a condition whose schema it knows.
const LONG: usize = 100_000;
const OURS: [&str; 2] = ["ferrolb.io/Assigned", "ferrolb.io/Announced"];

fn conditions(lab: &Lab) -> Outcome {
    let shared = "metallb.io/address-pool: odd, metallb.io/allow-shared-ip: odd";
    let port_81 = "ports: [{name: other, port: 81, targetPort: 8080}]";
    let _pool = Scene::new(lab, pool("odd", "192.0.2.220-192.0.2.221"))?;
    let _held = Scene::new(
        lab,
        service("odd-alone", "odd", "")
            + &annotated("odd-left", shared, "")
            + &annotated("odd-right", shared, port_81),
    )?;
    let holders = ["odd-alone", "odd-left", "odd-right"];
    let held = all_held(lab, &holders)?;
    assert_eq!(held[1], held[2], "the two share an address");
    for address in &held {
        lab.announced(*address, SOON, |_| true)?;
    }
    let _waiting = Scene::new(
        lab,
        service("odd-waiting", "odd", "") + &service("odd-plain", "odd", ""),
    )?;
    for name in holders {
        write_odd(lab, name)?;
    }
    write_odd(lab, "odd-waiting")?;
    for name in holders {
        ours_are_put_right(lab, name)?;
    }
    // No address is free: those who wait get none as long as the others are known to hold theirs.
    assert_eq!(lab.external_addresses("odd-waiting")?, Vec::<IpAddr>::new());
    lab.apply(&pool("odd", "192.0.2.220-192.0.2.223"))?;
    let waited = all_held(lab, &["odd-waiting", "odd-plain"])?;
    assert_eq!(all_held(lab, &holders)?, held, "each keeps its address");
    let distinct: BTreeSet<&IpAddr> = held.iter().chain(&waited).collect();
    assert_eq!(
        distinct.len(),
        4,
        "no address is given twice: {held:?} {waited:?}"
    );
    ours_are_put_right(lab, "odd-waiting")?;
    for address in distinct {
        lab.announced(*address, SOON, |_| true)?;
    }
    Ok(())
}

fn all_held(lab: &Lab, services: &[&str]) -> Result<Vec<IpAddr>> {
    let of_one = |name: &&str| Ok(lab.assigned(name, 1, SOON)?[0]);
    services.iter().map(of_one).collect()
}

/// Writes all that the API server stores without a word beside our own conditions, and damages those.
fn write_odd(lab: &Lab, name: &str) -> Result<()> {
    let mut service = lab.json(&["get", "service", name])?;
    let of_others = json!([
        {"type": "example.com/NoTime", "status": "True", "reason": "R", "message": ""},
        {"type": "", "status": "True", "reason": "R", "message": "", "lastTransitionTime": null},
        {"type": "example.com/Twice", "status": "True", "reason": "R", "message": "a"},
        {"type": "example.com/Twice", "status": "False", "reason": "R", "message": "b"},
        {"type": "example.com/Long", "status": "Unknown", "reason": "", "message": "m".repeat(LONG)},
    ]);
    let ours = service["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let without_time = ours.into_iter().map(|mut condition| {
        condition["lastTransitionTime"] = Value::Null;
        condition
    });
    let all = of_others.as_array().cloned().unwrap_or_default();
    service["status"]["conditions"] = all.into_iter().chain(without_time).collect();
    // Whatever the daemons wrote meanwhile.
    service["metadata"]["resourceVersion"] = Value::Null;
    let url = format!("/api/v1/namespaces/default/services/{name}/status");
    lab.kubectl_program().run_with_input(
        &["replace", "--raw", &url, "-f", "-"],
        &service.to_string(),
        USUAL,
    )?;
    Ok(())
}

/// Waits until each of our conditions has its time again.
fn ours_are_put_right(lab: &Lab, name: &str) -> Result<()> {
    wait::until_seen(&format!("the conditions of {name} that are ours"), SOON, || {
        let service = lab.json(&["get", "service", name])?;
        let all = service["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let of = |kind: &str| -> Vec<&Value> { all.iter().filter(|one| one["type"] == kind).collect() };
        let is_right = |kind: &&str| match of(kind)[..] {
            [one] => one["lastTransitionTime"].is_string(),
            _ => false,
        };
        let ours: Vec<&Value> = OURS.iter().flat_map(|kind| of(kind)).collect();
        let expected = if service["status"]["loadBalancer"]["ingress"].is_null() {
            &OURS[..1]
        } else {
            &OURS[..]
        };
        Ok(if expected.iter().all(is_right) {
            Ok(())
        } else {
            Err(format!("{ours:?}"))
        })
    })
}
