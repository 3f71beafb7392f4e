//! What must be true of the traffic after a step, beyond what the page shows.

mod stream;
mod wire;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::plan::{lan4, lan6};
use stream::{Site, Tally};

const SOON: Duration = Duration::from_secs(60);
const ATTEMPT: Duration = Duration::from_secs(2);
/// The addresses as the steps take them from the pool, in order.
const PUBLIC: [IpAddr; 2] = [IpAddr::V4(lan4(224)), IpAddr::V6(lan6(220))];
const CLUSTER: Ipv4Addr = lan4(225);
const LOCAL: Ipv4Addr = lan4(226);
const SINGLE: Ipv4Addr = lan4(227);
const STICKY: Ipv4Addr = lan4(229);
const INGRESS: Ipv4Addr = lan4(230);
const SAMPLES: usize = 120;
/// The least part of an equal share of the answers that each pod must give.
const LEAST_SHARE: f64 = 0.2;

pub(super) fn check(lab: &Lab, step: u8) -> Result<()> {
    match step {
        6 => PUBLIC
            .iter()
            .try_for_each(|address| lab.announced(*address, SOON, |_| true).map(drop)),
        7 => balance(lab).and_then(|()| only_the_node_of_the_pod(lab)),
        8 => fails_over_without_loss(lab),
        9 => wire::tls_ends_at_the_ingress(lab, INGRESS).and_then(|()| rolls_without_loss(lab)),
        _ => Ok(()),
    }
}

/// Three pods on three nodes: with Cluster each gets a share, with Local one gets all.
fn balance(lab: &Lab) -> Result<()> {
    let cluster = answers(lab, CLUSTER)?;
    let fair = SAMPLES as f64 / 3.0;
    if cluster.len() != 3 || cluster.values().any(|count| (*count as f64) < fair * LEAST_SHARE) {
        return Error::refused(format!("policy Cluster: the pods' answers are {cluster:?}"));
    }
    let local = answers(lab, LOCAL)?;
    if local.len() != 1 {
        return Error::refused(format!("policy Local: the pods' answers are {local:?}"));
    }
    Ok(())
}

/// How many answers came from each pod.
fn answers(lab: &Lab, address: Ipv4Addr) -> Result<BTreeMap<String, usize>> {
    let mut by_pod = BTreeMap::new();
    for _ in 0..SAMPLES {
        let answer = lab.http_get(&format!("http://{address}/"), ATTEMPT)?;
        let pod = answer.body.split_whitespace().next().unwrap_or_default();
        *by_pod.entry(pod.to_owned()).or_insert(0) += 1;
    }
    Ok(by_pod)
}

fn only_the_node_of_the_pod(lab: &Lab) -> Result<()> {
    let pods = lab.json(&["get", "pods", "-l", "app=single"])?;
    let node = pods["items"][0]["spec"]["nodeName"].as_str().unwrap_or_default();
    let of_pod = lab.node_number(node);
    lab.announced(SINGLE.into(), SOON, |node| Some(node) == of_pod)
        .map(drop)
}

/// The holder's speaker dies once more, and no request is lost while another node takes over.
fn fails_over_without_loss(lab: &Lab) -> Result<()> {
    let before = lab.announced(STICKY.into(), SOON, |_| true)?;
    let site = Site::at(SocketAddr::new(STICKY.into(), 80), "web");
    let ((), tally) = stream::during(lab, &site, || {
        lab.kill_speaker(before)?;
        lab.announced(STICKY.into(), SOON, |node| node != before)
            .map(drop)
    })?;
    none_lost("the holder's speaker was dead", tally)
}

/// No request is lost while Envoy's pods are replaced, one node after the other, nor when the holder is cordoned.
fn rolls_without_loss(lab: &Lab) -> Result<()> {
    let site = Site::at(SocketAddr::new(INGRESS.into(), 80), "blog.example.com");
    let ((), tally) = stream::during(lab, &site, || {
        lab.kubectl(&["rollout", "restart", "-n", "projectcontour", "daemonset/envoy"])?;
        lab.rolled_out("projectcontour", "daemonset/envoy")
    })?;
    none_lost("Envoy's pods were replaced", tally)?;
    let ((), tally) = stream::during(lab, &site, || cordon_the_holder(lab, INGRESS))?;
    none_lost("the holder was cordoned", tally)
}

fn cordon_the_holder(lab: &Lab, address: Ipv4Addr) -> Result<()> {
    let before = lab.announced(address.into(), SOON, |_| true)?;
    let name = lab.node_name(before);
    lab.kubectl(&["cordon", &name])?;
    let moved = lab.announced(address.into(), SOON, |node| node != before);
    lab.kubectl(&["uncordon", &name])?;
    moved.map(drop)
}

fn none_lost(when: &str, tally: Tally) -> Result<()> {
    if tally.lost == 0 {
        return Ok(());
    }
    Error::refused(format!(
        "while {when}, {} of {} requests were lost: {}",
        tally.lost, tally.sent, tally.why
    ))
}
