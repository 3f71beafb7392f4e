//! Addresses that lie unevenly are brought back under load.

use std::net::{IpAddr, SocketAddr};

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result, requests, wait};

use crate::marks::{Label, advertised, only_nodes_with};
use crate::scene::{PODS, SOON, Scene, nodes_with_pods};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "rebalance_moves_twenty_addresses_and_loses_no_request",
        under_load,
    )]
}

/// More than are to move: the node that holds them keeps those that the others have no room for.
const ADDRESSES: u8 = 30;
const SPEC: &str = "type: LoadBalancer, allocateLoadBalancerNodePorts: false, selector: {app: echo}, ports: [{port: 8080, \
                    protocol: UDP}]";

fn under_load(lab: &Lab) -> Outcome {
    let label = "layer2.test/uneven";
    let pods = nodes_with_pods(lab)?;
    let first = lab.plan().nodes().find(|node| !pods.contains(node)).unwrap_or(1);
    let mut labels = vec![Label::put(lab, first, label)?];
    let _scene = Scene::new(
        lab,
        advertised("uneven", "192.0.2.140-192.0.2.169", &only_nodes_with(label)) + &services(),
    )?;
    let addresses: Vec<IpAddr> = (0..ADDRESSES)
        .map(|number| Ok(lab.assigned(&service_name(number), 1, SOON)?[0]))
        .collect::<Result<_>>()?;
    for address in &addresses {
        lab.announced(*address, SOON, |node| node == first)?;
    }
    // Nothing moves because of this: the holder may still announce.
    let others = lab.plan().nodes().filter(|node| *node != first);
    labels.extend(Label::put_on_all(lab, others, label)?);
    let targets: Vec<SocketAddr> = addresses.iter().map(|address| (*address, 8080).into()).collect();
    for target in &targets {
        lab.fetch_over_udp(*target, SOON)?;
    }
    let (moves, tally) = requests::in_turn(lab, &targets, || rebalance(lab))?;
    eprintln!("{moves} addresses moved: {tally}");
    assert!(moves >= 20, "{moves} moved");
    assert!(tally.sent > 200 && tally.lost() == 0, "{tally}");
    assert_eq!(run(lab, &["--dry-run"])?, "nothing to move\n");
    drop(labels);
    Ok(())
}

fn service_name(number: u8) -> String {
    format!("uneven-{number:02}")
}

fn services() -> String {
    let one = |number| {
        let name = service_name(number);
        format!(
            "
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, annotations: {{metallb.io/address-pool: uneven}}}}
spec: {{{SPEC}}}
"
        )
    };
    (0..ADDRESSES).map(one).collect()
}

/// Once the other nodes are known to have the label; returns how many addresses moved.
fn rebalance(lab: &Lab) -> Result<usize> {
    let due = wait::until_seen("moves to be due", SOON, || {
        let due = run(lab, &["--dry-run"])?;
        Ok(if due.lines().count() > 1 {
            Ok(due)
        } else {
            Err(due)
        })
    })?;
    run(lab, &[])?;
    Ok(due.lines().filter(|line| line.contains("uneven-")).count())
}

fn run(lab: &Lab, more: &[&str]) -> Result<String> {
    lab.ferrolb(&[&["rebalance"], more].concat(), PODS)
}
