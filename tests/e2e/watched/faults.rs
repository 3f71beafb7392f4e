//! Faults that are made for real, and the alerts that they raise.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ferrolb_lab::suite::Outcome;
use ferrolb_lab::{Lab, Machine, Result, wait};

use crate::prometheus::Prometheus;
use crate::scene::{PODS, SOON, Scene, pool, service};

const CLIENT: Machine = Machine::Client(1);
const WATCHED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 250);
/// Beacons are slow here, and some alerts wait for the cluster.
const FIRING: Duration = Duration::from_secs(45);

/// Waits until all these alerts fire at once; `meanwhile` is done again before each look.
fn fire(prometheus: &mut Prometheus, alerts: &[&str], meanwhile: impl Fn() -> Result<()>) -> Result<()> {
    let wanted: BTreeSet<&str> = alerts.iter().copied().collect();
    wait::until_seen(&format!("{alerts:?} to fire"), FIRING, || {
        meanwhile()?;
        let firing = prometheus.ask(r#"ALERTS{alertstate="firing"}"#)?;
        let names: BTreeSet<&str> = firing
            .iter()
            .filter_map(|one| one["alertname"].as_str())
            .collect();
        Ok(if wanted.is_subset(&names) {
            Ok(())
        } else {
            Err(format!("{names:?}"))
        })
    })?;
    eprintln!("fired: {alerts:?}");
    Ok(())
}

fn nothing() -> Result<()> {
    Ok(())
}

/// A Service whose pods are nowhere.
const QUIET: &str = "
---
apiVersion: v1
kind: Service
metadata: {name: quiet, annotations: {metallb.io/address-pool: quiet}}
spec: {type: LoadBalancer, externalTrafficPolicy: Local, selector: {app: nowhere}, ports: [{name: http, port: 80}]}
";

/// A router that nobody has, so that there is something to be shown of BGP and BFD.
const ROUTER: &str = "
---
apiVersion: metallb.io/v1beta1
kind: BFDProfile
metadata: {name: absent, namespace: metallb-system}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: absent, namespace: metallb-system}
spec: {myASN: 64512, peerASN: 64500, peerAddress: 192.0.2.253, bfdProfile: absent}
";

/// Writes its own address into the status, as another load balancer would.
fn overrule(lab: &Lab) -> Result<()> {
    let theirs: IpAddr = Ipv4Addr::new(203, 0, 113, 77).into();
    if lab.external_addresses("disputed")? == [theirs] {
        return Ok(());
    }
    lab.overrule("disputed", theirs)
}

/// A gratuitous ARP request by which the first client claims an address (RFC 5227, 3).
fn claim(lab: &Lab, address: Ipv4Addr) -> Result<()> {
    let (mac, address) = (CLIENT.mac().0, address.octets());
    let frame = [
        &[0xff; 6][..],
        &mac,
        &[0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1],
        &mac,
        &address,
        &[0; 6],
        &address,
    ];
    lab.tap(&CLIENT.nic())?.send(&frame.concat())
}

/// A frame to the speakers that no key of theirs sealed (docs/protocol.md, F1).
fn forged() -> Vec<u8> {
    let group = [0x03, 0x46, 0x45, 0x52, 0x52, 0x4f];
    let (version, kind) = (2, 1);
    let (key, length) = ([0; 2], [0, 32]);
    let start = [0x88, 0xb5, version, kind];
    [&group[..], &CLIENT.mac().0, &start, &key, &length, &[0; 48]].concat()
}

/// Makes one fault after the other and waits for its alert. What is returned lasts until it is dropped.
pub(super) fn make<'a>(lab: &'a Lab, prometheus: &mut Prometheus) -> Result<Scene<'a>> {
    let others = ["web", "shop", "mail"].map(|name| service(name, "lan", ""));
    let manifests = pool("lan", "192.0.2.240/29")
        + &others.concat()
        + &pool("watched", "192.0.2.250/32")
        + &service("watched", "watched", "")
        + &service("waiting", "watched", "")
        + &pool("quiet", "192.0.2.251/32")
        + QUIET
        + ROUTER
        + &pool("disputed", "192.0.2.252/32")
        + &service("disputed", "disputed", "");
    let scene = Scene::new(lab, manifests)?;
    lab.assigned("disputed", 1, SOON)?;
    let holder = lab.announced(WATCHED.into(), SOON, |_| true)?;
    fire(
        prometheus,
        &[
            "FerroLBPoolExhausted",
            "FerroLBServiceRefused",
            "FerroLBAddressSilent",
        ],
        nothing,
    )?;
    fire(prometheus, &["FerroLBStatusDisputed"], || overrule(lab))?;
    fire(prometheus, &["FerroLBForeignClaim"], || {
        lab.tap(&CLIENT.nic())?.send(&forged())?;
        claim(lab, WATCHED)
    })?;

    let pause = lab.pause_speaker(holder)?;
    fire(prometheus, &["FerroLBFailoverSlow", "FerroLBDown"], nothing)?;
    drop(pause);

    let holder = lab.announced(WATCHED.into(), PODS, |_| true)?;
    let others: Vec<u8> = lab.plan().nodes().filter(|node| *node != holder).collect();
    let apart = lab.partition(&[holder], &others)?;
    let split = [
        "FerroLBSpeakerAlone",
        "FerroLBAddressAnnouncedTwice",
        "FerroLBServiceContested",
    ];
    fire(prometheus, &split, nothing)?;
    apart.heal()?;
    Ok(scene)
}

/// The last: Prometheus knows the controllers of now only.
pub(super) fn leaderless(lab: &Lab, prometheus: &mut Prometheus) -> Outcome {
    let scale = [
        "scale",
        "-n",
        "metallb-system",
        "deployment/controller",
        "--replicas=0",
    ];
    lab.kubectl(&scale)?;
    fire(prometheus, &["FerroLBNoLeader"], nothing)?;
    Ok(())
}
