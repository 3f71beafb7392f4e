//! A rolling update under load.

use std::net::{IpAddr, SocketAddr, SocketAddrV4};

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Machine, Result, wait};

use crate::pod::{self, moving};
use crate::scene::{PODS, SOON, Scene, pool};
use crate::stream::{self, Targets};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_rolling_update_of_a_local_service_loses_no_request_because_of_where_it_is_announced",
            rolling_update,
        ),
        trial(
            "the_address_of_a_local_service_follows_its_only_pod_and_no_request_is_lost",
            only_pod,
        ),
    ]
}

/// Requests of a twentieth of a second, which a busy machine may keep waiting for too long. An address that went ahead of kube-proxy's rules
/// cost up to 20, and one that left only after its pods 44 to 67.
const BUSY: usize = 10;

/// Three pods as their users would write them: one more while they are replaced, and three seconds between being taken
/// out of the endpoints and the end.
const WORKLOAD: &str = r#"
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: rolling}
spec:
  replicas: 3
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  selector: {matchLabels: {app: rolling}}
  template:
    metadata: {labels: {app: rolling}}
    spec:
      terminationGracePeriodSeconds: 10
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
        labelSelector: {matchLabels: {app: rolling}}
        matchLabelKeys: [pod-template-hash]
      containers:
      - name: echo
        image: localhost/echo:1
        readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
        lifecycle: {preStop: {sleep: {seconds: 5}}}
---
apiVersion: v1
kind: Service
metadata: {name: rolling, annotations: {metallb.io/address-pool: rolling}}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: {app: rolling}
  ports: [{name: udp, port: 8080, protocol: UDP}]
"#;

fn rolling_update(lab: &Lab) -> Outcome {
    let _scene = Scene::new(lab, pool("rolling", "192.0.2.211/32") + WORKLOAD)?;
    lab.rolled_out("default", "deployment/rolling")?;
    let targets = targets(lab)?;
    let address = IpAddr::from(*targets.address.ip());
    let first = lab.announced(address, SOON, |_| true)?;
    lab.fetch_over_udp(targets.address.into(), SOON)?;
    let (second, fates) = stream::during(lab, &targets, || {
        leave(lab, first)?;
        lab.announced(address, PODS, |node| node != first)
    })?;
    eprintln!("from n{first} to n{second}: {fates}");
    assert!(
        fates.sent > 200 && fates.lost_at_the_wrong_node <= BUSY,
        "{fates}"
    );
    Ok(())
}

fn only_pod(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("moving", "192.0.2.226/32") + &moving("moving", &lab.node_name(1)),
    )?;
    lab.rolled_out("default", "deployment/moving")?;
    let address = lab.assigned("moving", 1, SOON)?[0];
    lab.announced(address, SOON, |node| node == 1)?;
    let target = SocketAddr::new(address, 8080);
    lab.fetch_over_udp(target, SOON)?;
    let tally = pod::moves(lab, "moving", target, |node| {
        lab.announced(address, PODS, |holder| holder == node).map(drop)
    })?;
    assert!(tally.lost() <= BUSY, "{tally}");
    Ok(())
}

fn targets(lab: &Lab) -> Result<Targets> {
    let address = match lab.assigned("rolling", 1, SOON)?[..] {
        [IpAddr::V4(v4)] => v4,
        _ => {
            return Err(ferrolb_lab::Error::Refused(
                "one IPv4 address was expected".into(),
            ));
        }
    };
    let service = lab.json(&["get", "service", "rolling"])?;
    let port = service["spec"]["ports"][0]["nodePort"].as_u64();
    let port = port.and_then(|port| port.try_into().ok()).expect("a node port");
    let at = |node| (node, SocketAddr::from((Machine::Node(node).ipv4(), port)));
    Ok(Targets {
        address: SocketAddrV4::new(address, 8080),
        nodes: lab.plan().nodes().map(at).collect(),
    })
}

/// Replaces all pods by others that must not run on this node; returns when the old ones are gone.
fn leave(lab: &Lab, node: u8) -> Result<()> {
    let name = lab.node_name(node);
    let term = format!(
        r#"{{"matchExpressions": [{{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["{name}"]}}]}}"#
    );
    let affinity = format!(
        r#"{{"nodeAffinity": {{"requiredDuringSchedulingIgnoredDuringExecution": {{"nodeSelectorTerms": [{term}]}}}}}}"#
    );
    let patch = format!(r#"{{"spec": {{"template": {{"spec": {{"affinity": {affinity}}}}}}}}}"#);
    lab.kubectl(&["patch", "deployment", "rolling", "-p", &patch])?;
    lab.rolled_out("default", "deployment/rolling")?;
    let pods = ["get", "pods", "-l", "app=rolling", "-o", "name"];
    wait::until_seen("the old pods to be gone", PODS, || {
        let left = lab.kubectl(&pods)?;
        Ok(if left.lines().count() == 3 {
            Ok(())
        } else {
            Err(left)
        })
    })
}
