//! Addresses that their node announces and nobody finds.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Machine, Result, wait};
use serde_json::Value;

use crate::scene::{SOON, Scene, event, pool, service};
use crate::services::says;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "another_node_finds_that_the_announcing_one_is_not_heard_and_condition_event_and_metric_say_so_until_it_is",
        muted,
    )]
}

const MUTED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 214);
/// Asked for like the other, and well.
const WELL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 215);

/// What the speakers find of the address, each as its metric says.
fn found(lab: &Lab, address: Ipv4Addr) -> Result<Vec<String>> {
    let begin = format!("ferrolb_vip_wire_state{{ip=\"{address}\",state=\"");
    let mut found = Vec::new();
    for node in lab.plan().nodes() {
        let metrics = lab.http_get_from(Machine::Node(node), "http://127.0.0.1:9120/metrics", SOON)?;
        let states = metrics
            .body
            .lines()
            .filter_map(|line| line.strip_prefix(&begin)?.split('"').next());
        found.extend(states.map(str::to_owned));
    }
    Ok(found)
}

fn until_found(lab: &Lab, address: Ipv4Addr, state: &str) -> Result<()> {
    wait::until_seen(&format!("{address} to be {state}"), SOON, || {
        let found = found(lab, address)?;
        Ok(if found == [state] {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        })
    })
}

/// The reasons of all events about a Service.
fn events(lab: &Lab, name: &str) -> Result<Vec<String>> {
    let all = lab.json(&[
        "get",
        "events",
        "--field-selector",
        &format!("involvedObject.name={name}"),
    ])?;
    let reason = |event: &Value| event["reason"].as_str().unwrap_or_default().to_owned();
    Ok(all["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(reason)
        .collect())
}

fn muted(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("muted", &format!("{MUTED}/32"))
            + &service("muted", "muted", "")
            + &pool("well", &format!("{WELL}/32"))
            + &service("well", "well", ""),
    )?;
    assert_eq!(lab.assigned("muted", 1, SOON)?, [IpAddr::from(MUTED)]);
    let holder = lab.announced(MUTED.into(), SOON, |_| true)?;
    let (name, mac) = (lab.node_name(holder), lab.node_mac(holder).to_string());
    until_found(lab, MUTED, "ok")?;
    says(lab, "muted", |status, _| status == "True")?;

    let fault = lab.mute(holder, MUTED)?;
    let began = Instant::now();
    let witness = |node: &u8, message: &str| message.contains(&lab.node_name(*node));
    says(lab, "muted", |status, message| {
        let others = lab.plan().nodes().filter(|node| *node != holder);
        let names_one = others.filter(|node| witness(node, message)).count() == 1;
        status == "False" && message.contains(&name) && message.contains(&mac) && names_one
    })?;
    let condition = began.elapsed();
    until_found(lab, MUTED, "unanswered")?;
    event(lab, "muted", "WireSilent", &[&name, &mac])?;
    eprintln!(
        "in the condition after {condition:.1?}, event and metric after {:.1?}",
        began.elapsed()
    );
    fault.heal()?;
    says(lab, "muted", |status, message| {
        status == "True" && !message.contains("but")
    })?;
    until_found(lab, MUTED, "ok")?;
    event(lab, "muted", "WireAnswered", &[])?;

    until_found(lab, WELL, "ok")?;
    let said = events(lab, "well")?;
    assert!(!said.iter().any(|reason| reason.starts_with("Wire")), "{said:?}");
    Ok(())
}
