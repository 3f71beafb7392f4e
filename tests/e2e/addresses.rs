//! Which Service gets which address, and keeps it.

use std::net::IpAddr;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result, wait};

use crate::scene::{PODS, SOON, Scene, annotated, event, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "two_pools_give_each_service_an_address_of_its_own_pool",
            two_pools,
        ),
        trial(
            "an_address_asked_for_is_given_and_a_second_request_is_refused_by_name",
            asked_for_twice,
        ),
        trial(
            "a_full_pool_says_so_and_serves_who_waits_as_soon_as_an_address_is_free",
            exhausted,
        ),
        trial(
            "a_deleted_service_is_announced_no_longer_and_its_address_is_free",
            deleted,
        ),
        trial(
            "a_service_that_becomes_internal_gives_its_address_back",
            becomes_internal,
        ),
        trial("controllers_that_are_killed_change_no_address", controller_killed),
        trial("a_pool_counts_what_is_in_use", pool_status),
    ]
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn two_pools(lab: &Lab) -> Outcome {
    let manifests = pool("red", "192.0.2.220/31")
        + &pool("blue", "192.0.2.222/31")
        + &service("in-red", "red", "")
        + &service("in-blue", "blue", "");
    let _scene = Scene::new(lab, manifests)?;
    assert_eq!(lab.assigned("in-red", 1, SOON)?, [ip("192.0.2.220")]);
    assert_eq!(lab.assigned("in-blue", 1, SOON)?, [ip("192.0.2.222")]);
    let annotation = r"jsonpath={.metadata.annotations.metallb\.io/ip-allocated-from-pool}";
    assert_eq!(
        lab.kubectl(&["get", "service", "in-blue", "-o", annotation])?,
        "blue"
    );
    event(lab, "in-red", "IPAllocated", &["192.0.2.220"])?;
    Ok(())
}

fn asked_for_twice(lab: &Lab) -> Outcome {
    let asks = "metallb.io/loadBalancerIPs: 192.0.2.225";
    let _first = Scene::new(
        lab,
        pool("asked", "192.0.2.224-192.0.2.226") + &annotated("first", asks, ""),
    )?;
    assert_eq!(lab.assigned("first", 1, SOON)?, [ip("192.0.2.225")]);
    let _second = Scene::new(lab, annotated("second", asks, ""))?;
    event(
        lab,
        "second",
        "AllocationFailed",
        &["192.0.2.225", "default/first"],
    )?;
    assert_eq!(lab.external_addresses("second")?, [] as [IpAddr; 0]);
    assert!(lab.why("second").contains("InUse"), "{}", lab.why("second"));
    Ok(())
}

fn exhausted(lab: &Lab) -> Outcome {
    let _pool = Scene::new(lab, pool("small", "192.0.2.227/32"))?;
    let holder = Scene::new(lab, service("holder", "small", ""))?;
    assert_eq!(lab.assigned("holder", 1, SOON)?, [ip("192.0.2.227")]);
    let _waiter = Scene::new(lab, service("waiter", "small", ""))?;
    event(
        lab,
        "waiter",
        "AllocationFailed",
        &["small", "no free IPv4 address"],
    )?;
    drop(holder);
    assert_eq!(lab.assigned("waiter", 1, SOON)?, [ip("192.0.2.227")]);
    Ok(())
}

fn deleted(lab: &Lab) -> Outcome {
    let _pool = Scene::new(lab, pool("short", "192.0.2.228/32"))?;
    let service_scene = Scene::new(lab, service("short-lived", "short", ""))?;
    let address = lab.assigned("short-lived", 1, SOON)?[0];
    lab.announced(address, SOON, |_| true)?;
    drop(service_scene);
    lab.silent(address, SOON)?;
    let _next = Scene::new(lab, service("next", "short", ""))?;
    assert_eq!(lab.assigned("next", 1, SOON)?, [address]);
    Ok(())
}

fn becomes_internal(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("turn", "192.0.2.229/32") + &service("turncoat", "turn", ""),
    )?;
    let address = lab.assigned("turncoat", 1, SOON)?[0];
    lab.kubectl(&[
        "patch",
        "service",
        "turncoat",
        "-p",
        r#"{"spec": {"type": "ClusterIP"}}"#,
    ])?;
    wait::until_seen("nothing of ours to be left on the Service", SOON, || {
        let service = lab.json(&["get", "service", "turncoat"])?;
        let left = (
            &service["metadata"]["annotations"]["metallb.io/ip-allocated-from-pool"],
            &service["status"]["conditions"],
            &service["status"]["loadBalancer"]["ingress"],
        );
        let nothing = left.0.is_null() && left.1.as_array().is_none_or(Vec::is_empty) && left.2.is_null();
        Ok(if nothing { Ok(()) } else { Err(format!("{left:?}")) })
    })?;
    lab.silent(address, SOON)?;
    Ok(())
}

/// All Services with what is in their status.
fn holdings(lab: &Lab, names: &[&str]) -> Result<Vec<Vec<IpAddr>>> {
    names.iter().map(|name| lab.external_addresses(name)).collect()
}

fn controller_killed(lab: &Lab) -> Outcome {
    let names = ["kept-1", "kept-2", "pending", "kept-3"];
    let services: String = names[..2]
        .iter()
        .map(|name| service(name, "restart", ""))
        .collect();
    let _first = Scene::new(lab, pool("restart", "192.0.2.230-192.0.2.232") + &services)?;
    names[..2]
        .iter()
        .try_for_each(|name| lab.assigned(name, 1, SOON).map(drop))?;
    let _rest = Scene::new(lab, service("kept-3", "restart", ""))?;
    lab.assigned("kept-3", 1, SOON)?;
    let _pending = Scene::new(lab, service("pending", "restart", ""))?;
    event(lab, "pending", "AllocationFailed", &["no free IPv4 address"])?;
    let before = holdings(lab, &names)?;
    let pods = [
        "get",
        "pods",
        "-n",
        "metallb-system",
        "-l",
        "component=controller",
        "-o",
        "name",
    ];
    let old = lab.kubectl(&pods)?;
    let delete = ["delete", "-n", "metallb-system", "--force", "--grace-period=0"];
    let all: Vec<&str> = delete.into_iter().chain(old.split_whitespace()).collect();
    lab.kubectl(&all)?;
    lab.rolled_out("metallb-system", "deployment/controller")?;
    let new = lab.kubectl(&pods)?;
    assert!(
        old.split_whitespace().all(|pod| !new.contains(pod)),
        "{old} are gone"
    );
    // Served by the new controller, so its first decision over everything is behind us.
    let _after = Scene::new(
        lab,
        pool("afterwards", "192.0.2.233/32") + &service("after", "afterwards", ""),
    )?;
    // Nobody gave the Lease back, so it has to expire.
    lab.assigned("after", 1, PODS)?;
    assert_eq!(holdings(lab, &names)?, before);
    Ok(())
}

fn pool_status(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("counted", "192.0.2.234/31") + &service("counting", "counted", ""),
    )?;
    lab.assigned("counting", 1, SOON)?;
    let get = ["get", "ipaddresspool", "-n", "metallb-system", "counted"];
    wait::until_seen("the pool to count", SOON, || {
        let status = lab.json(&get)?["status"].clone();
        let counts = [
            &status["assignedIPv4"],
            &status["availableIPv4"],
            &status["assignedIPv6"],
        ];
        Ok(
            if counts.map(serde_json::Value::as_i64) == [Some(1), Some(1), Some(0)] {
                Ok(())
            } else {
                Err(status.to_string())
            },
        )
    })?;
    Ok(())
}
