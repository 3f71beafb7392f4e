//! Where addresses are: `plan` names the nodes that speakers which start together choose, `rebalance` brings them back
//! there, and two holders that do not hear each other are written about once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::time::Duration;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, LabConfig, Machine, Process, Result, cleanup, command, source, wait};
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "plan_names_the_nodes_that_speakers_choose_and_rebalance_brings_addresses_back_there",
        placement,
    )]
}

const NODES: u8 = 4;
const SERVICES: usize = 60;
/// Long enough for four processes and 60 Services on a busy machine.
const SETTLING: Duration = Duration::from_secs(120);
/// How long nothing is written about two holders once that was said; each may be written about twice in it.
const AT_REST: Duration = Duration::from_secs(30);
/// Which Services the trial is about.
const SELECTOR: &str = "set=placement";

/// Services of policy Local, with endpoints on the first node alone: no node can take them over.
const ONLY_ON_N1: [&str; 10] = [
    "placed-01",
    "placed-07",
    "placed-13",
    "placed-19",
    "placed-25",
    "placed-31",
    "placed-37",
    "placed-43",
    "placed-49",
    "placed-55",
];
/// Node by Service.
type Table = BTreeMap<String, String>;

fn placement(_: &Lab) -> Outcome {
    let name = format!("p{}", std::process::id());
    let lab = Lab::up_bare(&LabConfig {
        name: name.clone(),
        nodes: NODES,
        clients: 1,
    })?;
    lab.apply_definitions(None)?;
    lab.apply(&manifests(&lab))?;
    let program = source::static_program("ferrolb")?.display().to_string();
    let controller = lab.start_controller("controller", &format!("{program} controller"), &[])?;
    assigned(&lab)?;
    lab.apply(&advertisement())?;
    let planned = planned(&lab, &program)?;
    lab.delete(&advertisement())?;
    let speak = format!("{program} speaker --hold-down-seconds 0");
    let start = |node: u8| lab.start_speaker(node, &speak);
    let mut speakers: BTreeMap<u8, Process> = (1..=NODES)
        .map(|node| Ok((node, start(node)?)))
        .collect::<Result<_>>()?;
    take_part(&lab)?;
    follow_advertisements(&lab)?;
    // All begin at once: one object makes all addresses theirs to claim.
    lab.apply(&advertisement())?;
    let first = announced(&lab)?;
    claims(&lab);
    agree(&planned, &first);

    drop(speakers.remove(&1));
    wait::until_seen("the others to take over", SETTLING, || {
        let table = table(&lab)?;
        let movable = table
            .iter()
            .filter(|(service, _)| !ONLY_ON_N1.contains(&service.as_str()));
        let left = movable.filter(|(_, node)| **node == lab.node_name(1)).count();
        Ok(if table.len() == SERVICES && left == 0 {
            Ok(())
        } else {
            Err(format!("{table:?}"))
        })
    })?;
    speakers.insert(1, start(1)?);
    rebalanced(&lab, &planned)?;

    two_holders(&lab)?;
    drop((speakers, controller));
    lab.down()?;
    let remains = cleanup::remains(&name);
    assert!(remains.is_empty(), "{remains:?}");
    Ok(())
}

fn service_name(number: usize) -> String {
    format!("placed-{number:02}")
}

/// Services of both policies, with endpoints that lie unevenly: half of them on the first node, none on the last alone.
fn manifests(lab: &Lab) -> String {
    let meta = |name: &str| json!({"name": name, "namespace": "metallb-system"});
    let mut items = vec![
        json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": meta("placed"),
            "spec": {"addresses": ["192.0.2.128/25"]}}),
    ];
    for number in 0..SERVICES {
        let name = service_name(number);
        let policy = if number % 2 == 0 { "Cluster" } else { "Local" };
        let on: &[u8] = match number % 6 {
            0 | 1 => &[1],
            2 | 3 => &[2, 3, 3],
            4 => &[3],
            _ => &[1, 2, 3, 4],
        };
        let endpoint = |(at, node): (usize, &u8)| {
            json!({"addresses": [format!("10.244.{node}.{}", 10 + at)], "nodeName": lab.node_name(*node),
                "conditions": {"ready": true}})
        };
        let endpoints: Vec<Value> = on.iter().enumerate().map(endpoint).collect();
        let labels = json!({"set": "placement", "service.kubernetes.io/service-proxy-name": "none"});
        items.push(json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "default", "labels": labels},
            "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": policy == "Local",
                "externalTrafficPolicy": policy, "ports": [{"name": "http", "port": 80}]}}));
        items.push(
            json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": name, "namespace": "default",
                "labels": {"set": "placement", "kubernetes.io/service-name": name}},
            "addressType": "IPv4", "ports": [{"name": "http", "port": 80}], "endpoints": endpoints}),
        );
    }
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

fn advertisement() -> String {
    json!({"apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement",
        "metadata": {"name": "placed", "namespace": "metallb-system"}, "spec": {}})
    .to_string()
}

/// An advertisement of no pool, which speakers skip.
fn skipped() -> String {
    let selector = json!({"matchExpressions": [{"key": "zone", "operator": "Exists", "values": ["a"]}]});
    json!({"apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement",
        "metadata": {"name": "skipped", "namespace": "metallb-system"},
        "spec": {"ipAddressPools": ["none"], "nodeSelectors": [selector]}})
    .to_string()
}

/// Waits until every speaker hears all others and takes part.
fn take_part(lab: &Lab) -> Result<()> {
    let hears_all = format!("ferrolb_segment_nodes_up{{interface=\"eth0\"}} {NODES}");
    say(lab, "all speakers to hear each other", &hears_all)?;
    wait::until_seen("all speakers to take part", SETTLING, || {
        let takes_part = |node: &u8| speaker_log(lab, *node).contains("takes part");
        let others: Vec<u8> = (1..=NODES).filter(|node| !takes_part(node)).collect();
        Ok(if others.is_empty() {
            Ok(())
        } else {
            Err(format!("{others:?} do not"))
        })
    })
}

/// Waits until every speaker was seen to follow changes of advertisements: a watch that begins late tells of the first
/// change late.
fn follow_advertisements(lab: &Lab) -> Result<()> {
    lab.apply(&skipped())?;
    say(
        lab,
        "all speakers to skip one",
        "metallb_k8s_client_config_stale_bool 1",
    )?;
    lab.delete(&skipped())?;
    say(
        lab,
        "all speakers to skip none",
        "metallb_k8s_client_config_stale_bool 0",
    )
}

/// Waits until this line is among the metrics of every speaker.
fn say(lab: &Lab, what: &str, line: &str) -> Result<()> {
    let url = "http://127.0.0.1:9120/metrics";
    wait::until_seen(what, SETTLING, || {
        for node in 1..=NODES {
            match lab.http_get_from(Machine::Node(node), url, Duration::from_secs(2)) {
                Ok(answer) if answer.body.lines().any(|one| one == line) => {}
                Ok(_) => return Ok(Err(format!("n{node} does not say {line}"))),
                Err(failed) => return Ok(Err(format!("n{node}: {failed}"))),
            }
        }
        Ok(Ok(()))
    })
}

fn speaker_log(lab: &Lab, node: u8) -> String {
    fs::read_to_string(lab.state().log(&format!("speaker-n{node}"))).unwrap_or_default()
}

/// Prints how long addresses waited for their first claims: the second node in the order may claim after 360 ms.
fn claims(lab: &Lab) {
    for node in 1..=NODES {
        let log = speaker_log(lab, node);
        let waited = log.lines().filter_map(|line| line.split_once("waited_ms="));
        let waited: Vec<u32> = waited.filter_map(|(_, ms)| ms.trim().parse().ok()).collect();
        let late = log.lines().filter(|line| line.contains("step=\"stun\"")).count();
        let longest = waited.iter().max().unwrap_or(&0);
        eprintln!(
            "n{node}: {} claims after {longest} ms at most; held up {late} times",
            waited.len()
        );
    }
}

fn services(lab: &Lab) -> Result<Vec<Value>> {
    let list = lab.json(&["get", "services", "-l", SELECTOR])?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

fn assigned(lab: &Lab) -> Result<()> {
    wait::until_seen("addresses for all Services", SETTLING, || {
        let without = |one: &&Value| one["status"]["loadBalancer"]["ingress"][0]["ip"].is_null();
        let waiting = services(lab)?.iter().filter(without).count();
        Ok(if waiting == 0 {
            Ok(())
        } else {
            Err(format!("{waiting} have none"))
        })
    })
}

/// What `ferrolb plan` says of the objects as they are.
fn planned(lab: &Lab, program: &str) -> Result<Table> {
    let kinds =
        "services,endpointslices,nodes,namespaces,ipaddresspools.metallb.io,l2advertisements.metallb.io";
    let objects = lab.kubectl(&["get", kinds, "-A", "-o", "json"])?;
    let file = lab.state().log("placement.json");
    fs::write(&file, objects).expect("the lab's folder can be written");
    let mut plan = Command::new(program);
    plan.args(["plan", "-o", "json", "-f"]).arg(&file);
    let report: Value = serde_json::from_str(&command::text(&mut plan, command::USUAL)?).expect("JSON");
    let row = |one: &Value| {
        let node = one["announced"][0]["node"].as_str()?;
        Some((one["name"].as_str()?.to_owned(), node.to_owned()))
    };
    let all = report["services"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(row);
    Ok(all.collect())
}

/// The node that says it announces each Service; one that several announce is not in it, nor one of whose status the fields
/// are not written yet.
fn table(lab: &Lab) -> Result<Table> {
    let list = lab.json(&["get", "servicel2statuses", "-n", "metallb-system"])?;
    let mut nodes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in list["items"].as_array().into_iter().flatten() {
        let text = |field: &str| one["status"][field].as_str().unwrap_or_default().to_owned();
        nodes.entry(text("serviceName")).or_default().insert(text("node"));
    }
    nodes.remove("");
    let one = |(service, nodes): (String, BTreeSet<String>)| match nodes.len() {
        1 => Some((service, nodes.into_iter().next()?)),
        _ => None,
    };
    Ok(nodes.into_iter().filter_map(one).collect())
}

fn announced(lab: &Lab) -> Result<Table> {
    wait::until_seen("each Service to be announced by one node", SETTLING, || {
        let table = table(lab)?;
        Ok(if table.len() == SERVICES {
            Ok(table)
        } else {
            Err(format!("{} are", table.len()))
        })
    })
}

/// At least 95 % are where `plan` says. What differs was claimed before the last of the speakers took part.
fn agree(planned: &Table, chosen: &Table) {
    assert_eq!(planned.len(), SERVICES, "{planned:?}");
    let differs: Vec<String> = planned
        .iter()
        .filter(|(service, node)| chosen.get(*service) != Some(node))
        .map(|(service, node)| format!("{service}: plan {node}, held by {:?}", chosen.get(service)))
        .collect();
    eprintln!("{} of {SERVICES} are where plan says", SERVICES - differs.len());
    assert!(differs.len() * 20 <= SERVICES, "{differs:?}");
}

/// Moves what lies elsewhere until nothing is left to do.
fn rebalanced(lab: &Lab, planned: &Table) -> Result<()> {
    let run = |more: &[&str]| lab.ferrolb(&[&["rebalance"], more].concat(), SETTLING);
    let due = run(&["--dry-run"])?;
    assert!(due.contains(&format!("to {}", lab.node_name(1))), "{due}");
    let before = table(lab)?;
    wait::until_seen("n1 to take part again and all moves to be made", SETTLING, || {
        Ok(run(&[]).map_err(|failed| failed.to_string()))
    })?;
    assert_eq!(run(&["--dry-run"])?, "nothing to move\n");
    let after = announced(lab)?;
    agree(planned, &after);
    let moved = before
        .iter()
        .filter(|(service, node)| after.get(*service) != Some(node));
    eprintln!("{} of {SERVICES} moved", moved.count());
    Ok(())
}

/// Each half announces all. One node writes of each Service, names both, and then nobody writes any more.
fn two_holders(lab: &Lab) -> Result<()> {
    let apart = lab.partition(&[1, 2], &[3, 4])?;
    let said = |one: &Value| {
        let conditions = one["status"]["conditions"].as_array().into_iter().flatten();
        let announced = conditions
            .into_iter()
            .find(|one| one["type"] == "ferrolb.io/Announced");
        announced.map(|one| (one["reason"].to_string(), one["message"].to_string()))
    };
    let local_alone = |one: &Value| one["spec"]["externalTrafficPolicy"] == "Local";
    // With policy Local only some have endpoints on both sides.
    let both = |lab: &Lab| -> Result<Vec<Value>> {
        Ok(services(lab)?
            .into_iter()
            .filter(|one| !local_alone(one))
            .collect())
    };
    wait::until_seen(
        "the condition of each Service to name both holders",
        SETTLING,
        || {
            let odd: Vec<String> = both(lab)?
                .iter()
                .filter(|one| said(one).is_none_or(|(reason, _)| !reason.contains("SeveralHolders")))
                .map(|one| format!("{}: {:?}", one["metadata"]["name"], said(one)))
                .collect();
            Ok(if odd.is_empty() {
                Ok(())
            } else {
                Err(odd.join("; "))
            })
        },
    )?;
    let versions = |all: Vec<Value>| -> Vec<String> {
        all.iter()
            .map(|one| one["metadata"]["resourceVersion"].to_string())
            .collect()
    };
    let before = versions(both(lab)?);
    std::thread::sleep(AT_REST);
    let after = versions(both(lab)?);
    let written = before
        .iter()
        .zip(&after)
        .filter(|(one, other)| one != other)
        .count();
    eprintln!(
        "{written} of {} Services were written in {AT_REST:?} at rest",
        before.len()
    );
    assert_eq!(written, 0, "the condition settles");
    apart.heal()?;
    announced(lab)?;
    wait::until_seen(
        "the condition of each Service to name one holder",
        SETTLING,
        || {
            let odd = services(lab)?
                .iter()
                .filter(|one| said(one).is_none_or(|(reason, _)| !reason.contains("\"Announced\"")))
                .count();
            Ok(if odd == 0 {
                Ok(())
            } else {
                Err(format!("{odd} do not"))
            })
        },
    )
}
