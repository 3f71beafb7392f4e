//! The Secret with the speakers' key: gone, unusable, and there again.

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result, wait};
use serde_json::Value;

use crate::scene::{PODS, SOON, Scene, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "a_key_that_is_deleted_is_made_again_and_one_that_is_too_short_is_said_and_stops_a_rollout",
        key,
    )]
}

const NAMESPACE: [&str; 2] = ["-n", "metallb-system"];

/// Whatever a trial did to the Secret, there is a good one afterwards.
struct Restored<'a>(&'a Lab);

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        if let Err(failed) = delete(self.0) {
            eprintln!("a trial's key stays: {failed}");
        }
    }
}

fn key(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("keyed", "192.0.2.225/32") + &service("keyed", "keyed", ""),
    )?;
    let address = lab.assigned("keyed", 1, SOON)?[0];
    let holder = lab.announced(address, SOON, |_| true)?;
    let first = uid(lab)?;
    let restored = Restored(lab);
    delete(lab)?;
    wait::until("the Secret to be made again", SOON, || {
        Ok(uid(lab)?.filter(|uid| Some(uid) != first.as_ref()).map(drop))
    })?;
    let short = r#"{"data": {"secretkey": "c2hvcnQ="}}"#;
    lab.kubectl(&[&["patch", "secret", "memberlist", "-p", short][..], &NAMESPACE].concat())?;
    let says = "Secret memberlist: data.secretkey: holds 5 bytes";
    for node in 1..=3 {
        summary(lab, node, |said| said.contains(says))?;
    }
    lab.announced(address, SOON, |node| node == holder)?;
    let other = if holder == 1 { 2 } else { 1 };
    let pod = speaker(lab, other)?;
    lab.kubectl(&[&["delete", "pod", &pod][..], &NAMESPACE].concat())?;
    wait::until_seen("a speaker that has no key", PODS, || {
        let said = lab.kubectl(&[&["logs", &speaker(lab, other)?][..], &NAMESPACE].concat());
        let said = said.unwrap_or_default();
        Ok(if said.contains(says) && !is_ready(lab, other)? {
            Ok(())
        } else {
            Err(said)
        })
    })?;
    lab.announced(address, SOON, |node| node == holder)?;
    drop(restored);
    wait::until("the speaker to have a key", PODS, || {
        Ok(is_ready(lab, other)?.then_some(()))
    })?;
    for node in 1..=3 {
        summary(lab, node, |said| !said.contains("memberlist"))?;
    }
    lab.announced(address, SOON, |_| true)?;
    Ok(())
}

fn delete(lab: &Lab) -> Result<()> {
    lab.kubectl(&[&["delete", "secret", "memberlist"][..], &NAMESPACE].concat())
        .map(drop)
}

/// That of the Secret, if there is one.
fn uid(lab: &Lab) -> Result<Option<String>> {
    let secrets = lab.json(&[&["get", "secrets"][..], &NAMESPACE].concat())?;
    let mut all = secrets["items"].as_array().into_iter().flatten();
    let secret = all.find(|one| one["metadata"]["name"] == "memberlist");
    Ok(secret.and_then(|one| one["metadata"]["uid"].as_str().map(str::to_owned)))
}

/// Waits until the `ConfigurationState` of the node's speaker says what suits.
fn summary(lab: &Lab, node: u8, suits: impl Fn(&str) -> bool) -> Result<()> {
    let name = format!("speaker-{}", lab.node_name(node));
    wait::until_seen(&format!("what {name} says of its configuration"), SOON, || {
        let state = lab.json(&[&["get", "configurationstate", &name][..], &NAMESPACE].concat())?;
        let said = state["status"]["errorSummary"].as_str().unwrap_or_default();
        Ok(if suits(said) { Ok(()) } else { Err(said.to_owned()) })
    })
}

/// The speaker's pod on a node that is not about to end.
fn pod(lab: &Lab, node: u8) -> Result<Option<Value>> {
    let selector = ["-l", "app.kubernetes.io/component=speaker"];
    let pods = lab.json(&[&["get", "pods"][..], &selector, &NAMESPACE].concat())?;
    let name = lab.node_name(node);
    let mut all = pods["items"].as_array().into_iter().flatten();
    let lives =
        |pod: &&Value| pod["spec"]["nodeName"] == *name && pod["metadata"]["deletionTimestamp"].is_null();
    Ok(all.find(lives).cloned())
}

fn speaker(lab: &Lab, node: u8) -> Result<String> {
    let pod = pod(lab, node)?.unwrap_or_default();
    Ok(pod["metadata"]["name"].as_str().unwrap_or_default().to_owned())
}

fn is_ready(lab: &Lab, node: u8) -> Result<bool> {
    let pod = pod(lab, node)?.unwrap_or_default();
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    Ok(conditions.any(|one| one["type"] == "Ready" && one["status"] == "True"))
}
