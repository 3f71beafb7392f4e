//! A pod that moves from node to node.

use std::net::SocketAddr;
use std::time::Instant;

use ferrolb_lab::requests::{self, Tally};
use ferrolb_lab::{Lab, Result};

/// What becomes of requests to the Service [`moving`] while its pod, which is on the first node, moves to the others and back. Each time
/// `follows` waits until the address is where the pod is.
pub(crate) fn moves(
    lab: &Lab,
    pool: &str,
    target: SocketAddr,
    follows: impl Fn(u8) -> Result<()>,
) -> Result<Tally> {
    let ((), tally) = requests::in_turn(lab, &[target], || {
        let began = Instant::now();
        for node in [2, 3, 1] {
            eprintln!("to node {node} after {:.2?}", began.elapsed());
            lab.apply(&moving(pool, &lab.node_name(node)))?;
            follows(node)?;
        }
        Ok(())
    })?;
    eprintln!("{tally}");
    Ok(tally)
}

/// Deployment and Service `moving`, of policy Local over UDP, with one pod on this node and an address of this pool. Applied for another node
/// it starts the new pod before it ends the old one, which serves for five seconds more.
pub(crate) fn moving(pool: &str, node: &str) -> String {
    format!(
        "
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: moving}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: moving}}}}
  template:
    metadata: {{labels: {{app: moving}}}}
    spec:
      nodeSelector: {{kubernetes.io/hostname: {node}}}
      terminationGracePeriodSeconds: 10
      containers:
      - name: echo
        image: localhost/echo:1
        readinessProbe: {{httpGet: {{path: /healthz, port: 8080}}, periodSeconds: 1}}
        lifecycle: {{preStop: {{sleep: {{seconds: 5}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: moving, annotations: {{metallb.io/address-pool: {pool}}}}}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: {{app: moving}}
  ports: [{{name: udp, port: 8080, protocol: UDP}}]
"
    )
}
