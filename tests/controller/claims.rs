//! Which controller leads, and what happens when two do.

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, wait};

use crate::pair::{Pair, start_in};
use crate::scene::{
    AFTER_EXPIRY, SOON, Scene, all_different, decided, event, in_the_end_different, marker_pool, pool,
    service, versions,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("when_the_leader_ends_the_other_serves_at_once", leader_ends),
        trial(
            "a_lease_stolen_by_force_stops_the_leader_until_it_expires",
            lease_stolen,
        ),
        trial(
            "an_address_given_twice_stays_with_the_older_claim_and_the_other_gets_a_new_one",
            given_twice,
        ),
        trial("two_active_leaders_end_with_no_address_given_twice", two_leaders),
    ]
}

fn leader_ends(lab: &Lab) -> Outcome {
    let mut pair = Pair::start(lab)?;
    let names = ["first", "second", "third"];
    let _pool = Scene::new(lab, pool("handed-over", "192.0.2.50-192.0.2.60", ""))?;
    let mut scenes = Vec::new();
    for name in names {
        scenes.push(Scene::new(lab, service(name, "", ""))?);
        lab.assigned(name, 1, SOON)?;
        let before = versions(lab)?;
        pair.stop_leader()?;
        pair.start_missing()?;
        let marker = decided(lab, &format!("after-{name}"), SOON)?;
        drop(marker);
        let after = versions(lab)?;
        assert!(
            before.is_subset(&after),
            "a takeover rewrites nothing: {before:?}, then {after:?}"
        );
    }
    all_different(lab, names.len(), SOON)?;
    Ok(())
}

fn lease_stolen(lab: &Lab) -> Outcome {
    let pair = Pair::start(lab)?;
    let _pool = Scene::new(lab, pool("stolen", "192.0.2.70/31", ""))?;
    let _before = Scene::new(lab, service("before", "", ""))?;
    lab.assigned("before", 1, SOON)?;
    let patch = r#"{"spec": {"holderIdentity": "thief"}}"#;
    lab.kubectl(&[
        "patch",
        "lease",
        "ferrolb-controller",
        "-n",
        "metallb-system",
        "--type=merge",
        "-p",
        patch,
    ])?;
    pair.nobody_leads()?;
    let _after = Scene::new(lab, service("after", "", ""))?;
    // The thief never renews it.
    lab.assigned("after", 1, AFTER_EXPIRY)?;
    pair.leader()?;
    all_different(lab, 2, SOON)?;
    Ok(())
}

fn given_twice(lab: &Lab) -> Outcome {
    let _pair = Pair::single(lab)?;
    let _scene = Scene::new(
        lab,
        pool("doubled", "192.0.2.80/31", "") + &service("early", "", ""),
    )?;
    let address = lab.assigned("early", 1, SOON)?;
    let _late = Scene::new(lab, service("late", "", ""))?;
    let own = lab.assigned("late", 1, SOON)?;
    assert_ne!(own, address);
    let status = format!(
        r#"{{"status": {{"loadBalancer": {{"ingress": [{{"ip": "{}"}}]}}}}}}"#,
        address[0]
    );
    let steal = [
        "patch",
        "service",
        "late",
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ];
    lab.kubectl(&steal)?;
    event(lab, "late", "AddressConflict", "default/early")?;
    wait::until_seen("the younger claim to be served anew", SOON, || {
        let held = lab.external_addresses("late")?;
        Ok(if held == own {
            Ok(())
        } else {
            Err(format!("{held:?}"))
        })
    })?;
    assert_eq!(lab.external_addresses("early")?, address);
    Ok(())
}

fn two_leaders(lab: &Lab) -> Outcome {
    const COUNT: usize = 40;
    let addresses = "198.51.100.0/25";
    let other = "{apiVersion: v1, kind: Namespace, metadata: {name: second-system}}\n";
    let theirs = (marker_pool() + &pool("both", addresses, "")).replace("metallb-system", "second-system");
    let _pools = Scene::new(lab, other.to_owned() + &pool("both", addresses, "") + &theirs)?;
    let _first = Pair::single(lab)?;
    let _second = start_in(lab, "second-system")?;
    wait::until("two controllers to lead", AFTER_EXPIRY, || {
        Ok((0..2)
            .all(|at| crate::pair::leads(lab, at) == Some(true))
            .then_some(()))
    })?;
    let services: String = (0..COUNT)
        .map(|number| service(&format!("twice-{number}"), "", ""))
        .collect();
    let _services = Scene::new(lab, services)?;
    in_the_end_different(lab, COUNT, AFTER_EXPIRY)?;
    // They agree: once each has decided about all, nobody writes any more.
    drop(decided(lab, "after-both", SOON)?);
    let before = versions(lab)?;
    drop(decided(lab, "after-that", SOON)?);
    assert!(
        before.is_subset(&versions(lab)?),
        "two leaders do not write against each other"
    );
    Ok(())
}
