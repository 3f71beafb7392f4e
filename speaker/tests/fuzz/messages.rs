//! What speakers may tell each other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ferrolb_segment::digest::bucket_of;
use ferrolb_segment::mac::Mac;
use ferrolb_segment::message::{
    Alive, BUCKETS, Beacon, Body, Boot, BucketsPage, ClaimsPage, ContentDigest, Entry, Epoch, Finding,
    HeardPage, Hold, Instance, MOST_FINDINGS, Message, NodeId, Part, Request, Requested, Returned, Standing,
    State, Tag, Version, Wire,
};

use crate::random::Random;

pub(crate) fn message(random: &mut Random) -> Message {
    Message {
        from: instance(random),
        sequence: random.number().max(1),
        body: body(random),
    }
}

fn body(random: &mut Random) -> Body {
    match random.below(9) {
        0 => Body::Beacon(beacon(random)),
        1 => Body::Heard(heard(random)),
        2 => Body::Claims(claims(random)),
        3 => Body::Buckets(BucketsPage {
            version: version(random),
            buckets: (0..BUCKETS).map(|_| (version(random), digest(random))).collect(),
        }),
        4 => Body::Request(request(random)),
        5 => Body::Query(instance(random)),
        6 => Body::Returned(Returned {
            instance: instance(random),
            left: Duration::from_millis(1 + random.below(600_000) as u64),
        }),
        7 => Body::Findings(findings(random)),
        _ => Body::Alive(Alive {
            instance: instance(random),
            age: Duration::from_millis(u64::from(random.number() as u32)),
        }),
    }
}

fn boot(random: &mut Random) -> Boot {
    Boot(random.number().max(1))
}

fn instance(random: &mut Random) -> Instance {
    Instance {
        node: NodeId(random.bytes()),
        boot: boot(random),
    }
}

fn version(random: &mut Random) -> Version {
    Version(random.number())
}

fn digest(random: &mut Random) -> ContentDigest {
    ContentDigest(random.number())
}

fn epoch(random: &mut Random) -> Epoch {
    Epoch(random.number())
}

fn part(random: &mut Random) -> Part {
    let of = random.byte().max(1);
    Part {
        index: random.below(of.into()) as u8,
        of,
    }
}

fn beacon(random: &mut Random) -> Beacon {
    Beacon {
        uptime: Duration::from_millis(random.number() >> 24),
        interval: Duration::from_millis(1 + random.below(0xffff) as u64),
        multiplier: random.byte().max(1),
        state: random.pick(&[State::Joining, State::Active, State::Leaving]),
        standing: Standing {
            draining: random.one_in(2),
            hold_down: random.one_in(2),
        },
        heard: version(random),
        claims: version(random),
        digest: digest(random),
    }
}

fn heard(random: &mut Random) -> HeardPage {
    let number = random.below(359);
    let tags: BTreeSet<Tag> = (0..number).map(|_| Tag(random.number() as u32)).collect();
    let (mutual, one_way) = tags.into_iter().partition(|_| random.one_in(2));
    HeardPage {
        version: version(random),
        part: part(random),
        mutual,
        one_way,
    }
}

fn claims(random: &mut Random) -> ClaimsPage {
    let near = random.number() as u32;
    let bucket = bucket_of(Ipv4Addr::from_bits(near).into());
    let all = (near..=u32::MAX).take(1000).flat_map(both);
    let within: Vec<IpAddr> = all.filter(|address| bucket_of(*address) == bucket).collect();
    let number = random.below(within.len() + 1);
    let entries: BTreeMap<_, _> = (0..number)
        .map(|_| (random.pick(&within), entry(random)))
        .take(27)
        .collect();
    ClaimsPage {
        bucket,
        base: random.one_in(2).then(|| version(random)),
        version: version(random),
        digest: digest(random),
        part: part(random),
        entries: entries.into_iter().collect(),
    }
}

fn both(number: u32) -> [IpAddr; 2] {
    let v6 = Ipv6Addr::from_bits((0x2001_0db8 << 96) + u128::from(number));
    [Ipv4Addr::from_bits(number).into(), v6.into()]
}

fn entry(random: &mut Random) -> Option<Entry> {
    match random.below(4) {
        0 => None,
        1 => Some(Entry::Hold(Hold {
            epoch: epoch(random),
            backed: random.one_in(2),
            yield_to: random.one_in(2).then(|| NodeId(random.bytes())),
        })),
        2 => Some(Entry::Released {
            epoch: epoch(random),
            to: random
                .one_in(2)
                .then(|| (NodeId(random.bytes()), version(random))),
        }),
        _ => Some(Entry::Declined { epoch: epoch(random) }),
    }
}

fn request(random: &mut Random) -> Request {
    let buckets = Requested::Claims(random.number());
    Request {
        of: instance(random),
        what: random.pick(&[Requested::Heard, Requested::Buckets, buckets]),
    }
}

fn findings(random: &mut Random) -> Vec<Finding> {
    let number = 1 + random.below(MOST_FINDINGS);
    let addresses: BTreeSet<IpAddr> = (0..number)
        .map(|_| both(random.number() as u32)[random.below(2)])
        .collect();
    let finding = |address| Finding {
        address,
        holder: NodeId(random.bytes()),
        wire: wire(random),
    };
    addresses.into_iter().map(finding).collect()
}

fn wire(random: &mut Random) -> Wire {
    let mut station: [u8; 6] = random.bytes();
    station[0] = station[0] & !1 | 2;
    let (station, node) = (Mac(station), NodeId(random.bytes()));
    match random.below(5) {
        0 => Wire::Ok,
        1 => Wire::Unanswered(station),
        2 => Wire::WrongMac(station, node),
        3 => Wire::Several(station, random.one_in(2).then_some(node)),
        _ => Wire::Foreign(station),
    }
}
