//! Which node announces, seen on the LAN.

use ferrolb_lab::external::saw_the_client;
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result, wait};

use crate::scene::{PODS, SOON, Scene, event, nodes_with_pods, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_service_is_reachable_through_its_address_in_both_families",
            reachable,
        ),
        trial(
            "with_local_policy_a_node_with_a_pod_announces_and_the_pod_sees_the_client",
            local,
        ),
        trial(
            "when_the_pods_of_a_local_service_move_the_announcing_node_follows",
            pods_move,
        ),
        trial("when_the_last_endpoint_goes_nobody_announces", last_endpoint),
        trial(
            "when_the_announcing_node_loses_its_speaker_another_takes_over",
            speaker_gone,
        ),
        trial(
            "the_status_object_and_the_metric_name_the_announcing_node",
            status_names_the_node,
        ),
        trial(
            "a_pool_without_advertisement_is_announced_nowhere",
            not_advertised,
        ),
    ]
}

fn reachable(lab: &Lab) -> Outcome {
    let both = "ipFamilyPolicy: RequireDualStack";
    let _scene = Scene::new(
        lab,
        pool("reach", r#"192.0.2.236/32, "2001:db8:1::236/128""#) + &service("reachable", "reach", both),
    )?;
    for address in lab.assigned("reachable", 2, SOON)? {
        lab.announced(address, SOON, |_| true)?;
        let answer = lab.fetch(address, SOON)?;
        assert!(answer.body.contains("pod=echo-"), "{}", answer.body);
    }
    Ok(())
}

const LOCAL: &str = "externalTrafficPolicy: Local, ipFamilyPolicy: RequireDualStack";

fn local(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("near", r#"192.0.2.237/32, "2001:db8:1::237/128""#) + &service("local", "near", LOCAL),
    )?;
    let with_pods = nodes_with_pods(lab)?;
    for address in lab.assigned("local", 2, SOON)? {
        let node = lab.announced(address, SOON, |node| with_pods.contains(&node))?;
        let answer = lab.fetch(address, SOON)?;
        let here = format!("node={} ", lab.node_name(node));
        assert!(
            answer.body.contains(&here) && saw_the_client(&answer),
            "n{node}: {}",
            answer.body
        );
    }
    Ok(())
}

/// Lets the echo pods run on this node only, or with none given anywhere.
fn pin(lab: &Lab, node: Option<u8>) -> Result<()> {
    let selector = match node {
        Some(node) => format!(r#"{{"kubernetes.io/hostname": "{}"}}"#, lab.node_name(node)),
        None => "null".to_owned(),
    };
    let patch = format!(r#"{{"spec": {{"template": {{"spec": {{"nodeSelector": {selector}}}}}}}}}"#);
    lab.kubectl(&["patch", "deployment", "echo", "-p", &patch])?;
    lab.rolled_out("default", "deployment/echo")
}

fn pods_move(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("moving", r#"192.0.2.238/32, "2001:db8:1::238/128""#) + &service("moving", "moving", LOCAL),
    )?;
    let addresses = lab.assigned("moving", 2, SOON)?;
    for node in [1, 3, 2] {
        pin(lab, Some(node))?;
        for address in &addresses {
            lab.announced(*address, PODS, |announcer| announcer == node)?;
            let answer = lab.fetch(*address, SOON)?;
            assert!(
                answer.body.contains(&format!("node={} ", lab.node_name(node))),
                "{}",
                answer.body
            );
        }
    }
    assert_eq!(lab.external_addresses("moving")?, addresses);
    pin(lab, None)?;
    Ok(())
}

fn scale(lab: &Lab, replicas: u8) -> Result<()> {
    lab.kubectl(&["scale", "deployment", "echo", &format!("--replicas={replicas}")])?;
    lab.rolled_out("default", "deployment/echo")
}

fn last_endpoint(lab: &Lab) -> Outcome {
    let both = "ipFamilyPolicy: RequireDualStack";
    let _scene = Scene::new(
        lab,
        pool("lonely", r#"192.0.2.239/32, "2001:db8:1::239/128""#) + &service("lonely", "lonely", both),
    )?;
    let held = lab.assigned("lonely", 2, SOON)?;
    held.iter()
        .try_for_each(|address| lab.announced(*address, SOON, |_| true).map(drop))?;
    scale(lab, 0)?;
    held.iter().try_for_each(|address| lab.silent(*address, PODS))?;
    assert_eq!(
        lab.external_addresses("lonely")?,
        held,
        "an address stays with its Service"
    );
    scale(lab, 2)?;
    held.iter()
        .try_for_each(|address| lab.announced(*address, PODS, |_| true).map(drop))?;
    Ok(())
}

/// A taint that the speaker does not tolerate: its pod goes and none is made in its place.
struct Taint<'a> {
    lab: &'a Lab,
    node: String,
}

const TAINT: &str = "ferrolb.test/no-speaker";

impl<'a> Taint<'a> {
    fn put(lab: &'a Lab, node: u8) -> Result<Self> {
        let taint = Self {
            lab,
            node: lab.node_name(node),
        };
        lab.kubectl(&["taint", "node", &taint.node, &format!("{TAINT}=:NoExecute")])?;
        Ok(taint)
    }
}

impl Drop for Taint<'_> {
    fn drop(&mut self) {
        if let Err(failed) = self
            .lab
            .kubectl(&["taint", "node", &self.node, &format!("{TAINT}-")])
        {
            eprintln!("a taint stays: {failed}");
        }
    }
}

fn speaker_gone(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("survivor", r#"192.0.2.240/32, "2001:db8:1::240/128""#)
            + &service("survivor", "survivor", "ipFamilyPolicy: RequireDualStack"),
    )?;
    let held = lab.assigned("survivor", 2, SOON)?;
    let first = lab.announced(held[0], SOON, |_| true)?;
    {
        let _taint = Taint::put(lab, first)?;
        for address in &held {
            let next = lab.announced(*address, PODS, |node| node != first)?;
            let answer = lab.fetch(*address, SOON)?;
            assert!(answer.body.contains("pod=echo-"), "n{next}: {}", answer.body);
        }
    }
    speakers_on_every_node(lab)?;
    lab.rolled_out("default", "deployment/echo")?;
    Ok(())
}

/// The DaemonSet counts a node that may have a speaker again only once its controller has looked; until then it says
/// that all is rolled out.
fn speakers_on_every_node(lab: &Lab) -> Result<()> {
    wait::until_seen("a ready speaker on every node", PODS, || {
        let daemon_set = lab.json(&["get", "daemonset", "speaker", "-n", "metallb-system"])?;
        let ready = &daemon_set["status"]["numberReady"];
        Ok(if *ready == lab.plan().nodes().count() {
            Ok(())
        } else {
            Err(ready.to_string())
        })
    })
}

fn status_names_the_node(lab: &Lab) -> Outcome {
    let _scene = Scene::new(lab, pool("told", "192.0.2.241/32") + &service("told", "told", ""))?;
    let address = lab.assigned("told", 1, SOON)?[0];
    let node = wait::until_seen("one status object, of the node that announces", SOON, || {
        let node = lab.announced(address, SOON, |_| true)?;
        let name = lab.node_name(node);
        let objects = lab.json(&[
            "get",
            "servicel2statuses",
            "-n",
            "metallb-system",
            "-l",
            "metallb.io/service-name=told",
        ])?;
        let nodes: Vec<&serde_json::Value> = objects["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| &item["status"]["node"])
            .collect();
        Ok(if nodes == [&serde_json::json!(name)] {
            Ok(node)
        } else {
            Err(format!("{name} announces, {nodes:?} say so"))
        })
    })?;
    let name = lab.node_name(node);
    event(lab, "told", "nodeAssigned", &[&format!("\"{name}\""), "layer2"])?;
    let url = format!("http://{}:9120/metrics", ferrolb_lab::Machine::Node(node).ipv4());
    wait::until_seen("the announcing node's metric", SOON, || {
        let body = lab.http_get(&url, SOON)?.body;
        let line = body.lines().find(|line| {
            line.starts_with("metallb_speaker_announced{")
                && line.contains("192.0.2.241")
                && line.ends_with(" 1")
        });
        Ok(line.map(drop).ok_or(body.clone()))
    })?;
    Ok(())
}

fn not_advertised(lab: &Lab) -> Outcome {
    let quiet = "
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: quiet, namespace: metallb-system}
spec: {autoAssign: false, addresses: [192.0.2.242/32]}
";
    let advertised = pool("loud", "192.0.2.243/32");
    let _scene = Scene::new(
        lab,
        format!(
            "{quiet}{advertised}{}{}",
            service("quiet", "quiet", ""),
            service("loud", "loud", "")
        ),
    )?;
    let quiet = lab.assigned("quiet", 1, SOON)?[0];
    let loud = lab.assigned("loud", 1, SOON)?[0];
    // Both were seen by the same speakers; the one is announced, so silence of the other is their decision.
    lab.announced(loud, SOON, |_| true)?;
    lab.silent(quiet, SOON)?;
    Ok(())
}
