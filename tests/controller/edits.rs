//! What users change.

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Machine, wait};

use crate::pair::{Pair, program};
use crate::scene::{SOON, Scene, decided, event, ip, pool, reason, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_pool_that_shrinks_takes_no_address_away_until_it_is_drained",
            pool_shrinks,
        ),
        trial(
            "a_service_that_changes_its_type_is_cleaned_up_and_served_again",
            type_changes,
        ),
        trial("a_service_of_another_class_is_never_touched", other_class),
        trial(
            "another_class_of_the_controller_leaves_nothing_on_services_of_the_last",
            class_changes,
        ),
        trial(
            "a_namespace_that_is_relabelled_keeps_what_it_has_and_gets_nothing_new",
            namespace_relabelled,
        ),
    ]
}

fn pool_shrinks(lab: &Lab) -> Outcome {
    let _pair = Pair::single(lab)?;
    let asks = "metallb.io/address-pool: shrinking";
    let more = "autoAssign: false";
    let _scene = Scene::new(
        lab,
        pool("shrinking", "192.0.2.10-192.0.2.13", more)
            + &["one", "two", "three"]
                .map(|name| service(name, asks, ""))
                .concat(),
    )?;
    let names = ["one", "two", "three"];
    let held: Vec<_> = names
        .iter()
        .map(|name| lab.assigned(name, 1, SOON))
        .collect::<Result<_, _>>()?;
    lab.apply(&pool("shrinking", "192.0.2.12-192.0.2.16", more))?;
    let _marker = decided(lab, "after-shrinking", SOON)?;
    for (name, held) in names.iter().zip(&held) {
        let outside = held[0] < ip("192.0.2.12");
        reason(lab, name, if outside { "OutsidePools" } else { "Assigned" }, SOON)?;
        assert_eq!(lab.external_addresses(name)?, *held, "{name}");
        if outside {
            event(lab, name, "AddressOutOfPolicy", &held[0].to_string())?;
        }
    }
    drain(lab, "shrinking")?;
    for (name, before) in names.iter().zip(&held) {
        let after = lab.external_addresses(name)?;
        assert!(
            after[0] >= ip("192.0.2.12") && after[0] <= ip("192.0.2.16"),
            "{name}: {after:?}"
        );
        assert!(
            after == *before || before[0] < ip("192.0.2.12"),
            "{name} moved without need"
        );
        reason(lab, name, "Assigned", SOON)?;
    }
    Ok(())
}

/// Runs `ferrolb pool drain` where the administrator's kubeconfig is.
fn drain(lab: &Lab, pool: &str) -> Outcome {
    let program = program()?;
    let mut drain = lab.start_process(
        Machine::ControlPlane,
        "drain",
        &[&program, "pool", "drain", pool],
        &[("METALLB_NAMESPACE", "metallb-system")],
    )?;
    drain.ended()?;
    Ok(())
}

/// What [`traces`] says of a Service of which no controller wrote anything.
const NOTHING: &str = "0 addresses, 0 conditions, pool null";

fn nothing_left(lab: &Lab, service: &str) -> ferrolb_lab::Result<()> {
    wait::until_seen(&format!("nothing left on {service}"), SOON, || {
        let left = traces(lab, service)?;
        Ok(if left == NOTHING { Ok(()) } else { Err(left) })
    })
}

/// The status, the annotation and the condition that a controller writes.
fn traces(lab: &Lab, service: &str) -> ferrolb_lab::Result<String> {
    let service = lab.json(&["get", "service", service])?;
    let annotation = &service["metadata"]["annotations"]["metallb.io/ip-allocated-from-pool"];
    let status = &service["status"];
    let addresses = status["loadBalancer"]["ingress"].as_array().map_or(0, Vec::len);
    let conditions = status["conditions"].as_array().map_or(0, Vec::len);
    Ok(format!(
        "{addresses} addresses, {conditions} conditions, pool {annotation}"
    ))
}

fn type_changes(lab: &Lab) -> Outcome {
    let _pair = Pair::single(lab)?;
    let asks = "metallb.io/loadBalancerIPs: 192.0.2.20";
    let _scene = Scene::new(
        lab,
        pool("types", "192.0.2.20/31", "") + &service("changing", asks, ""),
    )?;
    let address = lab.assigned("changing", 1, SOON)?;
    for kind in ["ClusterIP", "NodePort"] {
        let patch = format!(r#"{{"spec": {{"type": "{kind}", "allocateLoadBalancerNodePorts": null}}}}"#);
        lab.kubectl(&["patch", "service", "changing", "-p", &patch])?;
        nothing_left(lab, "changing")?;
        {
            let _other = Scene::new(lab, service("successor", asks, ""))?;
            assert_eq!(
                lab.assigned("successor", 1, SOON)?,
                address,
                "the address is free"
            );
        }
        lab.kubectl(&[
            "patch",
            "service",
            "changing",
            "-p",
            r#"{"spec": {"type": "LoadBalancer"}}"#,
        ])?;
        assert_eq!(lab.assigned("changing", 1, SOON)?, address);
    }
    Ok(())
}

fn other_class(lab: &Lab) -> Outcome {
    let _pair = Pair::single(lab)?;
    let theirs = service("theirs", "", "loadBalancerClass: example.com/other");
    let _scene = Scene::new(
        lab,
        pool("classes", "192.0.2.30/31", "") + &theirs + &service("ours", "", ""),
    )?;
    lab.assigned("ours", 1, SOON)?;
    let _marker = decided(lab, "after-classes", SOON)?;
    assert_eq!(traces(lab, "theirs")?, NOTHING);
    // The class may change only with the type.
    lab.kubectl(&[
        "patch",
        "service",
        "theirs",
        "-p",
        r#"{"spec": {"type": "ClusterIP", "allocateLoadBalancerNodePorts": null}}"#,
    ])?;
    lab.kubectl(&[
        "patch",
        "service",
        "theirs",
        "-p",
        r#"{"spec": {"type": "LoadBalancer"}}"#,
    ])?;
    lab.assigned("theirs", 1, SOON)?;
    Ok(())
}

fn class_changes(lab: &Lab) -> Outcome {
    let of_class = |name: &str| service(name, "", &format!("loadBalancerClass: example.com/{name}"));
    let with_class =
        |name: &str| Pair::single_with(lab, &[("FERROLB_LB_CLASS", &format!("example.com/{name}"))]);
    let services = of_class("last") + &of_class("next") + &service("plain", "", "");
    let _scene = Scene::new(lab, pool("only", "192.0.2.35/32", "") + &services)?;
    let mut before = with_class("last")?;
    let address = lab.assigned("last", 1, SOON)?;
    assert_eq!(
        (traces(lab, "next")?, traces(lab, "plain")?),
        (NOTHING.into(), NOTHING.into())
    );
    before.stop_leader()?;
    let mut after = with_class("next")?;
    nothing_left(lab, "last")?;
    assert_eq!(lab.assigned("next", 1, SOON)?, address, "the address is free");
    after.stop_leader()?;
    let _without = Pair::single(lab)?;
    nothing_left(lab, "next")?;
    assert_eq!(lab.assigned("plain", 1, SOON)?, address);
    assert_eq!(traces(lab, "last")?, NOTHING);
    Ok(())
}

fn namespace_relabelled(lab: &Lab) -> Outcome {
    let _pair = Pair::single(lab)?;
    let scope = "autoAssign: true, serviceAllocation: {namespaceSelectors: [{matchLabels: {team: blue}}]}";
    let label = |team: &str| {
        lab.kubectl(&[
            "label",
            "namespace",
            "default",
            "--overwrite",
            &format!("team={team}"),
        ])
    };
    label("blue")?;
    let _scene = Scene::new(
        lab,
        pool("blue", "192.0.2.40/31", scope) + &service("kept", "", ""),
    )?;
    let kept = lab.assigned("kept", 1, SOON)?;
    label("red")?;
    reason(lab, "kept", "NoLongerAdmitted", SOON)?;
    assert_eq!(lab.external_addresses("kept")?, kept);
    let _late = Scene::new(lab, service("late", "", ""))?;
    reason(lab, "late", "NoAddress", SOON)?;
    label("blue")?;
    lab.assigned("late", 1, SOON)?;
    reason(lab, "kept", "Assigned", SOON)?;
    assert_eq!(lab.external_addresses("kept")?, kept);
    Ok(())
}
