//! What is broken is said everywhere in the same words: the condition, an event and a metric, and what `ferrolb explain`,
//! `ferrolb doctor` and the status page show.

use std::net::{IpAddr, Ipv4Addr};

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Found, Lab, Machine, Result, wait};
use serde_json::Value;

use crate::examining::{doctor, lines, on_node, strict_reverse_path};
use crate::page;
use crate::scene::{PODS, SOON, Scene, annotated, event, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "what_is_wrong_with_a_service_is_said_everywhere_in_the_same_words",
            services,
        ),
        trial(
            "what_is_wrong_with_the_node_that_announces_is_said_everywhere_in_the_same_words",
            holders,
        ),
    ]
}

/// What is wrong, and where it is said beside the page and `explain`.
struct Wrong {
    service: &'static str,
    /// The word of the condition.
    reason: &'static str,
    event: &'static str,
    /// That of `ferrolb doctor`.
    number: &'static str,
    /// A series that at least one daemon shows.
    series: &'static str,
    /// Part of the sentence.
    words: String,
}

/// Waits until it is said everywhere.
fn everywhere(lab: &Lab, wrong: &Wrong) -> Result<()> {
    let Wrong {
        service,
        reason,
        words,
        ..
    } = wrong;
    let says = |what: &str, text: String, begin: &str| match text
        .lines()
        .any(|line| line.contains(begin) && line.contains(words))
    {
        true => Ok(()),
        false => Err(format!("{what}: no {begin:?} with {words:?} in {text}")),
    };
    wait::until_seen(&format!("{reason} of {service} to be said"), PODS, || {
        let conditions = conditions(lab, service)?;
        if let Err(missing) = says("condition", conditions, &format!(" {reason}: ")) {
            return Ok(Err(missing));
        }
        let subject = format!("svc/default/{service}");
        let Found { text, .. } = lab.ferrolb_finds(&["explain", &subject], SOON)?;
        let first = text.lines().next().unwrap_or_default().to_owned();
        if let Err(missing) = says("explain", first, &format!("({reason}): ")) {
            return Ok(Err(missing));
        }
        let (_, answer) = doctor(lab, &[])?;
        let found = lines(&answer);
        let line = format!("{} Service/default/{service}: ", wrong.number);
        if let Err(missing) = says("doctor", found.join("\n"), &line) {
            return Ok(Err(missing));
        }
        let page = lab.http_get_from(Machine::ControlPlane, page::URL, SOON)?.body;
        let rows = page.replace("<tr", "\n<tr");
        let row = format!("default/{service}");
        Ok(
            says("page", rows, &row).and_then(|()| match series(lab, wrong.series) {
                Ok(true) => Ok(()),
                other => Err(format!("no series {}: {other:?}", wrong.series)),
            }),
        )
    })?;
    event(lab, service, wrong.event, &[words])?;
    Ok(())
}

/// Those of a Service, each as `False Reason: message`.
fn conditions(lab: &Lab, service: &str) -> Result<String> {
    let object = lab.json(&["get", "service", service])?;
    let conditions = object["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |one: &Value| {
        format!(
            "{} {}: {}",
            text(&one["status"]),
            text(&one["reason"]),
            text(&one["message"])
        )
    };
    Ok(conditions.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// Whether any daemon shows a series that begins so, other than with zero.
fn series(lab: &Lab, begin: &str) -> Result<bool> {
    let nodes = lab.plan().nodes().map(Machine::Node);
    let mut bodies = Vec::new();
    for machine in nodes {
        bodies.push(
            lab.http_get_from(machine, "http://127.0.0.1:9120/metrics", SOON)?
                .body,
        );
    }
    // Either may lead, and the other one shows nothing.
    let selector = [
        "get",
        "pods",
        "-n",
        "metallb-system",
        "-l",
        "component=controller",
    ];
    for pod in lab.json(&selector)?["items"].as_array().into_iter().flatten() {
        let address = pod["status"]["podIP"].as_str().unwrap_or_default();
        let url = format!("http://{address}:9120/metrics");
        bodies.push(lab.http_get_from(Machine::Node(1), &url, SOON)?.body);
    }
    let mut all = bodies.iter().flat_map(|body| body.lines());
    Ok(all.any(|line| line.starts_with(begin) && !line.ends_with(" 0")))
}

fn services(lab: &Lab) -> Outcome {
    let quiet = "
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: said-quiet, namespace: metallb-system}
spec: {autoAssign: false, addresses: [192.0.2.234/32]}
";
    let forward = page::forward(lab)?;
    let taken = "metallb.io/loadBalancerIPs: 192.0.2.235";
    let _scene = Scene::new(
        lab,
        [
            quiet,
            &pool("said-small", "192.0.2.235/32"),
            &pool("said-idle", "192.0.2.236/32"),
            &pool("said-far", "203.0.113.9/32"),
            &service("said-quiet", "said-quiet", ""),
            &service("said-first", "said-small", ""),
            &service("said-idle", "said-idle", "").replace("app: echo", "app: nobody"),
            &service("said-far", "said-far", ""),
        ]
        .concat(),
    )?;
    lab.assigned("said-first", 1, SOON)?;
    let _late = Scene::new(
        lab,
        service("said-full", "said-small", "") + &annotated("said-taken", taken, ""),
    )?;
    let silent = |service, reason, series, words: &str| Wrong {
        service,
        reason,
        event: reason,
        number: "FD02",
        series,
        words: words.to_owned(),
    };
    let refused = |service, reason, series, words: &str| Wrong {
        event: "AllocationFailed",
        number: "FD01",
        ..silent(service, reason, series, words)
    };
    for wrong in [
        silent(
            "said-quiet",
            "NotAdvertised",
            "ferrolb_speaker_silent_addresses{reason=\"not_advertised\"}",
            "no L2Advertisement selects pool said-quiet",
        ),
        silent(
            "said-idle",
            "NoEndpoints",
            "ferrolb_speaker_silent_addresses{reason=\"no_endpoints\"}",
            "no endpoint can serve",
        ),
        Wrong {
            number: "FD03",
            ..silent(
                "said-far",
                "OffSubnet",
                "ferrolb_speaker_doubtful_addresses{reason=\"off_subnet\"}",
                "it is on no subnet of any node",
            )
        },
        refused(
            "said-full",
            "NoAddress",
            "ferrolb_services_refused{reason=\"NoAddress\"}",
            "pool said-small has no free IPv4 address",
        ),
        refused(
            "said-taken",
            "InUse",
            "ferrolb_services_refused{reason=\"InUse\"}",
            "192.0.2.235 is in use by default/said-first",
        ),
    ] {
        everywhere(lab, &wrong)?;
    }
    forward.kill();
    Ok(())
}

const HELD: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 237);

fn holders(lab: &Lab) -> Outcome {
    let forward = page::forward(lab)?;
    let _scene = Scene::new(
        lab,
        pool("said", &format!("{HELD}/32")) + &service("said", "said", ""),
    )?;
    assert_eq!(lab.assigned("said", 1, SOON)?, [IpAddr::from(HELD)]);
    let holder = lab.announced(HELD.into(), SOON, |_| true)?;
    let wrong = |reason, series, words: String| Wrong {
        service: "said",
        reason,
        event: reason,
        number: "FD03",
        series,
        words,
    };

    let muted = lab.mute(holder, HELD)?;
    let words = format!(
        "node {} (MAC address {}) does not answer",
        lab.node_name(holder),
        lab.node_mac(holder)
    );
    everywhere(
        lab,
        &wrong(
            "WireSilent",
            "ferrolb_vip_wire_state{ip=\"192.0.2.237\",state=\"unanswered\"}",
            words,
        ),
    )?;
    muted.heal()?;
    well(lab)?;

    let paused = lab.pause_kube_proxy(holder)?;
    everywhere(
        lab,
        &wrong(
            "KubeProxyDown",
            "ferrolb_speaker_doubtful_addresses{reason=\"kube_proxy_down\"}",
            "kube-proxy there does not answer its health check any more".to_owned(),
        ),
    )?;
    drop(paused);
    well(lab)?;

    strict_reverse_path(lab, holder, || {
        everywhere(
            lab,
            &wrong(
                "StrictReversePath",
                "ferrolb_speaker_doubtful_addresses{reason=\"strict_reverse_path\"}",
                "send: answers would leave by veth-fd17".to_owned(),
            ),
        )
    })?;
    well(lab)?;
    without_ipv6(lab)?;
    forward.kill();
    Ok(())
}

/// Waits until nothing is wrong with the Service any more.
fn well(lab: &Lab) -> Result<()> {
    wait::until_seen("the Service to be well again", PODS, || {
        let said = conditions(lab, "said")?;
        let is_well = said.lines().any(|line| line.starts_with("True Announced: "));
        Ok(if is_well { Ok(()) } else { Err(said) })
    })
}

/// An advertisement that names an interface is obeyed although the kernel has no IPv6 there.
fn without_ipv6(lab: &Lab) -> Outcome {
    let node = 3;
    let name = lab.node_name(node);
    let manifests = format!(
        "
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {{name: said-six, namespace: metallb-system}}
spec: {{autoAssign: false, addresses: ['2001:db8:1::237/128']}}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {{name: said-six, namespace: metallb-system}}
spec: {{ipAddressPools: [said-six], interfaces: [eth0], nodeSelectors: [{{matchLabels: {{kubernetes.io/hostname: {name}}}}}]}}
"
    ) + &service("said-six", "said-six", "ipFamilies: [IPv6]");
    let _scene = Scene::new(lab, manifests)?;
    let address = lab.assigned("said-six", 1, SOON)?[0];
    lab.announced(address, SOON, |_| true)?;
    let kept = format!("/run/ferrolb-said-six-{}", std::process::id());
    on_node(
        lab,
        node,
        &format!(
            "ip -6 -o addr show dev eth0 scope global > {kept}; ip -6 route show default > {kept}.route; \
             echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6"
        ),
    )?;
    let done = everywhere(
        lab,
        &Wrong {
            service: "said-six",
            reason: "Ipv6Off",
            event: "Ipv6Off",
            number: "FD03",
            series: "ferrolb_speaker_doubtful_addresses{reason=\"ipv6_off\"}",
            words: "IPv6 is off on eth0: the kernel drops the packets that follow".to_owned(),
        },
    );
    on_node(
        lab,
        node,
        &format!(
            "echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6; \
             awk '{{print $4}}' {kept} | while read address; do ip -6 addr replace $address dev eth0 nodad; done; \
             while read route; do ip -6 route replace $route; done < {kept}.route; rm {kept} {kept}.route"
        ),
    )?;
    done?;
    lab.announced(address, SOON, |_| true)?;
    Ok(())
}
