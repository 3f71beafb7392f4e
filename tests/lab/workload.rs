//! Two echo pods on three nodes, and Services of every kind that a load balancer meets.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ferrolb_lab::suite::Outcome;
use ferrolb_lab::{Lab, Machine, Result, probe::Answer, wait};
use serde_json::Value;

/// Long enough for an answer on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(5);
/// How long answers of kernels on the LAN are collected.
pub(crate) const HEARING: Duration = Duration::from_millis(500);
/// How long silence is listened to.
pub(crate) const SILENCE: Duration = Duration::from_secs(2);

/// How long it may take until a Deployment that is rolled out is known everywhere.
const EVERYWHERE: Duration = Duration::from_secs(30);

const MANIFESTS: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: echo}
spec:
  replicas: 2
  selector: {matchLabels: {app: echo}}
  template:
    metadata: {labels: {app: echo}}
    spec:
      terminationGracePeriodSeconds: 1
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: DoNotSchedule
        labelSelector: {matchLabels: {app: echo}}
      containers:
      - name: echo
        image: localhost/echo:1
        env: [{name: NODE_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
        readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
        securityContext:
          runAsNonRoot: true
          readOnlyRootFilesystem: true
          allowPrivilegeEscalation: false
          capabilities: {drop: [ALL]}
          seccompProfile: {type: RuntimeDefault}
---
apiVersion: v1
kind: Service
metadata: {name: echo}
spec:
  type: NodePort
  ipFamilyPolicy: PreferDualStack
  selector: {app: echo}
  ports: [{name: tcp, port: 80, targetPort: 8080}, {name: udp, protocol: UDP, port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: local}
spec:
  type: LoadBalancer
  loadBalancerClass: example.com/lab
  externalTrafficPolicy: Local
  ipFamilyPolicy: RequireDualStack
  selector: {app: echo}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: cluster}
spec:
  type: LoadBalancer
  loadBalancerClass: example.com/lab
  allocateLoadBalancerNodePorts: false
  ipFamilyPolicy: PreferDualStack
  ipFamilies: [IPv6, IPv4]
  selector: {app: echo}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: only6}
spec:
  type: LoadBalancer
  loadBalancerClass: example.com/lab
  ipFamilyPolicy: SingleStack
  ipFamilies: [IPv6]
  selector: {app: echo}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec:
  type: LoadBalancer
  loadBalancerClass: example.com/lab
  ipFamilyPolicy: PreferDualStack
  selector: {app: nobody}
  ports: [{port: 80, targetPort: 8080}]
"#;

pub(crate) fn deploy(lab: &Lab) -> Outcome {
    lab.apply(MANIFESTS)?;
    lab.rolled_out("default", "deployment/echo")?;
    wait::until("the endpoints of both families", EVERYWHERE, || {
        let both = ["IPv4", "IPv6"].map(|family| endpoints(lab, family));
        Ok(both
            .into_iter()
            .collect::<Result<Vec<_>>>()?
            .iter()
            .all(|count| *count == 2)
            .then_some(()))
    })?;
    proxies_know(lab, node_port(&service(lab, "echo")?))
}

/// How many endpoints the echo Service has in a family.
pub(crate) fn endpoints(lab: &Lab, family: &str) -> Result<usize> {
    let slices = lab.json(&["get", "endpointslices", "-l", "kubernetes.io/service-name=echo"])?;
    let slices = slices["items"].as_array().into_iter().flatten();
    let of_family = slices.filter(|slice| slice["addressType"] == family);
    Ok(of_family
        .filter_map(|slice| slice["endpoints"].as_array())
        .map(Vec::len)
        .sum())
}

/// A proxy hears of a Service when it hears of it, whatever the Deployment says.
fn proxies_know(lab: &Lab, port: u16) -> Outcome {
    for address in lab.plan().nodes().flat_map(|i| both(Machine::Node(i))) {
        let what = format!("the proxy at {address} to know the Service");
        wait::until(&what, EVERYWHERE, || Ok(get(lab, address, port).ok().map(drop)))?;
    }
    Ok(())
}

/// Both addresses of a machine on the LAN.
pub(crate) fn both(machine: Machine) -> [IpAddr; 2] {
    [machine.ipv4().into(), machine.ipv6().into()]
}

pub(crate) fn get(lab: &Lab, address: IpAddr, port: u16) -> Result<Answer> {
    lab.http_get(&url(address, port), SOON)
}

pub(crate) fn url(address: IpAddr, port: u16) -> String {
    format!("http://{}/", SocketAddr::new(address, port))
}

/// The echo pods as the API shows them.
pub(crate) fn pods(lab: &Lab) -> Result<Vec<Value>> {
    let listed = lab.json(&["get", "pods", "-l", "app=echo"])?;
    Ok(listed["items"].as_array().cloned().unwrap_or_default())
}

pub(crate) fn service(lab: &Lab, name: &str) -> Result<Value> {
    lab.json(&["get", "service", name])
}

/// The node port of the first port of a Service.
pub(crate) fn node_port(service: &Value) -> u16 {
    number(&service["spec"]["ports"][0]["nodePort"])
}

pub(crate) fn number(value: &Value) -> u16 {
    value
        .as_u64()
        .and_then(|number| number.try_into().ok())
        .expect("the API gives a port")
}

/// All addresses in an array of strings, or of objects with the field `ip`.
pub(crate) fn addresses(array: &Value) -> Vec<IpAddr> {
    let entries = array.as_array().into_iter().flatten();
    let texts = entries.filter_map(|entry| entry.as_str().or_else(|| entry["ip"].as_str()));
    texts
        .map(|text| text.parse().expect("the API gives addresses"))
        .collect()
}

/// Which nodes have an echo pod, and one that has none.
pub(crate) struct Placement {
    pub(crate) with: Vec<u8>,
    pub(crate) without: u8,
}

pub(crate) fn placement(lab: &Lab) -> Result<Placement> {
    let pods = pods(lab)?;
    let names = pods.iter().filter_map(|pod| pod["spec"]["nodeName"].as_str());
    let with: Vec<u8> = names.filter_map(|name| lab.node_number(name)).collect();
    let without = lab
        .plan()
        .nodes()
        .find(|node| !with.contains(node))
        .expect("two pods on three nodes");
    Ok(Placement { with, without })
}

/// True if the answer says that the pod saw the client's own address.
pub(crate) fn saw_the_client(answer: &Answer) -> bool {
    both(Machine::Client(1)).iter().any(|own| {
        let seen = SocketAddr::new(*own, 0).to_string();
        answer
            .body
            .contains(&format!("from={}", seen.strip_suffix('0').expect("port 0")))
    })
}
