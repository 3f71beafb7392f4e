//! What is broken is said everywhere in the same words: the condition, an event and a metric, and what `ferrolb explain`,
//! `ferrolb doctor` and the status page show.

use std::net::{IpAddr, Ipv4Addr};

use ferrolb_lab::Lab;
use ferrolb_lab::suite::{Outcome, Trial, trial};

use crate::everywhere::{Wrong, everywhere, well};
use crate::examining::{on_node, strict_reverse_path};
use crate::page;
use crate::scene::{SOON, Scene, annotated, pool, service};

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
            &pool("said-robbed", "192.0.2.227/32"),
            &service("said-quiet", "said-quiet", ""),
            &service("said-first", "said-small", ""),
            &service("said-idle", "said-idle", "").replace("app: echo", "app: nobody"),
            &service("said-far", "said-far", ""),
            &service("said-robbed", "said-robbed", ""),
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
    lab.assigned("said-robbed", 1, SOON)?;
    lab.overrule_until_left("said-robbed", Ipv4Addr::new(203, 0, 113, 77).into(), SOON)?;
    everywhere(
        lab,
        &Wrong {
            event: "StatusDisputed",
            ..refused(
                "said-robbed",
                "StatusDisputed",
                "ferrolb_services_disputed",
                "other-lb keeps writing the status of this Service, which is left alone",
            )
        },
    )?;
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
    well(lab, "said")?;

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
    well(lab, "said")?;

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
    well(lab, "said")?;
    without_ipv6(lab)?;
    forward.kill();
    Ok(())
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
