//! What kube-proxy does with a load balancer's address that somebody else assigns and announces: here the status is
//! written by hand, and a permanent neighbour entry stands for the answer to ARP or neighbour discovery.

use std::io::ErrorKind;
use std::net::IpAddr;

use ferrolb_lab::plan::{lan4, lan6};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Machine, Result, wait};
use serde_json::json;

use crate::workload::{
    SILENCE, SOON, addresses, both, get, node_port, number, placement, saw_the_client, service, url,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "with_local_policy_a_node_with_a_pod_serves_and_the_pod_sees_the_client",
            local_with_pod,
        ),
        trial(
            "with_local_policy_a_node_without_a_pod_is_silent",
            local_without_pod,
        ),
        trial(
            "a_local_node_port_keeps_the_client_and_is_silent_without_a_pod",
            local_node_port,
        ),
        trial(
            "with_cluster_policy_a_node_without_a_pod_serves_and_the_client_is_hidden",
            cluster_anywhere,
        ),
        trial("a_service_of_one_family_is_served_in_it", single_family),
        trial("a_service_without_endpoints_gives_no_connection", no_endpoints),
        trial("a_load_balancer_address_is_on_no_interface", on_no_interface),
        trial(
            "the_health_check_port_counts_local_pods_at_both_node_addresses",
            health_check,
        ),
        trial(
            "the_health_check_port_is_refused_at_the_loopback_address",
            health_check_at_loopback,
        ),
    ]
}

fn v4(number: u8) -> IpAddr {
    lan4(number).into()
}

fn v6(number: u8) -> IpAddr {
    lan6(number).into()
}

/// Gives the Service its addresses and waits until the API shows them.
fn assign(lab: &Lab, service_name: &str, wanted: &[IpAddr]) -> Result<()> {
    let ingress: Vec<_> = wanted.iter().map(|address| json!({"ip": address})).collect();
    let patch = json!({"status": {"loadBalancer": {"ingress": ingress}}}).to_string();
    lab.kubectl(&[
        "patch",
        "service",
        service_name,
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ])?;
    let shown = addresses(&service(lab, service_name)?["status"]["loadBalancer"]["ingress"]);
    assert_eq!(shown, wanted);
    Ok(())
}

/// Makes the client send to this node what is for the address.
fn point(lab: &Lab, address: IpAddr, node: u8) -> Result<()> {
    let (address, mac) = (address.to_string(), lab.node_mac(node).to_string());
    lab.client(&[
        "ip",
        "neigh",
        "replace",
        &address,
        "lladdr",
        &mac,
        "dev",
        "eth0",
        "nud",
        "permanent",
    ])
    .map(drop)
}

/// The first answer at an address that was just assigned: kube-proxy takes up to a second to follow.
fn first_answer(lab: &Lab, address: IpAddr) -> Result<ferrolb_lab::probe::Answer> {
    wait::until_seen(&format!("an answer at {address}"), SOON, || {
        Ok(get(lab, address, 80).map_err(|failed| failed.to_string()))
    })
}

fn is_silent(lab: &Lab, address: IpAddr, port: u16) -> bool {
    lab.http_get(&url(address, port), SILENCE)
        .is_err_and(|failed| failed.is_silence())
}

fn local_with_pod(lab: &Lab) -> Outcome {
    assign(lab, "local", &[v4(200), v6(200)])?;
    for node in placement(lab)?.with {
        for address in [v4(200), v6(200)] {
            point(lab, address, node)?;
            let answer = first_answer(lab, address)?;
            let here = format!("node={} ", lab.node_name(node));
            assert!(
                answer.body.contains(&here) && saw_the_client(&answer),
                "{address}, n{node}: {}",
                answer.body
            );
        }
    }
    Ok(())
}

fn local_without_pod(lab: &Lab) -> Outcome {
    assign(lab, "local", &[v4(200), v6(200)])?;
    let placement = placement(lab)?;
    for address in [v4(200), v6(200)] {
        point(lab, address, placement.with[0])?;
        first_answer(lab, address)?;
        point(lab, address, placement.without)?;
        assert!(is_silent(lab, address, 80), "{address}");
    }
    Ok(())
}

fn local_node_port(lab: &Lab) -> Outcome {
    let (port, placement) = (node_port(&service(lab, "local")?), placement(lab)?);
    for address in both(Machine::Node(placement.with[0])) {
        let answer = get(lab, address, port)?;
        assert!(saw_the_client(&answer), "{address}: {}", answer.body);
    }
    for address in both(Machine::Node(placement.without)) {
        assert!(is_silent(lab, address, port), "{address}");
    }
    Ok(())
}

fn cluster_anywhere(lab: &Lab) -> Outcome {
    assign(lab, "cluster", &[v6(203), v4(203)])?;
    for address in [v4(203), v6(203)] {
        point(lab, address, placement(lab)?.without)?;
        let answer = first_answer(lab, address)?;
        assert!(!saw_the_client(&answer), "{address}: {}", answer.body);
    }
    Ok(())
}

fn single_family(lab: &Lab) -> Outcome {
    assign(lab, "only6", &[v6(201)])?;
    point(lab, v6(201), 1)?;
    first_answer(lab, v6(201))?;
    Ok(())
}

/// Refused over IPv6; over IPv4 the node's kernel spends its one ICMP message to the client on a redirect.
fn no_endpoints(lab: &Lab) -> Outcome {
    assign(lab, "nobody", &[v4(202), v6(202)])?;
    for address in [v4(202), v6(202)] {
        point(lab, address, 1)?;
        assert!(lab.http_get(&url(address, 80), SILENCE).is_err(), "{address}");
    }
    Ok(())
}

fn on_no_interface(lab: &Lab) -> Outcome {
    assign(lab, "local", &[v4(200), v6(200)])?;
    for node in lab.plan().nodes() {
        let shown = lab.exec(node, &["ip", "-o", "addr"])?;
        assert!(
            [v4(200), v6(200)]
                .iter()
                .all(|address| !shown.contains(&format!("{address}/"))),
            "{shown}"
        );
    }
    Ok(())
}

fn health_check(lab: &Lab) -> Outcome {
    let (port, placement) = (
        number(&service(lab, "local")?["spec"]["healthCheckNodePort"]),
        placement(lab)?,
    );
    for (node, status, pods) in [(placement.with[0], 200, 1), (placement.without, 503, 0)] {
        for address in both(Machine::Node(node)) {
            let answer = lab.http_get_from(Machine::Node(node), &url(address, port), SOON)?;
            let told: serde_json::Value = serde_json::from_str(&answer.body)?;
            assert_eq!(
                (answer.status, &told["localEndpoints"]),
                (status, &json!(pods)),
                "n{node} at {address}"
            );
        }
    }
    Ok(())
}

/// In nftables mode kube-proxy listens on the node's primary addresses alone.
fn health_check_at_loopback(lab: &Lab) -> Outcome {
    let port = number(&service(lab, "local")?["spec"]["healthCheckNodePort"]);
    for loopback in ["127.0.0.1", "::1"] {
        let asked = lab.http_get_from(Machine::Node(1), &url(loopback.parse()?, port), SOON);
        let refused = matches!(&asked, Err(ferrolb_lab::Error::Io { source, .. }) if source.kind() == ErrorKind::ConnectionRefused);
        assert!(refused, "{loopback}: {asked:?}");
    }
    Ok(())
}
