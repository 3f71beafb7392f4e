//! Cables and power.

use std::net::IpAddr;
use std::time::Duration;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Machine, Result, wait};

use crate::workload::{HEARING, SILENCE, SOON, addresses, both, get, node_port, placement, pods, service};

const RESTARTING: Duration = Duration::from_secs(60);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "an_unplugged_node_is_silent_and_serves_again_once_plugged",
            unplug,
        ),
        trial("a_node_without_power_is_gone_and_its_pod_comes_back_with_it", cut),
        trial("a_node_cannot_be_cut_twice_nor_booted_while_it_runs", twice),
    ]
}

fn unplug(lab: &Lab) -> Outcome {
    let (node, port) = (placement(lab)?.with[0], node_port(&service(lab, "echo")?));
    lab.unplug(node)?;
    assert_eq!(lab.arp_ask(Machine::Node(node).ipv4(), SILENCE)?, []);
    assert_eq!(lab.ndp_ask(Machine::Node(node).ipv6(), SILENCE)?, []);
    lab.plug(node)?;
    for address in both(Machine::Node(node)) {
        wait::until(&format!("an answer at {address}"), SOON, || {
            Ok(get(lab, address, port).ok())
        })?;
    }
    Ok(())
}

fn cut(lab: &Lab) -> Outcome {
    let node = placement(lab)?.with[0];
    let cut = lab.cut(node)?;
    assert!(
        lab.exec(node, &["true"]).is_err(),
        "a node without power runs nothing"
    );
    assert_eq!(lab.arp_ask(Machine::Node(node).ipv4(), SILENCE)?, []);
    cut.mend()?;
    assert_eq!(
        lab.arp_ask(Machine::Node(node).ipv4(), HEARING)?,
        [lab.node_mac(node)],
        "the same machine as before"
    );
    wait::until_seen("every pod to answer over both families", RESTARTING, || {
        let silent: Vec<IpAddr> = pod_addresses(lab)?
            .into_iter()
            .filter(|it| get(lab, *it, 8080).is_err())
            .collect();
        Ok(if silent.is_empty() {
            Ok(())
        } else {
            Err(format!("silence at {silent:?}"))
        })
    })?;
    lab.rolled_out("default", "deployment/echo")?;
    Ok(())
}

fn pod_addresses(lab: &Lab) -> Result<Vec<IpAddr>> {
    Ok(pods(lab)?
        .iter()
        .flat_map(|pod| addresses(&pod["status"]["podIPs"]))
        .collect())
}

fn twice(lab: &Lab) -> Outcome {
    assert!(lab.boot(3).is_err(), "it runs");
    let cut = lab.cut(3)?;
    assert!(lab.cut(3).is_err(), "it is down");
    cut.mend()?;
    Ok(())
}
