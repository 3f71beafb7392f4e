//! What operators are promised.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use ferrolb_lab::fabric::{Fabric, Tors, objects};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Found, Lab, Machine, Result, requests, wait};
use serde_json::{Value, json};

use crate::doctor;
use crate::scene::{PODS, SOON, Scene, event, nodes_with_pods, service};

/// The detection time of 300 ms and three packets, and as much again for a busy machine.
const SILENT: Duration = Duration::from_millis(2 * 900);

/// Requests of a twentieth of a second, which a machine that runs three clusters at once now and then keeps waiting for too long. A
/// route that is missing costs more: each router that has none loses half of what comes in the meantime.
pub(crate) const BUSY: usize = 10;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "both_routers_forward_to_every_node_and_the_client_gets_answers",
            everywhere,
        ),
        trial(
            "what_each_session_is_at_stands_in_its_object_in_status_and_on_the_page_and_doctor_says_what_to_do",
            sessions,
        ),
        trial(
            "with_local_policy_routers_forward_to_nodes_with_a_ready_pod_alone",
            local,
        ),
        trial(
            "while_all_speakers_are_replaced_no_route_changes_and_no_request_is_lost",
            rollout,
        ),
        trial(
            "a_cordoned_node_is_left_by_both_routers_and_no_request_is_lost",
            cordoned,
        ),
        trial(
            "a_node_that_dies_is_found_by_bfd_and_told_again_when_it_is_back",
            dead_node,
        ),
    ]
}

/// The address of a Service that asks for pool `bgp`.
pub(crate) fn address(lab: &Lab, name: &str) -> Result<Ipv4Addr> {
    match lab.assigned(name, 1, SOON)?[0] {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(_) => unreachable!("the pool has none"),
    }
}

/// Waits until both routers forward to these nodes.
pub(crate) fn forwarded(
    fabric: &Fabric<'_>,
    address: Ipv4Addr,
    nodes: &[u8],
    within: Duration,
) -> Result<()> {
    wait::until_seen(&format!("routes to {address} over {nodes:?}"), within, || {
        let hops = fabric.next_hops(address)?;
        Ok(hops
            .iter()
            .all(|hops| hops == nodes)
            .then_some(())
            .ok_or_else(|| format!("{hops:?}")))
    })
}

/// Waits until every speaker says that its sessions are up. It says so once in ten seconds, and until then others do not count on them.
pub(crate) fn known(lab: &Lab) -> Result<()> {
    wait::until_seen("the sessions to be known", PODS, || {
        let states = lab.json(&["get", "configurationstates", "-n", "metallb-system"])?;
        let all = states["items"].as_array().into_iter().flatten();
        let told = all.filter_map(|state| state["metadata"]["annotations"]["ferrolb.io/sessions"].as_str());
        let told: Vec<&str> = told.collect();
        let all_up = told.len() == nodes(lab).len() && told.iter().all(|sessions| *sessions == "tor-a tor-b");
        Ok(all_up.then_some(()).ok_or_else(|| format!("{told:?}")))
    })
}

/// FRR takes its BFD down once when BGP comes up.
pub(crate) fn watched(lab: &Lab, fabric: &Fabric<'_>) -> Result<()> {
    wait::until("FRR's BFD to be up with all", SOON, || {
        let up = |node: &u8| fabric.frr.watches(&Machine::Node(*node).ipv4().to_string());
        Ok(nodes(lab).iter().all(up).then_some(()))
    })
}

fn nodes(lab: &Lab) -> Vec<u8> {
    lab.plan().nodes().collect()
}

fn everywhere(lab: &Lab) -> Outcome {
    let fabric = Fabric::new(lab, Tors::Both)?;
    let _scene = Scene::new(lab, objects() + &service("spread", "bgp", ""))?;
    let began = Instant::now();
    let address = address(lab, "spread")?;
    forwarded(&fabric, address, &nodes(lab), SOON)?;
    eprintln!("routes to {address} {:.1?} after the objects", began.elapsed());
    for _ in 0..20 {
        lab.fetch(address.into(), SOON)?;
    }
    for name in ["tor-a", "tor-b"] {
        event(lab, name, "SessionUp", &["is up: "])?;
        event(
            lab,
            name,
            "BFDSessionUp",
            &["BFDProfile usual asks for a packet each 300 ms"],
        )?;
    }
    let condition = wait::until_seen("the condition to name all nodes", SOON, || {
        let service = lab.json(&["get", "service", "spread"])?;
        let conditions = service["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let found = conditions
            .iter()
            .find(|one| one["type"] == "ferrolb.io/Announced")
            .cloned();
        let text = found
            .as_ref()
            .and_then(|one| one["message"].as_str())
            .unwrap_or_default()
            .to_owned();
        let names_all = nodes(lab).iter().all(|node| text.contains(&lab.node_name(*node)));
        let holds = found.is_some_and(|one| one["status"] == "True");
        Ok((holds && names_all).then(|| text.clone()).ok_or(text))
    })?;
    eprintln!("{condition}");
    let Found { text, code, .. } = lab.ferrolb_finds(&["explain", "svc/default/spread"], SOON)?;
    let first = text.lines().next().unwrap_or_default();
    assert_eq!(
        (first, code),
        (&*format!("default/spread is announced: {condition}"), Some(0))
    );
    for node in nodes(lab) {
        let lines = [2, 3].map(|client| Machine::Client(client).ipv4()).map(|tor| {
            [
                format!("metallb_bgp_session_up{{peer=\"{tor}:179\",vrf=\"\"}} 1"),
                format!("metallb_bfd_session_up{{peer=\"{tor}\",vrf=\"\"}} 1"),
            ]
        });
        let name = lab.node_name(node);
        wait::until_seen(&format!("all sessions of {name} in its metrics"), SOON, || {
            let metrics = lab.http_get_from(Machine::Node(node), "http://127.0.0.1:9120/metrics", SOON)?;
            let shown = |line: &String| metrics.body.lines().any(|one| one == line);
            let missing = lines.iter().flatten().find(|line| !shown(line));
            Ok(missing.map_or(Ok(()), |line| Err(line.clone())))
        })?;
    }
    Ok(())
}

/// BIRD that has refused a peer turns its attempts away without a word for a minute, and then says why again.
const REFUSED: Duration = Duration::from_secs(2 * 60);

/// The status of each BGPSessionState of this peer.
fn statuses(lab: &Lab, peer: &str) -> Result<Vec<Value>> {
    let list = lab.json(&["get", "bgpsessionstates", "-n", "metallb-system"])?;
    let all = list["items"].as_array().into_iter().flatten();
    let of_peer = all
        .map(|one| &one["status"])
        .filter(|status| status["bgpPeer"] == peer);
    Ok(of_peer.cloned().collect())
}

/// Waits until all of them are what is expected.
fn until_sessions(lab: &Lab, peer: &str, are: impl Fn(&Value) -> bool) -> Result<()> {
    wait::until_seen(&format!("what the sessions with {peer} are at"), SOON, || {
        let of_peer = statuses(lab, peer)?;
        let all = of_peer.len() == nodes(lab).len() && of_peer.iter().all(&are);
        Ok(all.then_some(()).ok_or_else(|| format!("{of_peer:?}")))
    })
}

/// Waits until each node has said why the router refuses it, each at a time of its own; returns how long that took.
fn until_refused(lab: &Lab, peer: &str, why: &str) -> Result<Duration> {
    let (began, mut said) = (Instant::now(), BTreeSet::new());
    wait::until_seen(&format!("what {peer} refuses the nodes for"), REFUSED, || {
        let of_peer = statuses(lab, peer)?;
        let refused = of_peer.iter().filter(|status| {
            let error = status["lastError"].as_str().unwrap_or_default();
            status["bgpStatus"] != "Established" && error.contains(why)
        });
        said.extend(refused.map(|status| status["node"].to_string()));
        let all = said.len() == nodes(lab).len();
        Ok(all.then_some(()).ok_or_else(|| format!("{of_peer:?}")))
    })?;
    Ok(began.elapsed())
}

fn sessions(lab: &Lab) -> Outcome {
    let fabric = Fabric::new(lab, Tors::Both)?;
    let _scene = Scene::new(lab, objects() + &service("shown", "bgp", ""))?;
    let address = address(lab, "shown")?;
    forwarded(&fabric, address, &nodes(lab), SOON)?;
    watched(lab, &fabric)?;
    until_sessions(lab, "tor-a", |status| {
        status["bgpStatus"] == "Established"
            && status["bfdStatus"] == "up"
            && status["prefixesSent"] == json!({"ipv4": 1, "ipv6": 0})
            && status["agreed"]["peerASN"] == 64500
            && status["agreedBfd"]["detectionTimeMilliseconds"] == 900
    })?;
    wait::until_seen("each node to name the peers that it tells", SOON, || {
        let list = lab.json(&["get", "servicebgpstatuses", "-n", "metallb-system"])?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let tells = |one: &Value| {
            one["status"]["serviceName"] == "shown" && one["status"]["peers"] == json!(["tor-a", "tor-b"])
        };
        let told = items.iter().filter(|one| tells(one)).count();
        Ok((told == nodes(lab).len())
            .then_some(())
            .ok_or_else(|| format!("{items:?}")))
    })?;
    let shown = lab.ferrolb_finds(&["status"], SOON)?.text;
    assert!(
        shown.contains("3 by BGP") && shown.contains("Established"),
        "{shown}"
    );
    doctor::until_found(lab, 0, &[])?;

    // The routers' own word, and what to do.
    let wrong = objects().replace("peerASN: 64501", "peerASN: 64999");
    lab.apply(&wrong)?;
    let took = until_refused(lab, "tor-b", "bad peer AS (2/2)")?;
    eprintln!("the objects name the wrong AS {took:.1?} after it was written");
    let line = "FD25 BGPPeer/metallb-system/tor-b: no session of ".to_owned();
    doctor::until_found(lab, 2, &[line])?;
    wait::until_seen("doctor to say what to do", REFUSED, || {
        let (_, answer) = doctor::doctor(lab, &[])?;
        let said = answer.to_string().contains("correct spec.peerASN");
        Ok(said.then_some(()).ok_or_else(|| answer.to_string()))
    })?;
    until_sessions(lab, "tor-a", |status| status["bgpStatus"] == "Established")?;
    lab.apply(&objects())?;
    until_sessions(lab, "tor-b", |status| status["bgpStatus"] == "Established")?;
    lab.kubectl(&["delete", "bgppeer", "tor-b", "-n", "metallb-system"])?;
    wait::until("the objects of a peer that is gone to go", SOON, || {
        let list = lab.json(&["get", "bgpsessionstates", "-n", "metallb-system"])?;
        Ok((list["items"]
            .as_array()
            .is_some_and(|all| all.len() == nodes(lab).len()))
        .then_some(()))
    })?;
    Ok(())
}

fn local(lab: &Lab) -> Outcome {
    let fabric = Fabric::new(lab, Tors::Both)?;
    let _scene = Scene::new(
        lab,
        objects() + &service("near", "bgp", "externalTrafficPolicy: Local"),
    )?;
    let address = address(lab, "near")?;
    let with_pods = nodes_with_pods(lab)?;
    let expected: Vec<u8> = with_pods.iter().copied().collect();
    assert!(
        expected.len() < nodes(lab).len(),
        "a node without a pod is needed: {expected:?}"
    );
    forwarded(&fabric, address, &expected, SOON)?;
    let mut answering = BTreeSet::new();
    for _ in 0..60 {
        let answer = lab.fetch(address.into(), SOON)?.body;
        assert!(answer.contains(&format!("from={}:", fabric.client())), "{answer}");
        let of = |node: &&u8| answer.contains(&format!("node={} ", lab.node_name(**node)));
        answering.extend(with_pods.iter().find(of));
    }
    assert_eq!(answering, with_pods, "flows are spread");
    Ok(())
}

/// A Service over UDP that asks for this pool.
pub(crate) fn datagrams(name: &str, pool: &str) -> String {
    format!(
        "
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, annotations: {{metallb.io/address-pool: {pool}}}}}
spec: {{type: LoadBalancer, selector: {{app: echo}}, ports: [{{name: udp, port: 8080, protocol: UDP}}]}}
"
    )
}

/// Speakers fall silent, and FRR waits for them. BIRD drops its routes to the one that is away and uses the others; the node
/// forwards what still comes.
fn rollout(lab: &Lab) -> Outcome {
    let fabric = Fabric::new(lab, Tors::Both)?;
    let _scene = Scene::new(lab, objects() + &datagrams("stays", "bgp"))?;
    let address = address(lab, "stays")?;
    forwarded(&fabric, address, &nodes(lab), SOON)?;
    watched(lab, &fabric)?;
    let frr = |what: &str| fabric.frr.log().matches(what).count();
    let ((), tally) = requests::in_turn(lab, &[SocketAddr::from((address, 8080))], || {
        lab.kubectl(&["rollout", "restart", "-n", "metallb-system", "daemonset/speaker"])?;
        lab.rolled_out("metallb-system", "daemonset/speaker")?;
        forwarded(&fabric, address, &nodes(lab), SOON)
    })?;
    eprintln!("{tally}; FRR saw {} sessions end", frr(" Down "));
    assert!(tally.lost() <= BUSY, "{tally}");
    Ok(())
}

/// And the last one goes on: a cluster of cordoned nodes works.
fn cordoned(lab: &Lab) -> Outcome {
    let fabric = Fabric::new(lab, Tors::Both)?;
    let _scene = Scene::new(lab, objects() + &datagrams("stays", "bgp"))?;
    let address = address(lab, "stays")?;
    let all = nodes(lab);
    forwarded(&fabric, address, &all, SOON)?;
    watched(lab, &fabric)?;
    let cordon = |verb: &str, node: u8| lab.kubectl(&[verb, &lab.node_name(node)]).map(drop);
    let ((), tally) = requests::in_turn(lab, &[SocketAddr::from((address, 8080))], || {
        cordon("cordon", 1)?;
        forwarded(&fabric, address, &all[1..], SOON)?;
        cordon("cordon", 2)?;
        forwarded(&fabric, address, &all[2..], SOON)?;
        cordon("cordon", 3)?;
        forwarded(&fabric, address, &all, SOON)?;
        all.iter().try_for_each(|node| cordon("uncordon", *node))?;
        forwarded(&fabric, address, &all, SOON)
    })?;
    eprintln!("{tally}");
    assert!(tally.lost() <= BUSY, "{tally}");
    Ok(())
}

fn dead_node(lab: &Lab) -> Outcome {
    let fabric = Fabric::new(lab, Tors::Both)?;
    let _scene = Scene::new(lab, objects() + &service("falls", "bgp", ""))?;
    let address = address(lab, "falls")?;
    let all = nodes(lab);
    forwarded(&fabric, address, &all, SOON)?;
    watched(lab, &fabric)?;
    let cut = lab.cut(1)?;
    let began = Instant::now();
    forwarded(&fabric, address, &all[1..], PODS)?;
    let took = began.elapsed();
    eprintln!("neither router forwards to the dead node after {took:.2?}");
    cut.mend()?;
    // The routes that a client's packets come back by went with the power.
    drop(fabric);
    assert!(took < SILENT, "{took:?}");
    let fabric = Fabric::new(lab, Tors::Both)?;
    forwarded(&fabric, address, &all, PODS)?;
    Ok(())
}
