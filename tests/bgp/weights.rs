//! Routes that say how many endpoints are behind them.

use std::collections::BTreeMap;

use ferrolb_lab::fabric::{Fabric, Tors, objects};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, wait};

use crate::scene::{SOON, Scene};
use crate::trials::{address, forwarded};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "with_link_bandwidth_a_router_sends_a_node_with_three_endpoints_three_times_as_much",
        weighed,
    )]
}

/// A Service of policy Local with so many ready endpoints on each node. Nobody sends packets to them.
fn service(lab: &Lab, endpoints: &BTreeMap<u8, u8>) -> String {
    let of_node = |(node, count): (&u8, &u8)| {
        let node_name = lab.node_name(*node);
        let one = |number| {
            format!(
                "- {{addresses: [198.51.100.{node}{number}], nodeName: {node_name}, conditions: {{ready: true}}}}\n"
            )
        };
        (0..*count).map(one).collect::<String>()
    };
    format!(
        "
---
apiVersion: v1
kind: Service
metadata: {{name: weighed, annotations: {{metallb.io/address-pool: bgp}}}}
spec: {{type: LoadBalancer, externalTrafficPolicy: Local, ports: [{{port: 80}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: weighed-1, labels: {{kubernetes.io/service-name: weighed}}}}
addressType: IPv4
ports: [{{port: 80}}]
endpoints:
{}",
        endpoints.iter().map(of_node).collect::<String>()
    )
}

fn weighed(lab: &Lab) -> Outcome {
    let fabric = Fabric::new(lab, Tors::Both)?;
    let named = "metadata: {name: bgp, namespace: metallb-system}\nspec: {ipAddressPools: [bgp]}";
    let asking = "metadata: {name: bgp, namespace: metallb-system, annotations: {ferrolb.io/link-bandwidth: ready-endpoints}}\n\
                  spec: {ipAddressPools: [bgp]}";
    let objects = objects().replace(named, asking);
    assert!(objects.contains(asking), "{objects}");
    let uneven = BTreeMap::from([(1, 3), (2, 1)]);
    let _scene = Scene::new(lab, objects + &service(lab, &uneven))?;
    let address = address(lab, "weighed")?;
    forwarded(&fabric, address, &[1, 2], SOON)?;
    let until_weighed = |ratio: u64| {
        wait::until_seen(&format!("weights of {ratio} to 1"), SOON, || {
            let weights = fabric.weights(address)?;
            let are = |one: &u64, other: &u64| one.abs_diff(other * ratio) <= ratio;
            let holds = weights
                .get(&1)
                .zip(weights.get(&2))
                .is_some_and(|(one, other)| are(one, other));
            Ok(holds.then_some(()).ok_or_else(|| format!("{weights:?}")))
        })
    };
    until_weighed(3)?;
    lab.apply(&service(lab, &BTreeMap::from([(1, 1), (2, 1)])))?;
    until_weighed(1)?;
    Ok(())
}
