//! One session and a router that reads as it likes: in the end it knows what is wanted, and nothing was said in vain.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrolb_peering::bgp::{
    Asn, Attributes, Community, ExportTable, Input, OUTGOING_MAX, Session, Start, State, wire,
};
use ferrolb_peering::{Family, Moment, Prefix};
use proptest::prelude::*;

use crate::router::{Deed, Router};
use crate::world::{ms, next_hops, service, spec};

struct Line {
    session: Session,
    router: Router,
    now: Moment,
}

impl Line {
    fn new() -> Self {
        let now = Moment::ORIGIN;
        let mut line = Self {
            session: Session::new(spec(0, 0), Start::Cold, 1, now),
            router: Router::new(Asn(64500), Duration::from_secs(90)),
            now,
        };
        line.session.handle(Input::Start, now);
        let greeting = line.router.accept(now);
        line.session.handle(Input::TcpUp(next_hops(0)), now);
        line.answer(greeting);
        line.read(usize::MAX);
        line.read(usize::MAX);
        assert_eq!(line.session.status().state, State::Established);
        line
    }

    fn answer(&mut self, deeds: Vec<Deed>) {
        for deed in deeds {
            match deed {
                Deed::Send(bytes) => drop(self.session.handle(Input::Bytes(&bytes), self.now)),
                Deed::Close => panic!("closed"),
            }
        }
    }

    /// The router reads so many bytes at most.
    fn read(&mut self, most: usize) -> usize {
        let bytes = self.session.outgoing();
        assert!(bytes.len() <= OUTGOING_MAX);
        let bytes = bytes[..bytes.len().min(most)].to_vec();
        let deeds = self.router.hear(&bytes, self.now);
        self.session.handle(Input::Sent(bytes.len()), self.now);
        self.answer(deeds);
        bytes.len()
    }

    fn want(&mut self, table: ExportTable) {
        self.session.handle(Input::Wanted(table), self.now);
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.session.handle(Input::Tick, self.now);
    }

    fn read_all(&mut self) {
        self.pass(ms(6));
        while self.read(usize::MAX) > 0 {
            self.pass(ms(6));
        }
    }

    fn known(&self) -> BTreeMap<Prefix, Vec<u32>> {
        self.router.routes.clone()
    }
}

fn attributes(number: u16) -> Arc<Attributes> {
    let mut attributes = Attributes::default();
    attributes.communities.standard.insert(Community(64512, number));
    Arc::new(attributes)
}

fn table(routes: &BTreeMap<usize, u16>) -> ExportTable {
    let routes = routes
        .iter()
        .map(|(number, community)| (service(*number), attributes(*community)));
    Arc::new(routes.collect())
}

fn expected(routes: &BTreeMap<usize, u16>) -> BTreeMap<Prefix, Vec<u32>> {
    let routes = routes.iter();
    routes
        .map(|(number, community)| (service(*number), vec![64512 << 16 | u32::from(*community)]))
        .collect()
}

#[derive(Clone, Debug)]
enum Step {
    Want(BTreeMap<usize, u16>),
    Change(usize, Option<u16>),
    Read(usize),
    Pass(u64),
    Refresh(Family),
}

fn step() -> impl Strategy<Value = Step> {
    let routes = prop::collection::btree_map(0..40_usize, 0..3_u16, 0..40);
    prop_oneof![
        1 => routes.prop_map(Step::Want),
        6 => (0..40_usize, prop::option::of(0..3_u16)).prop_map(|(number, to)| Step::Change(number, to)),
        3 => (0..200_usize).prop_map(Step::Read),
        3 => (0..8_u64).prop_map(Step::Pass),
        1 => prop_oneof![Just(Family::V4), Just(Family::V6)].prop_map(Step::Refresh),
    ]
}

proptest! {
    #[test]
    fn whatever_is_wanted_the_router_knows_it_in_the_end(steps in prop::collection::vec(step(), 1..80)) {
        let mut line = Line::new();
        let mut wanted = BTreeMap::new();
        line.want(table(&wanted));
        for step in steps {
            match step {
                Step::Want(routes) => {
                    wanted = routes;
                    line.want(table(&wanted));
                }
                Step::Change(number, to) => {
                    match to {
                        Some(to) => drop(wanted.insert(number, to)),
                        None => drop(wanted.remove(&number)),
                    }
                    line.want(table(&wanted));
                }
                Step::Read(most) => drop(line.read(most)),
                Step::Pass(time) => line.pass(ms(time)),
                Step::Refresh(family) => {
                    let bytes = crate::router::said(|out| wire::refresh(family, out));
                    line.session.handle(Input::Bytes(&bytes), line.now);
                }
            }
        }
        line.read_all();
        let known = line.known();
        prop_assert_eq!(&known, &expected(&wanted));
        let of = |family: Family| known.keys().filter(|prefix| prefix.family() == family).count();
        prop_assert_eq!(line.session.status().sent, [of(Family::V4), of(Family::V6)]);
        // And then there is nothing left to say.
        let updates = line.router.updates;
        line.want(table(&wanted));
        line.read_all();
        prop_assert_eq!(line.router.updates, updates);
    }
}

/// `count` routes of IPv4 and as many of IPv6, of so many kinds.
fn large(count: u32, kinds: u32) -> ExportTable {
    let kept: Vec<Arc<Attributes>> = (0..kinds).map(|kind| attributes(kind as u16)).collect();
    let routes = (0..count).flat_map(|number| {
        let v4 = Prefix::host(Ipv4Addr::from_bits(0xc612_0000 + number).into());
        let v6: Prefix = format!("2001:db8:1::{number:x}/128").parse().unwrap();
        let kind = Arc::clone(&kept[(number % kinds) as usize]);
        [(v4, Arc::clone(&kind)), (v6, kind)]
    });
    Arc::new(routes.collect())
}

#[test]
fn a_router_that_reads_slowly_costs_one_buffer_and_gets_everything() {
    let mut line = Line::new();
    let wanted = large(30_000, 3);
    line.want(Arc::clone(&wanted));
    line.pass(ms(6));
    while line.read(1000) > 0 {
        line.pass(ms(1));
    }
    assert_eq!(line.router.routes.len(), 60_000);
    assert_eq!(line.router.ends_of_rib, [Family::V4, Family::V6]);
}

#[test]
fn before_the_routes_are_known_not_even_their_end_is_said() {
    let mut line = Line::new();
    line.pass(ms(5000));
    line.read_all();
    assert_eq!((line.router.updates, line.router.ends_of_rib.len()), (0, 0));
    line.want(ExportTable::default());
    line.read_all();
    assert_eq!(line.router.ends_of_rib, [Family::V4, Family::V6]);
}

#[test]
fn withdrawals_are_said_before_anything_else() {
    let mut line = Line::new();
    line.want(table(&(0..20).map(|number| (number, 0)).collect()));
    line.read_all();
    line.want(table(&(10..30).map(|number| (number, 1)).collect()));
    line.pass(ms(6));
    let bytes = line.session.outgoing().to_vec();
    let first = wire::split(&bytes, wire::MESSAGE_MAX).unwrap().unwrap();
    let reading = wire::Reading {
        internal: false,
        four_octets: true,
    };
    let received = wire::check(first.body, reading).unwrap();
    assert_eq!((received.withdrawn, received.announced), (5, 0));
}

/// Generous: the machine may be busy. Ten times less is usual.
#[test]
fn ten_thousand_routes_are_told_quickly_and_one_change_costs_little() {
    let mut line = Line::new();
    let wanted = large(5_000, 10);
    let begin = Instant::now();
    line.want(Arc::clone(&wanted));
    line.read_all();
    let cold = begin.elapsed();
    let mut changed = (*wanted).clone();
    changed.remove(&service(1000));
    let begin = Instant::now();
    line.want(Arc::new(changed));
    line.pass(ms(6));
    let change = begin.elapsed();
    println!("10,000 routes: {cold:?}; one less: {change:?}");
    assert!(cold < Duration::from_secs(5) && change < Duration::from_millis(500));
}

#[test]
fn what_goes_while_a_slow_router_is_told_again_is_withdrawn() {
    let mut line = Line::new();
    let wanted = large(12_000, 400);
    line.want(Arc::clone(&wanted));
    line.read_all();
    let both = [Family::V4, Family::V6].map(|family| crate::router::said(|out| wire::refresh(family, out)));
    line.session.handle(Input::Bytes(&both.concat()), line.now);
    line.pass(ms(6));
    line.read(5000);
    let fewer = wanted
        .iter()
        .step_by(3)
        .map(|(prefix, kind)| (*prefix, Arc::clone(kind)));
    line.want(Arc::new(fewer.collect()));
    line.read_all();
    assert_eq!(line.router.routes.len(), 8000);
    assert_eq!(line.session.status().sent.iter().sum::<usize>(), 8000);
}
