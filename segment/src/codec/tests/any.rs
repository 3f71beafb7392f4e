//! Messages of all kinds, of sizes that fit.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;

use crate::digest::bucket_of;
use crate::mac::Mac;
use crate::message::{
    Alive, BUCKETS, Beacon, Body, Boot, BucketsPage, ClaimsPage, ContentDigest, Entry, Epoch, Finding,
    HeardPage, Hold, Instance, MOST_FINDINGS, Message, NodeId, Part, Request, Requested, Returned, Standing,
    State, Tag, Version, Wire,
};

pub(super) fn any_message() -> impl Strategy<Value = Message> {
    (instance(), 1_u64.., body()).prop_map(|(from, sequence, body)| Message { from, sequence, body })
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        beacon().prop_map(Body::Beacon),
        heard().prop_map(Body::Heard),
        claims().prop_map(Body::Claims),
        buckets().prop_map(Body::Buckets),
        request().prop_map(Body::Request),
        instance().prop_map(Body::Query),
        alive().prop_map(Body::Alive),
        returned().prop_map(Body::Returned),
        findings().prop_map(Body::Findings),
    ]
}

fn boot() -> impl Strategy<Value = Boot> {
    (1_u64..).prop_map(Boot)
}

fn node() -> impl Strategy<Value = NodeId> {
    any::<[u8; 16]>().prop_map(NodeId)
}

fn instance() -> impl Strategy<Value = Instance> {
    (node(), boot()).prop_map(|(node, boot)| Instance { node, boot })
}

fn version() -> impl Strategy<Value = Version> {
    any::<u64>().prop_map(Version)
}

fn digest() -> impl Strategy<Value = ContentDigest> {
    any::<u64>().prop_map(ContentDigest)
}

fn epoch() -> impl Strategy<Value = Epoch> {
    any::<u64>().prop_map(Epoch)
}

fn part() -> impl Strategy<Value = Part> {
    (1_u8..).prop_flat_map(|of| (0..of).prop_map(move |index| Part { index, of }))
}

fn beacon() -> impl Strategy<Value = Beacon> {
    let milliseconds = (1_u16..).prop_map(|number| Duration::from_millis(number.into()));
    let state = prop_oneof![Just(State::Joining), Just(State::Active), Just(State::Leaving)];
    let uptime = any::<u64>().prop_map(Duration::from_millis);
    let first = (uptime, milliseconds, 1_u8.., state, standing());
    (first, version(), version(), digest()).prop_map(|(first, heard, claims, digest)| {
        let (uptime, interval, multiplier, state, standing) = first;
        Beacon {
            uptime,
            interval,
            multiplier,
            state,
            standing,
            heard,
            claims,
            digest,
        }
    })
}

fn standing() -> impl Strategy<Value = Standing> {
    any::<[bool; 2]>().prop_map(|[draining, hold_down]| Standing { draining, hold_down })
}

fn heard() -> impl Strategy<Value = HeardPage> {
    let tags = || btree_set(any::<u32>().prop_map(Tag), 0..40).prop_map(BTreeSet::into_iter);
    (version(), part(), tags(), tags()).prop_map(|(version, part, mutual, one_way)| HeardPage {
        version,
        part,
        mutual: mutual.collect(),
        one_way: one_way.collect(),
    })
}

/// Some address that belongs into this bucket, near this one.
fn within(bucket: u8, near: IpAddr) -> IpAddr {
    let mut all = (0_u32..).map(|more| match near {
        IpAddr::V4(near) => IpAddr::from(Ipv4Addr::from_bits(near.to_bits().wrapping_add(more))),
        IpAddr::V6(near) => Ipv6Addr::from_bits(near.to_bits().wrapping_add(more.into())).into(),
    });
    all.find(|address| bucket_of(*address) == bucket).unwrap()
}

fn claims() -> impl Strategy<Value = ClaimsPage> {
    let entries = btree_map(any::<IpAddr>(), prop::option::of(entry()), 0..20);
    let head = (
        0..BUCKETS,
        prop::option::of(version()),
        version(),
        digest(),
        part(),
    );
    (head, entries).prop_map(|((bucket, base, version, digest, part), entries)| {
        let entries = entries
            .into_iter()
            .map(|(near, entry)| (within(bucket, near), entry));
        ClaimsPage {
            bucket,
            base,
            version,
            digest,
            part,
            entries: entries.collect::<BTreeMap<_, _>>().into_iter().collect(),
        }
    })
}

pub(super) fn entry() -> impl Strategy<Value = Entry> {
    let released = (epoch(), prop::option::of((node(), version())));
    prop_oneof![
        hold().prop_map(Entry::Hold),
        released.prop_map(|(epoch, to)| Entry::Released { epoch, to }),
        epoch().prop_map(|epoch| Entry::Declined { epoch }),
    ]
}

fn hold() -> impl Strategy<Value = Hold> {
    let yield_to = prop::option::of(node());
    (epoch(), yield_to, any::<bool>()).prop_map(|(epoch, yield_to, backed)| Hold {
        epoch,
        backed,
        yield_to,
    })
}

fn buckets() -> impl Strategy<Value = BucketsPage> {
    let one = (version(), digest());
    let buckets = prop::collection::vec(one, usize::from(BUCKETS));
    (version(), buckets).prop_map(|(version, buckets)| BucketsPage { version, buckets })
}

fn request() -> impl Strategy<Value = Request> {
    let what = prop_oneof![
        Just(Requested::Heard),
        Just(Requested::Buckets),
        any::<u64>().prop_map(Requested::Claims),
    ];
    (instance(), what).prop_map(|(of, what)| Request { of, what })
}

fn alive() -> impl Strategy<Value = Alive> {
    let age = any::<u32>().prop_map(|number| Duration::from_millis(number.into()));
    (instance(), age).prop_map(|(instance, age)| Alive { instance, age })
}

fn returned() -> impl Strategy<Value = Returned> {
    let left = (1..=600_000_u64).prop_map(Duration::from_millis);
    (instance(), left).prop_map(|(instance, left)| Returned { instance, left })
}

fn findings() -> impl Strategy<Value = Vec<Finding>> {
    let found = btree_map(any::<IpAddr>(), (node(), wire()), 1..=MOST_FINDINGS);
    let finding = |(address, (holder, wire))| Finding {
        address,
        holder,
        wire,
    };
    found.prop_map(move |found| found.into_iter().map(finding).collect())
}

fn wire() -> impl Strategy<Value = Wire> {
    prop_oneof![
        Just(Wire::Ok),
        station().prop_map(Wire::Unanswered),
        (station(), node()).prop_map(|(mac, node)| Wire::WrongMac(mac, node)),
        (station(), prop::option::of(node())).prop_map(|(mac, node)| Wire::Several(mac, node)),
        station().prop_map(Wire::Foreign),
    ]
}

fn station() -> impl Strategy<Value = Mac> {
    any::<[u8; 6]>().prop_map(|mut bytes| {
        bytes[0] = bytes[0] & !1 | 2;
        Mac(bytes)
    })
}
