//! Pods, Services and the probes themselves.

use std::net::SocketAddr;

use ferrolb_lab::plan::{lan4, lan6};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Machine};

use crate::workload::{
    HEARING, SILENCE, SOON, addresses, both, endpoints, get, node_port, number, placement, pods, service, url,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_node_has_an_internal_address_of_each_family", node_addresses),
        trial("a_pod_has_an_address_of_each_family", pod_addresses),
        trial(
            "a_dual_stack_service_has_endpoint_slices_of_both_families",
            endpoint_slices,
        ),
        trial("a_pod_address_answers_the_client", pod_answers),
        trial("a_node_port_answers_on_every_node_over_tcp", node_ports_tcp),
        trial("a_node_port_answers_on_every_node_over_udp", node_ports_udp),
        trial(
            "a_cluster_address_answers_a_client_that_routes_through_a_node",
            cluster_address_from_client,
        ),
        trial(
            "a_cluster_address_answers_the_pod_behind_it",
            cluster_address_from_pod,
        ),
        trial("a_command_in_a_node_is_in_its_namespaces_and_its_cgroup", exec),
        trial("the_rules_of_a_proxy_are_dated_for_each_family", proxy_metrics),
        trial("an_arp_request_finds_the_one_who_has_the_address", arp),
        trial("a_neighbour_solicitation_finds_the_one_who_has_the_address", ndp),
    ]
}

fn node_addresses(lab: &Lab) -> Outcome {
    for i in lab.plan().nodes() {
        let node = lab.json(&["get", "node", &lab.node_name(i)])?;
        let entries = node["status"]["addresses"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let internal: Vec<_> = entries
            .iter()
            .filter(|entry| entry["type"] == "InternalIP")
            .collect();
        let expected = both(Machine::Node(i)).map(|address| address.to_string());
        assert_eq!(
            internal.iter().map(|entry| &entry["address"]).collect::<Vec<_>>(),
            expected.iter().collect::<Vec<_>>()
        );
    }
    Ok(())
}

fn pod_addresses(lab: &Lab) -> Outcome {
    for pod in pods(lab)? {
        let addresses = addresses(&pod["status"]["podIPs"]);
        assert!(
            matches!(addresses[..], [v4, v6] if v4.is_ipv4() && v6.is_ipv6()),
            "{addresses:?}"
        );
    }
    Ok(())
}

fn endpoint_slices(lab: &Lab) -> Outcome {
    for family in ["IPv4", "IPv6"] {
        assert_eq!(endpoints(lab, family)?, 2, "{family}");
    }
    Ok(())
}

fn pod_answers(lab: &Lab) -> Outcome {
    for pod in pods(lab)? {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        for address in addresses(&pod["status"]["podIPs"]) {
            let answer = get(lab, address, 8080)?;
            assert!(answer.body.contains(&format!("pod={name} ")), "{}", answer.body);
        }
    }
    Ok(())
}

fn node_ports_tcp(lab: &Lab) -> Outcome {
    let port = node_port(&service(lab, "echo")?);
    for address in lab.plan().nodes().flat_map(|i| both(Machine::Node(i))) {
        assert!(get(lab, address, port)?.body.contains("pod=echo-"), "{address}");
    }
    Ok(())
}

fn node_ports_udp(lab: &Lab) -> Outcome {
    let port = number(&service(lab, "echo")?["spec"]["ports"][1]["nodePort"]);
    for address in lab.plan().nodes().flat_map(|i| both(Machine::Node(i))) {
        assert!(
            lab.udp_ask(SocketAddr::new(address, port), SOON)?
                .contains("pod=echo-"),
            "{address}"
        );
    }
    Ok(())
}

fn cluster_address_from_client(lab: &Lab) -> Outcome {
    let router = Machine::Node(placement(lab)?.without);
    for address in addresses(&service(lab, "echo")?["spec"]["clusterIPs"]) {
        let via = if address.is_ipv4() {
            both(router)[0]
        } else {
            both(router)[1]
        };
        lab.client(&[
            "ip",
            "route",
            "replace",
            &address.to_string(),
            "via",
            &via.to_string(),
        ])?;
        assert!(get(lab, address, 80)?.body.contains("pod=echo-"), "{address}");
    }
    Ok(())
}

/// Often enough that the pod's own endpoint is among those chosen.
fn cluster_address_from_pod(lab: &Lab) -> Outcome {
    let pod = pods(lab)?[0]["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    for address in addresses(&service(lab, "echo")?["spec"]["clusterIPs"]) {
        for _ in 0..8 {
            let said = lab.kubectl(&["exec", &pod, "--", "/ferrolb-echo", "get", &url(address, 80)])?;
            assert!(said.contains("pod=echo-"), "{address}: {said}");
        }
    }
    Ok(())
}

fn exec(lab: &Lab) -> Outcome {
    let script = "hostname; cat /proc/1/comm; ip -4 -o addr show eth0; cat /proc/self/cgroup";
    let said = lab.exec(2, &["sh", "-c", script])?;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], lab.node_name(2));
    assert!(lines[2].contains(&Machine::Node(2).ipv4().to_string()), "{said}");
    assert!(
        lines[3..]
            .iter()
            .all(|group| group.ends_with(":/") || group.ends_with(":/init")),
        "{said}"
    );
    let failed = lab
        .exec(2, &["sh", "-c", "exit 7"])
        .expect_err("the status is passed on");
    assert!(failed.to_string().contains('7'), "{failed}");
    Ok(())
}

fn proxy_metrics(lab: &Lab) -> Outcome {
    let metrics = lab
        .http_get_from(Machine::Node(1), "http://127.0.0.1:10249/metrics", SOON)?
        .body;
    for name in ["last_timestamp_seconds", "last_queued_timestamp_seconds"] {
        for family in ["IPv4", "IPv6"] {
            let series = format!("kubeproxy_sync_proxy_rules_{name}{{ip_family=\"{family}\"}}");
            assert!(metrics.contains(&series), "{series}");
        }
    }
    Ok(())
}

fn arp(lab: &Lab) -> Outcome {
    for node in lab.plan().nodes() {
        assert_eq!(
            lab.arp_ask(Machine::Node(node).ipv4(), HEARING)?,
            [lab.node_mac(node)]
        );
    }
    assert_eq!(lab.arp_ask(lan4(250), SILENCE)?, []);
    Ok(())
}

fn ndp(lab: &Lab) -> Outcome {
    for node in lab.plan().nodes() {
        assert_eq!(
            lab.ndp_ask(Machine::Node(node).ipv6(), HEARING)?,
            [lab.node_mac(node)]
        );
    }
    assert_eq!(lab.ndp_ask(lan6(250), SILENCE)?, []);
    Ok(())
}
