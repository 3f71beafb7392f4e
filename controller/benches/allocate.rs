//! The price of one address, by how full its pool is: the target is below 2 µs each, and the same at any fill.
//!
//! Printed are the time of a whole decision for each Service in it, in use or new, and, where valgrind is installed, the
//! instructions that one newcomer adds: those of a decision with newcomers less those of the same without.

#![allow(clippy::print_stdout, reason = "the result")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrolb_controller::alloc::{Outcome, World, decide};
use ferrolb_crds::domain::{Pool, Pools, ServiceKey, ServiceView};
use serde_json::json;

const NEWCOMERS: u32 = 500;
const ROUNDS: usize = 15;

/// A pool and how much of it is in use.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    pool: &'static str,
    /// Addresses at the start of the pool that are looked at, and how many of 100 of them are in use, here and there.
    addresses: u32,
    fill_percent: u32,
}

const CASES: [Case; 5] = [
    Case::of_16("IPv4 /16,  0 % in use", 0),
    Case::of_16("IPv4 /16, 50 % in use", 50),
    Case::of_16("IPv4 /16, 90 % in use", 90),
    Case::of_16("IPv4 /16, 99 % in use", 99),
    Case {
        name: "IPv6 /64, 10,000 in use",
        pool: "2001:db8::/64",
        addresses: 20_000,
        fill_percent: 50,
    },
];

impl Case {
    const fn of_16(name: &'static str, fill_percent: u32) -> Self {
        Self {
            name,
            pool: "10.0.0.0/16",
            addresses: 65_536,
            fill_percent,
        }
    }

    fn address(&self, number: u32) -> IpAddr {
        if self.pool.contains(':') {
            Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(number)).into()
        } else {
            Ipv4Addr::from_bits(0x0a00_0000 + number).into()
        }
    }

    /// Scattered, so that the free space is in as many pieces as can be.
    fn is_used(&self, number: u32) -> bool {
        number.wrapping_mul(0x9e37_79b1) >> 16 < (self.fill_percent << 16) / 100
    }

    fn world(&self, newcomers: u32) -> World {
        let template = template(self.pool.contains(':'));
        let service = |number: u32, address: Option<IpAddr>| ServiceView {
            key: ServiceKey::new("bench", format!("service-{number:06}")),
            ingress: address.into_iter().collect(),
            ..template.clone()
        };
        let used = (0..self.addresses).filter(|number| self.is_used(*number));
        let held = used.map(|number| service(number, Some(self.address(number))));
        let waiting = (0..newcomers).map(|number| service(self.addresses + number, None));
        let object = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": { "name": "pool" }, "spec": { "addresses": [self.pool] } });
        let pool = Pool::read(&serde_json::from_value(object).expect("a pool"));
        World {
            services: held
                .chain(waiting)
                .map(|view| (view.key.clone(), Arc::new(view)))
                .collect(),
            pools: Pools::new([pool]).0,
            ..World::default()
        }
    }
}

fn template(ipv6: bool) -> ServiceView {
    let cluster_ip = if ipv6 { "fd00:10:96::9" } else { "10.96.0.9" };
    let object = json!({
        "metadata": { "name": "template", "namespace": "bench",
            "annotations": { "metallb.io/ip-allocated-from-pool": "pool" } },
        "spec": { "type": "LoadBalancer", "clusterIPs": [cluster_ip], "ports": [{ "port": 80 }] } });
    ServiceView::read(&serde_json::from_value(object).expect("a Service"))
}

fn best(world: &World) -> Duration {
    let once = || {
        let start = Instant::now();
        std::hint::black_box(decide(std::hint::black_box(world)));
        start.elapsed()
    };
    (0..ROUNDS).map(|_| once()).min().unwrap_or_default()
}

fn nanoseconds_each(case: &Case) -> u128 {
    let world = case.world(NEWCOMERS);
    best(&world).as_nanos() / world.services.len() as u128
}

/// Instructions of this program when it builds one world and decides about it so often; none without valgrind.
fn instructions(at: usize, newcomers: u32, decisions: u32) -> Option<i64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().ok()?)
        .arg("--only")
        .args([at.to_string(), newcomers.to_string(), decisions.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stderr).ok()?;
    let line = text.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(' ').next()?.parse().ok()
}

fn instructions_each(at: usize) -> Option<i64> {
    let of_decision = |newcomers| Some(instructions(at, newcomers, 1)? - instructions(at, newcomers, 0)?);
    Some((of_decision(NEWCOMERS)? - of_decision(0)?) / i64::from(NEWCOMERS))
}

fn only(case: &Case, newcomers: u32, decisions: u32) {
    let world = case.world(newcomers);
    for _ in 0..decisions {
        std::hint::black_box(decide(std::hint::black_box(&world)));
    }
    std::hint::black_box(world);
}

fn all_are_served(case: &Case) -> bool {
    let decision = decide(&case.world(NEWCOMERS));
    decision
        .outcomes
        .values()
        .all(|outcome| matches!(outcome, Outcome::Assigned(_)))
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(only_at) = arguments.iter().position(|argument| argument == "--only") {
        let number = |offset: usize| arguments[only_at + offset].parse::<u32>().expect("a number");
        return only(&CASES[number(1) as usize], number(2), number(3));
    }
    println!("                               time of each   instructions of one more");
    for (at, case) in CASES.iter().enumerate() {
        assert!(all_are_served(case), "{}: somebody got nothing", case.name);
        let counted = instructions_each(at).map_or("valgrind is not installed".to_owned(), |n| n.to_string());
        println!(
            "{:28} {:>11} ns   {counted:>24}",
            case.name,
            nanoseconds_each(case)
        );
    }
}
