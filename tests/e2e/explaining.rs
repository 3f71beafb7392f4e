//! `ferrolb explain` and `ferrolb status` name what is wrong, and what is right, on the real thing.

use std::fs;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Found, Lab, Machine, Result, source, wait};
use serde_json::{Deserializer, Value, json};

use crate::scene::{SOON, Scene, annotated, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("explain_names_the_cause_in_its_first_line", causes),
        trial(
            "status_names_the_holder_interface_and_mac_that_the_wire_shows",
            status,
        ),
        trial("status_that_watches_shows_a_change_when_it_arrives", watching),
    ]
}

/// The last picture that `ferrolb status --watch` drew, if it is whole.
fn last_picture(lab: &Lab) -> Result<Value> {
    let drawn = fs::read_to_string(lab.state().log(WATCHING)).unwrap_or_default();
    let pictures = Deserializer::from_str(&drawn).into_iter::<Value>();
    Ok(pictures
        .map_while(std::result::Result::ok)
        .last()
        .unwrap_or_default())
}

/// Nothing is asked again: the one command that runs all the time shows the Service come, and go.
fn watching(lab: &Lab) -> Outcome {
    let program = source::static_program("ferrolb")?;
    let command = [
        &*program.to_string_lossy(),
        "status",
        "-n",
        "default",
        "-o",
        "json",
        "--watch",
    ];
    let mut watch = lab.start_process(Machine::ControlPlane, WATCHING, &command, &[])?;
    let until = |what: &str, shows: &dyn Fn(Option<&Value>) -> bool| {
        wait::until_seen(what, SOON, || {
            let picture = last_picture(lab)?;
            let services = picture["services"].as_array();
            let row = services
                .into_iter()
                .flatten()
                .find(|row| row["name"] == "watched");
            let is_shown = services.is_some() && shows(row);
            Ok(if is_shown {
                Ok(())
            } else {
                Err(picture.to_string())
            })
        })
    };
    until("the first picture", &|row| row.is_none())?;
    {
        let _scene = Scene::new(
            lab,
            pool("watched", "192.0.2.236/32") + &service("watched", "watched", ""),
        )?;
        until("the Service with its holder to be shown", &|row| {
            row.is_some_and(|row| {
                row["addresses"][0]["address"] == "192.0.2.236"
                    && row["state"] == "Announced"
                    && row["health"] == "Good"
            })
        })?;
    }
    until("the Service to be gone", &|row| row.is_none())?;
    watch.still_runs()?;
    Ok(())
}

/// The log of the command that watches.
const WATCHING: &str = "status-watch";

/// A cause was found.
const FOUND: i32 = 3;

/// Waits until the first line about a Service begins and ends so.
fn first_line(lab: &Lab, service: &str, begin: &str, end: &str) -> Result<()> {
    let subject = format!("svc/default/{service}");
    wait::until_seen(&format!("{service} to be explained by {begin:?}"), SOON, || {
        let Found { code, text, .. } = lab.ferrolb_finds(&["explain", &subject], SOON)?;
        let line = text.lines().next().unwrap_or_default();
        let is_it = line.starts_with(&format!("default/{service} {begin}")) && line.ends_with(end);
        Ok(if is_it && code == Some(FOUND) {
            Ok(())
        } else {
            Err(format!("{code:?}: {text}"))
        })
    })
}

pub(crate) const LABEL: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// Labels that nodes carry as long as this lives.
pub(crate) struct Labels<'a> {
    lab: &'a Lab,
    nodes: Vec<String>,
    label: &'static str,
}

impl<'a> Labels<'a> {
    pub(crate) fn put(lab: &'a Lab, nodes: impl Iterator<Item = u8>, label: &'static str) -> Result<Self> {
        let labels = Self {
            lab,
            nodes: nodes.map(|node| lab.node_name(node)).collect(),
            label,
        };
        for node in &labels.nodes {
            lab.kubectl(&["label", "node", node, &format!("{label}=yes-here")])?;
        }
        Ok(labels)
    }
}

impl Drop for Labels<'_> {
    fn drop(&mut self) {
        for node in &self.nodes {
            if let Err(failed) = self
                .lab
                .kubectl(&["label", "node", node, &format!("{}-", self.label)])
            {
                eprintln!("a label stays: {failed}");
            }
        }
    }
}

fn causes(lab: &Lab) -> Outcome {
    let quiet = "
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: why-quiet, namespace: metallb-system}
spec: {autoAssign: false, addresses: [192.0.2.220/32]}
";
    let chosen = "
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: why-chosen, namespace: metallb-system}
spec: {autoAssign: false, addresses: [192.0.2.221/32]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: why-chosen, namespace: metallb-system}
spec: {ipAddressPools: [why-chosen], nodeSelectors: [{matchLabels: {ferrolb.test/why: yes-here}}]}
";
    let both = [1, 2].into_iter();
    let _selected = Labels::put(lab, both.clone(), "ferrolb.test/why")?;
    let _excluded = Labels::put(lab, both, LABEL)?;
    let taken = "metallb.io/loadBalancerIPs: 192.0.2.222";
    let _scene = Scene::new(
        lab,
        [
            quiet,
            chosen,
            &pool("why-small", "192.0.2.222/32"),
            &pool("why-idle", "192.0.2.223/32"),
            &service("why-quiet", "why-quiet", ""),
            &service("why-chosen", "why-chosen", ""),
            &service("why-first", "why-small", ""),
            &service("why-class", "why-small", "loadBalancerClass: example.com/other"),
            &service("why-idle", "why-idle", "").replace("app: echo", "app: nobody"),
        ]
        .concat(),
    )?;
    lab.assigned("why-first", 1, SOON)?;
    let _late = Scene::new(
        lab,
        service("why-full", "why-small", "") + &annotated("why-taken", taken, ""),
    )?;
    for (service, begin, end) in [
        (
            "why-quiet",
            "is not announced (NotAdvertised): ",
            "no L2Advertisement selects pool why-quiet",
        ),
        (
            "why-chosen",
            "is not announced (NoEligibleNode): no node may announce it: ",
            LABEL,
        ),
        (
            "why-idle",
            "is not announced (NoEndpoints): ",
            "no endpoint can serve",
        ),
        (
            "why-class",
            "is not served (NotOurs): spec.loadBalancerClass is \"example.com/other\"; ",
            "(--lb-class)",
        ),
        (
            "why-full",
            "has no address (NoAddress): ",
            "pool why-small has no free IPv4 address",
        ),
        (
            "why-taken",
            "has no address (InUse): 192.0.2.222 is in use by default/why-first: ",
            "",
        ),
    ] {
        first_line(lab, service, begin, end)?;
    }
    let of_node = lab.ferrolb_finds(&["explain", "192.0.2.12"], SOON)?;
    assert_eq!(of_node.code, Some(FOUND));
    let free = of_node.text;
    assert!(
        free.starts_with("192.0.2.12 is not served (Elsewhere): it belongs to node "),
        "{free}"
    );
    Ok(())
}

fn status(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("shown", r#"192.0.2.224/32, "2001:db8:1::224/128""#)
            + &service("shown", "shown", "ipFamilyPolicy: RequireDualStack"),
    )?;
    for address in lab.assigned("shown", 2, SOON)? {
        let node = lab.announced(address, SOON, |_| true)?;
        let expected = json!([{"node": lab.node_name(node), "interfaces": [
            {"name": "eth0", "mac": lab.node_mac(node).to_string(), "carrier": true}]}]);
        wait::until_seen("the status of the address that answers", SOON, || {
            let text = lab.ferrolb(&["status", "-n", "default", "-o", "json"], SOON)?;
            let status: Value = serde_json::from_str(&text).unwrap_or_default();
            let services = status["services"].as_array();
            let rows = services
                .into_iter()
                .flatten()
                .filter(|one| one["name"] == "shown");
            let rows = rows.flat_map(|one| one["addresses"].as_array().into_iter().flatten());
            let mut of_address = rows.filter(|one| one["address"] == address.to_string());
            let mut holders = of_address
                .next()
                .map(|one| one["holders"].clone())
                .unwrap_or_default();
            let first = holders.get_mut(0).and_then(Value::as_object_mut);
            let since = first.and_then(|first| first.remove("since"));
            Ok(
                if holders == expected && since.is_some_and(|since| since.is_string()) {
                    Ok(())
                } else {
                    Err(format!("{holders}, expected {expected}"))
                },
            )
        })?;
    }
    eprintln!(
        "{}",
        lab.ferrolb(&["status", "-n", "default", "-o", "wide"], SOON)?
    );
    let Found { code, text, .. } = lab.ferrolb_finds(&["explain", "svc/shown"], SOON)?;
    eprintln!("{text}");
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.starts_with("default/shown is announced: 192.0.2.224 from node "),
        "{text}"
    );
    Ok(())
}
