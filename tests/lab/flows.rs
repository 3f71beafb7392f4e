//! UDP flows of an address that goes from one Service to another, with a real kube-proxy.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Error, Lab, LabConfig, Machine, Process, Result, cleanup, source};
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "a_udp_flow_stays_with_the_old_service_of_an_address_unless_the_speaker_may_forget_it",
        flows,
    )]
}

const PORT: u16 = 53;
const SOON: Duration = Duration::from_secs(60);
/// Longer than kube-proxy of the lab and the last time that a speaker forgets take together.
const FOR_GOOD: Duration = Duration::from_secs(15);
/// A flow that pauses for 30 seconds is forgotten by itself.
const GAP: Duration = Duration::from_millis(50);

fn flows(_: &Lab) -> Outcome {
    let name = format!("u{}", std::process::id());
    let lab = Lab::up_bare(&LabConfig {
        name: name.clone(),
        nodes: 1,
        clients: 2,
    })?;
    lab.apply_definitions(None)?;
    let program = source::static_program("ferrolb")?.display().to_string();
    let echoes = [echo(&lab, "left", 8081)?, echo(&lab, "right", 8082)?];
    let controller = lab.start_controller("controller", &format!("{program} controller"), &[])?;
    lab.apply(POOL)?;

    let without = format!("setpriv --bounding-set=-net_admin {program} speaker");
    let speaker = lab.start_speaker(1, &without)?;
    let address = serve(&lab, "left", 8081)?;
    let flow = Flow::open(&lab, address)?;
    flow.comes_to("left")?;
    change_hands(&lab, "left", "right", 8082)?;
    Flow::open(&lab, address)?.comes_to("right")?;
    flow.stays_at("left")?;
    drop((flow, speaker));

    let speaker = lab.start_speaker(1, &format!("{program} speaker"))?;
    let flow = Flow::open(&lab, address)?;
    flow.comes_to("right")?;
    change_hands(&lab, "right", "left", 8081)?;
    flow.comes_to("left")?;
    flow.stays_at("left")?;
    drop((flow, speaker, controller, echoes));
    lab.down()?;
    let remains = cleanup::remains(&name);
    assert!(remains.is_empty(), "{remains:?}");
    Ok(())
}

/// The only address there is.
const POOL: &str = "
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: flows, namespace: metallb-system}
spec: {addresses: [192.0.2.200/32]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: flows, namespace: metallb-system}
";

/// Something outside the cluster that answers with its name.
fn echo(lab: &Lab, name: &str, port: u16) -> Result<Process> {
    let program = source::static_program("ferrolb-echo")?.display().to_string();
    let port = port.to_string();
    lab.start_process(
        Machine::Client(2),
        name,
        &[&program, "serve", &port],
        &[("NODE_NAME", name)],
    )
}

/// Makes a Service of UDP in front of an echo, and waits for its address.
fn serve(lab: &Lab, name: &str, port: u16) -> Result<SocketAddr> {
    let ports = |port: u16| json!([{"name": "udp", "port": port, "protocol": "UDP"}]);
    let meta = |labels| json!({"name": name, "namespace": "default", "labels": labels});
    let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": meta(json!({"kubernetes.io/service-name": name})), "addressType": "IPv4", "ports": ports(port),
        "endpoints": [{"addresses": [Machine::Client(2).ipv4()], "conditions": {"ready": true}}]});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": meta(json!({})),
        "spec": {"type": "LoadBalancer", "ports": ports(PORT)}});
    lab.apply(&json!({"apiVersion": "v1", "kind": "List", "items": [slice, service]}).to_string())?;
    let address = lab.assigned(name, 1, SOON)?[0];
    lab.announced(address, SOON, |_| true)?;
    Ok((address, PORT).into())
}

fn change_hands(lab: &Lab, from: &str, to: &str, port: u16) -> Result<()> {
    lab.kubectl(&["delete", "service", from])?;
    serve(lab, to, port).map(drop)
}

/// Datagrams from one port of the first client, without a pause.
struct Flow(UdpSocket);

impl Flow {
    fn open(lab: &Lab, to: SocketAddr) -> Result<Self> {
        let open = || {
            let socket = UdpSocket::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))?;
            socket.set_read_timeout(Some(GAP))?;
            socket.connect(to)?;
            Ok::<_, std::io::Error>(socket)
        };
        let socket = lab.in_client(open)?;
        socket
            .map(Self)
            .map_err(|failed| Error::Refused(format!("no flow to {to}: {failed}")))
    }

    /// Asks once; which echo answered.
    fn ask(&self) -> Option<String> {
        // a refusal to the last one is no answer either
        let _ = self.0.send(b"who\n");
        let mut answer = [0; 2048];
        let length = self.0.recv(&mut answer).ok()?;
        let text = String::from_utf8_lossy(&answer[..length]).into_owned();
        let node = text
            .split_whitespace()
            .find_map(|word| word.strip_prefix("node="));
        node.map(str::to_owned)
    }

    fn comes_to(&self, echo: &str) -> Result<()> {
        let until = Instant::now() + SOON;
        let mut last = None;
        while Instant::now() < until {
            last = self.ask().or(last);
            if last.as_deref() == Some(echo) {
                return Ok(());
            }
        }
        Err(Error::Refused(format!(
            "the flow is answered by {last:?} instead of {echo}"
        )))
    }

    fn stays_at(&self, echo: &str) -> Result<()> {
        let (until, mut last) = (Instant::now() + FOR_GOOD, None);
        while Instant::now() < until {
            last = self.ask();
            if let Some(other) = last.as_ref().filter(|node| *node != echo) {
                return Err(Error::Refused(format!("{other} answered instead of {echo}")));
            }
            std::thread::sleep(GAP);
        }
        last.map(drop)
            .ok_or_else(|| Error::Refused(format!("{echo} no longer answers")))
    }
}
