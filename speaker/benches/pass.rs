//! What a whole pass of the daemon costs with 10,000 addresses on 100 nodes, this one of which holds a hundred: see, may,
//! tell the ports, verdict, and say what is done. All is said already, so that nothing is written.
//!
//! A pass is private to the daemon, so this is a crate of its own made of the daemon's files.
#![allow(
    dead_code,
    unfulfilled_lint_expectations,
    unreachable_pub,
    unused_imports,
    reason = "the daemon uses more of its files than this"
)]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use ferrolb_crds::domain::{NodeName, Shared};
use ferrolb_rawlink::links::Link;
use ferrolb_runtime::events::EventSink;
use ferrolb_runtime::ready::Readiness;
use ferrolb_runtime::reflect::Reflection;
use ferrolb_segment::message::NodeId;
use prometheus::Registry;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use daemon::{
    args, bfd, facts, flows, forecast, history, layer2, may, metrics, peers, routes, run, see, tell, thread,
    verdict,
};
use layer2::announce::{Protocol, Reports, SegmentReport};
use see::watch::{Slice, Stores};
use tell::condition::Shown;
use tell::l2_status::Seen;

#[path = "../src"]
mod daemon {
    pub(crate) mod args;
    pub(crate) mod bfd;
    pub(crate) mod facts;
    pub(crate) mod flows;
    pub(crate) mod forecast;
    pub(crate) mod history;
    pub(crate) mod layer2;
    pub(crate) mod may;
    pub(crate) mod metrics;
    pub(crate) mod peers;
    pub(crate) mod routes;
    pub(crate) mod run;
    pub(crate) mod see;
    pub(crate) mod tell;
    pub(crate) mod thread;
    pub(crate) mod verdict;
}

const SERVICES: u32 = 10_000;
const NODES: u32 = 100;
/// The memory that a speaker with so many Services may take.
const PROMISED_MEGABYTES: u64 = 30;
/// The Service that changes.
const CHANGED: u32 = 4_711;

fn main() {
    show_memory();
    divan::main();
}

/// Of this process with one such speaker in it: without the claims that its port knows, and the port itself.
#[expect(clippy::print_stdout, reason = "a figure")]
fn show_memory() {
    let _speaker = Bench::new("Cluster");
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    let megabytes = kib.expect("proc(5)") * 1024.0 / 1e6;
    println!("{SERVICES} Services: VmRSS {megabytes:.1} MB (promised {PROMISED_MEGABYTES})");
}

fn node(number: u32) -> NodeName {
    format!("node-{:03}.example", number % NODES).into()
}

fn address(service: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0100 + service).into()
}

fn name(service: u32) -> String {
    format!("service-{service:05}")
}

/// With an address that the node of the same number modulo 100 holds, and a condition that says so.
fn service(number: u32, policy: &str) -> Value {
    let (address, node) = (address(number), node(number));
    let said = format!("{address} announced from node {node} on eth0");
    json!({
        "metadata": { "name": name(number), "namespace": "bench", "uid": format!("uid-{number}"), "resourceVersion": "1",
            "labels": { "app.kubernetes.io/name": name(number), "app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "web-1.2.3" } },
        "spec": { "type": "LoadBalancer", "externalTrafficPolicy": policy },
        "status": { "loadBalancer": { "ingress": [{ "ip": address }] },
            "conditions": [{ "type": "ferrolb.io/Announced", "status": "True", "reason": "Announced", "message": said,
                "lastTransitionTime": "2026-01-01T00:00:00Z" }] } })
}

/// Endpoints on three nodes.
fn slice(number: u32, nodes: [u32; 3]) -> Value {
    let endpoint = |offset| json!({ "addresses": [Ipv4Addr::from_bits(0x0b00_0000 + number * 100 + offset)], "nodeName": node(number + offset) });
    json!({ "addressType": "IPv4", "endpoints": nodes.map(endpoint),
        "metadata": { "name": format!("{}-x", name(number)), "namespace": "bench",
            "labels": { "kubernetes.io/service-name": name(number) } } })
}

fn status(number: u32) -> Value {
    let wanted = tell::l2_status::Wanted {
        service: ferrolb_crds::domain::ServiceKey::new("bench", name(number)),
        node: node(number),
        owner: None,
        interfaces: [].into(),
    };
    let mut object = wanted.object(None);
    object["metadata"]["uid"] = json!(format!("status-{number}"));
    object["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    object["status"] = wanted.status_object()["status"].clone();
    object
}

fn stores(policy: &str) -> Stores {
    let node_object = |number| {
        json!({ "metadata": { "name": node(number).as_str(), "labels": { "zone": format!("z{}", number % 3) } },
            "status": { "addresses": [{ "type": "InternalIP", "address": Ipv4Addr::from_bits(0x0a00_0001 + number) }],
                "conditions": [{ "type": "Ready", "status": "True" }] } })
    };
    let state = |number| {
        json!({ "apiVersion": "metallb.io/v1beta1", "kind": "ConfigurationState", "spec": {},
            "metadata": { "name": format!("speaker-{number}"), "namespace": "lb",
                "labels": { "metallb.io/node-name": node(number).as_str() },
                "annotations": { "ferrolb.io/links": "{\"eth0\":[\"10.0.0.0/16\"]}" } } })
    };
    let pool = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": "pool", "namespace": "lb" }, "spec": { "addresses": ["10.0.0.0/16"] } });
    let advert = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement",
        "metadata": { "name": "everywhere", "namespace": "lb" }, "spec": {} });
    let names = Arc::<Shared<str>>::default();
    Stores {
        services: Reflection::kept(
            (0..SERVICES).map(|number| service(number, policy)),
            Shown::reader(None, names.clone()),
        ),
        slices: Reflection::kept(
            (0..SERVICES).map(|number| slice(number, [0, 31, 62])),
            Slice::reader(names.clone()),
        ),
        nodes: Reflection::of((0..NODES).map(node_object)),
        pools: Reflection::of([pool]),
        adverts: Reflection::of([advert]),
        states: Reflection::of((0..NODES).map(state)),
        config_maps: Reflection::of([]),
        statuses: Reflection::kept((0..SERVICES).map(status), Seen::reader(names.clone())),
        secrets: Reflection::of([]),
        bgp: see::bgp::BgpStores {
            peers: Reflection::of([]),
            profiles: Reflection::of([]),
            adverts: Reflection::of([]),
            communities: Reflection::of([]),
        },
    }
}

/// What the port says: all nodes are up, and each holds a hundred addresses.
fn report() -> SegmentReport {
    let held = (0..SERVICES).filter(|number| number.is_multiple_of(NODES));
    SegmentReport {
        joined: true,
        up: (0..NODES).map(|number| NodeId::of(&node(number))).collect(),
        held: Arc::new(held.map(address).collect()),
        holders: (0..SERVICES)
            .map(|number| (address(number), NodeId::of(&node(number))))
            .collect(),
        ..SegmentReport::default()
    }
}

fn link() -> Link {
    Link {
        index: 2,
        name: "eth0".to_owned(),
        mac: Some([2, 0, 0, 0, 0, 1]),
        mtu: 1500,
        up: true,
        carrier: true,
        loopback: false,
        noarp: false,
        broadcast: true,
        master: None,
        addresses: vec![(Ipv4Addr::new(10, 0, 0, 1).into(), 16)],
    }
}

/// A speaker that has said everything, the other end of its ports, and what its tasks run on.
struct Bench {
    speaker: run::Speaker,
    protocol: Protocol,
    runtime: Runtime,
}

#[derive(clap::Parser)]
struct CommandLine {
    #[command(flatten)]
    args: args::Args,
}

impl Bench {
    fn new(policy: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let context = runtime.enter();
        let registry = Registry::new();
        let command_line: CommandLine =
            clap::Parser::parse_from(["speaker", "--node-name", node(0).as_str()]);
        let history = history::History::of(node(0));
        let (membership, protocol) =
            layer2::membership::join(&command_line.args, "uid".to_owned(), &registry, history.clone())
                .expect("metrics");
        protocol
            .reports
            .send_replace(Reports::from([("eth0".into(), report())]));
        let config = kube::Config::new("http://192.0.2.1".parse().expect("an address"));
        let client = kube::Client::try_from(config).expect("a client");
        let metrics = metrics::Metrics::register(&registry, node(0)).expect("metrics");
        let (events, _) = EventSink::start(client.clone(), "bench", None, &registry).expect("metrics");
        let speaker = run::Speaker {
            keeping: run::Keeping {
                configuration: watch::channel(None).0,
                sessions: None,
                bgp_statuses: None,
            },
            node: node(0),
            pod: None,
            stores: stores(policy),
            reader: see::snapshot::Reader::new(may::Options::default()),
            memory: may::Memory::default(),
            fresh: layer2::Fresh::default(),
            reported: Readiness::default(),
            routed: Readiness::default(),
            routing: run::Routing::new(
                (
                    watch::channel(peers::Orders::default()).0,
                    watch::channel(peers::Reports::default()).1,
                ),
                (
                    watch::channel(bfd::Orders::default()).0,
                    watch::channel(bfd::Reports::default()).1,
                ),
                see::passwords::PasswordReader::start(
                    client.clone(),
                    "lb",
                    ferrolb_runtime::dirty::channel().0,
                ),
            ),
            input: None,
            history,
            said: run::Said::default(),
            actor: tell::write::Actor::new(client, "lb", metrics.writes.clone(), events),
            metrics,
            links: watch::channel(Arc::new(BTreeMap::from([(2, link())]))).1,
            dataplane: watch::channel(see::dataplane::Dataplane::default()).1,
            membership,
            flows: None,
        };
        drop(context);
        let mut bench = Self {
            speaker,
            protocol,
            runtime,
        };
        bench.pass();
        bench.expect_silence();
        bench
    }

    fn pass(&mut self) {
        let _context = self.runtime.enter();
        divan::black_box(self.speaker.pass());
    }

    /// A bench in which something is written measures something else.
    fn expect_silence(&self) {
        self.runtime
            .block_on(async { tokio::time::sleep(Duration::from_millis(20)).await });
        assert_eq!(self.speaker.metrics.writes.updates.get(), 0, "writes");
        assert_eq!(
            self.protocol.views.borrow()[&"eth0".into()].groups.len(),
            SERVICES as usize
        );
    }
}

#[divan::bench(args = ["Cluster", "Local"], max_time = 5)]
fn nothing_changed(bencher: Bencher<'_, '_>, policy: &str) {
    let mut bench = Bench::new(policy);
    bencher.bench_local(|| bench.pass());
    bench.expect_silence();
}

/// One of three endpoints of one Service moves to another node and back.
#[divan::bench(args = ["Cluster", "Local"], max_time = 5)]
fn one_endpoint_changed(bencher: Bencher<'_, '_>, policy: &str) {
    let mut bench = Bench::new(policy);
    let one = bench.speaker.stores.slices.clone();
    let mut changed = (*one.snapshot()).clone();
    let other = Reflection::kept([slice(CHANGED, [0, 31, 63])], Slice::reader(Arc::default()));
    changed.extend((*other.snapshot()).clone());
    let mut both = [Reflection::fixed(changed), one].into_iter().cycle();
    bencher.bench_local(|| {
        bench.speaker.stores.slices = both.next().expect("one of two");
        bench.pass();
    });
    bench.expect_silence();
}
