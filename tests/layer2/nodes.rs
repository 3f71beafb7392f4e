//! Which nodes may announce, and which of them is preferred.

use std::net::IpAddr;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result, wait};

use crate::marks::{Label, NetworkUnavailable, advertised, only_nodes_with};
use crate::scene::{SOON, Scene, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_node_that_the_advertisement_no_longer_selects_loses_the_address_and_may_have_it_again",
            relabelled,
        ),
        trial(
            "the_preferred_node_announces_as_long_as_it_is_preferred",
            preferred,
        ),
        trial("an_excluded_node_loses_the_address", excluded),
        trial(
            "if_every_node_is_excluded_the_label_is_ignored_and_a_warning_given",
            all_excluded,
        ),
        trial(
            "a_node_without_network_loses_the_address_and_may_have_it_again",
            network_unavailable,
        ),
    ]
}

const EXCLUDE: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
const BOTH: &str = "ipFamilyPolicy: RequireDualStack";

/// Waits until a node that `suits` announces both addresses.
fn announced(lab: &Lab, addresses: &[IpAddr], suits: impl Fn(u8) -> bool) -> Result<u8> {
    let (first, rest) = addresses.split_first().expect("addresses of both families");
    let node = lab.announced(*first, SOON, suits)?;
    for address in rest {
        lab.announced(*address, SOON, |announcer| announcer == node)?;
    }
    Ok(node)
}

fn others(lab: &Lab, node: u8) -> Vec<u8> {
    lab.plan().nodes().filter(|other| *other != node).collect()
}

fn relabelled(lab: &Lab) -> Outcome {
    let label = "layer2.test/announces";
    let spec = only_nodes_with(label);
    let _scene = Scene::new(
        lab,
        advertised("chosen", r#"192.0.2.200/32, "2001:db8:1::200/128""#, &spec)
            + &service("chosen", "chosen", BOTH),
    )?;
    let one = Label::put(lab, 1, label)?;
    let addresses = lab.assigned("chosen", 2, SOON)?;
    announced(lab, &addresses, |node| node == 1)?;
    let two = Label::put(lab, 2, label)?;
    drop(one);
    announced(lab, &addresses, |node| node == 2)?;
    let _one = Label::put(lab, 1, label)?;
    announced(lab, &addresses, |node| node == 1 || node == 2)?;
    drop(two);
    announced(lab, &addresses, |node| node == 1)?;
    Ok(())
}

fn preferred(lab: &Lab) -> Outcome {
    let label = "layer2.test/preferred";
    let spec =
        format!("preferredNodeSelectors: [{{weight: 10, preference: {{matchLabels: {{{label}: \"\"}}}}}}]");
    let _scene = Scene::new(
        lab,
        advertised("liked", r#"192.0.2.201/32, "2001:db8:1::201/128""#, &spec)
            + &service("liked", "liked", BOTH),
    )?;
    let addresses = lab.assigned("liked", 2, SOON)?;
    let first = announced(lab, &addresses, |_| true)?;
    let [second, third] = others(lab, first)[..] else {
        return Err("three nodes are needed".into());
    };
    let liked = Label::put(lab, second, label)?;
    announced(lab, &addresses, |node| node == second)?;
    let _liked = Label::put(lab, third, label)?;
    drop(liked);
    announced(lab, &addresses, |node| node == third)?;
    Ok(())
}

fn excluded(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("barred", r#"192.0.2.202/32, "2001:db8:1::202/128""#) + &service("barred", "barred", BOTH),
    )?;
    let addresses = lab.assigned("barred", 2, SOON)?;
    let first = announced(lab, &addresses, |_| true)?;
    let _barred = Label::put(lab, first, EXCLUDE)?;
    let second = announced(lab, &addresses, |node| node != first)?;
    lab.fetch(addresses[0], SOON)?;
    let _also = Label::put(lab, second, EXCLUDE)?;
    announced(lab, &addresses, |node| node != first && node != second)?;
    Ok(())
}

fn all_excluded(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("shunned", r#"192.0.2.203/32, "2001:db8:1::203/128""#) + &service("shunned", "shunned", BOTH),
    )?;
    let addresses = lab.assigned("shunned", 2, SOON)?;
    announced(lab, &addresses, |_| true)?;
    let _labels = Label::put_on_all(lab, lab.plan().nodes(), EXCLUDE)?;
    wait::until_seen("every speaker to warn that the label is ignored", SOON, || {
        let logs = [
            "logs",
            "-n",
            "metallb-system",
            "-l",
            "component=speaker",
            "--tail=-1",
            "--prefix",
        ];
        let lines = lab.kubectl(&logs)?;
        let warnings = lines
            .lines()
            .filter(|line| line.contains(" WARN ") && line.contains(EXCLUDE));
        let pods: std::collections::BTreeSet<&str> = warnings
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        Ok(if pods.len() == lab.plan().nodes().count() {
            Ok(())
        } else {
            Err(format!("{pods:?}"))
        })
    })?;
    announced(lab, &addresses, |_| true)?;
    lab.fetch(addresses[0], SOON)?;
    Ok(())
}

fn network_unavailable(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("offline", r#"192.0.2.204/32, "2001:db8:1::204/128""#) + &service("offline", "offline", BOTH),
    )?;
    let addresses = lab.assigned("offline", 2, SOON)?;
    let first = announced(lab, &addresses, |_| true)?;
    let unavailable = NetworkUnavailable::set(lab, first)?;
    announced(lab, &addresses, |node| node != first)?;
    drop(unavailable);
    let _others: Vec<NetworkUnavailable<'_>> = others(lab, first)
        .into_iter()
        .map(|node| NetworkUnavailable::set(lab, node))
        .collect::<Result<_>>()?;
    announced(lab, &addresses, |node| node == first)?;
    Ok(())
}
