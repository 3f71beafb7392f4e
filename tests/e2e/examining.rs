//! `ferrolb doctor` finds what is broken, in the words of `ferrolb explain`, and nothing in a cluster that is well.

use std::process::Command;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Found, Lab, Machine, Result, wait};
use serde_json::{Deserializer, Value};

use crate::doctor::{finds, until_found};
use crate::explaining::{LABEL, Labels};
use crate::rights::{without_a_right, without_a_verb};
use crate::scene::{SOON, Scene, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "doctor_finds_nothing_in_a_healthy_cluster_and_each_thing_that_is_broken_by_its_number",
        examine,
    )]
}

/// What `ferrolb explain` says of a Service is the same; `code` is that with which doctor ends.
pub(crate) fn in_the_words_of_explain(lab: &Lab, code: i32, number: &str, name: &str) -> Outcome {
    let subject = format!("svc/default/{name}");
    // Meanwhile another node may have taken the word.
    wait::until_seen(
        &format!("doctor to say of {name} what explain says"),
        SOON * 2,
        || {
            let Found { text, .. } = lab.ferrolb_finds(&["explain", &subject, "-o", "json"], SOON)?;
            let explanation = Deserializer::from_str(&text).into_iter::<Value>().next();
            let explanation = explanation.and_then(std::result::Result::ok).unwrap_or_default();
            match explanation["causes"][0]["message"].as_str() {
                None => Ok(Err(text)),
                Some(message) => finds(
                    lab,
                    code,
                    &[format!("{number} Service/default/{name}: {message}")],
                ),
            }
        },
    )?;
    Ok(())
}

/// Runs a line on a node's network.
pub(crate) fn on_node(lab: &Lab, node: u8, line: &str) -> Outcome {
    let ended = lab.in_machine(Machine::Node(node), || {
        Command::new("sh").args(["-ec", line]).output()
    })??;
    assert!(
        ended.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&ended.stderr)
    );
    Ok(())
}

fn examine(lab: &Lab) -> Outcome {
    let _well = Scene::new(
        lab,
        pool("ex-well", "192.0.2.230/32") + &service("ex-well", "ex-well", ""),
    )?;
    let address = lab.assigned("ex-well", 1, SOON)?[0];
    lab.announced(address, SOON, |_| true)?;
    until_found(lab, 0, &[])?;
    services(lab)?;
    until_found(lab, 0, &[])?;
    nodes(lab)?;
    until_found(lab, 0, &[])?;
    without_a_right(lab)
}

/// Services that are wrong, and pools.
fn services(lab: &Lab) -> Outcome {
    let quiet = "
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: ex-quiet, namespace: metallb-system}
spec: {autoAssign: false, addresses: [192.0.2.231/32]}
";
    let _scene = Scene::new(
        lab,
        [
            quiet,
            &pool("ex-small", "192.0.2.232/32"),
            &pool("ex-idle", "192.0.2.233/32"),
            &service("ex-quiet", "ex-quiet", ""),
            &service("ex-first", "ex-small", ""),
            &service("ex-class", "ex-small", "loadBalancerClass: example.com/other"),
            &service("ex-idle", "ex-idle", "").replace("app: echo", "app: nobody"),
        ]
        .concat(),
    )?;
    lab.assigned("ex-first", 1, SOON)?;
    let _late = Scene::new(lab, service("ex-full", "ex-small", ""))?;
    let quiet = "FD09 IPAddressPool/metallb-system/ex-quiet: no L2Advertisement selects pool ex-quiet";
    until_found(lab, 2, &[quiet.to_owned()])?;
    for (number, name) in [
        ("FD01", "ex-full"),
        ("FD02", "ex-quiet"),
        ("FD02", "ex-idle"),
        ("FD04", "ex-class"),
    ] {
        in_the_words_of_explain(lab, 2, number, name)?;
    }
    Ok(())
}

/// Nodes that are wrong, and what is between them.
fn nodes(lab: &Lab) -> Outcome {
    {
        let _excluded = Labels::put(lab, lab.plan().nodes(), LABEL)?;
        let sentence = "every node carries the label";
        until_found(lab, 1, &[format!("FD08 Node/*: {sentence}")])?;
        // The label is ignored, and the Service is well.
        let Found { code, text, .. } = lab.ferrolb_finds(&["explain", "svc/default/ex-well"], SOON)?;
        assert!(code == Some(0) && text.contains(sentence), "{text}");
    }
    let unheard = lab.unhear(1, 2)?;
    let (one, other) = (lab.node_name(1), lab.node_name(2));
    let deaf =
        |from: &str, to: &str| format!("FD15 Node/{from}: its speaker does not hear node {to} on eth0");
    until_found(lab, 2, &[deaf(&one, &other), deaf(&other, &one)])?;
    // The third hears both and vouches for them: no address has two holders, and no Service or metric has anything to say.
    unheard.heal()?;
    strict_reverse_path(lab, 3, || {
        let strict = format!("FD17 Node/{}: the kernel drops packets", lab.node_name(3));
        until_found(lab, 2, &[strict])
    })?;
    without_a_verb(lab, 3)
}

/// Does this while the node filters strictly, and its default route leaves by another interface.
pub(crate) fn strict_reverse_path(lab: &Lab, node: u8, during: impl FnOnce() -> Result<()>) -> Outcome {
    let kept = format!("/run/ferrolb-route-{}", std::process::id());
    on_node(
        lab,
        node,
        &format!(
            "ip route show default | head -1 > {kept}; ip link add veth-fd17 type veth peer name veth-fd17p; \
             ip link set veth-fd17p up; ip link set veth-fd17 up; ip route replace default dev veth-fd17; \
             echo 1 > /proc/sys/net/ipv4/conf/eth0/rp_filter"
        ),
    )?;
    let done = during();
    on_node(
        lab,
        node,
        &format!(
            "echo 0 > /proc/sys/net/ipv4/conf/eth0/rp_filter; ip route replace $(cat {kept}); ip link del veth-fd17; rm {kept}"
        ),
    )?;
    Ok(done?)
}
