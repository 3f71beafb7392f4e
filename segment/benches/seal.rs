//! What a beacon costs: 500 nodes that beacon fifty times a second are 25,000 of them to open.

use std::time::Duration;

use divan::{AllocProfiler, Bencher, black_box};
use ferrolb_segment::codec;
use ferrolb_segment::mac::Mac;
use ferrolb_segment::message::{
    Beacon, Body, Boot, ContentDigest, Instance, Message, NodeId, Standing, State, Version,
};
use ferrolb_segment::seal::{BEACON_FRAME, GROUP, KeyRing, Refused, Sealed, SegmentKey, seal};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

const SOURCE: Mac = Mac([2, 0, 0, 0, 0, 1]);

fn main() {
    divan::main();
}

fn keys() -> KeyRing {
    let key = |secret| SegmentKey::derive(secret, "6f1e0c1a-3b56-4c0e-9d55-0f2f6a1f7b11");
    KeyRing::new(key(b"secret"), Some(key(b"the one before")))
}

fn beacon() -> Message {
    let beacon = Beacon {
        uptime: Duration::from_secs(5),
        interval: Duration::from_millis(100),
        multiplier: 3,
        state: State::Active,
        standing: Standing::default(),
        heard: Version(7),
        claims: Version(9),
        digest: ContentDigest(11),
    };
    Message {
        from: Instance {
            node: NodeId([5; 16]),
            boot: Boot(1),
        },
        sequence: 42,
        body: Body::Beacon(beacon),
    }
}

fn frame(keys: &KeyRing) -> Vec<u8> {
    let frame = seal(keys, [SOURCE, GROUP], None, &beacon()).expect("a beacon that can be");
    assert_eq!(frame.len(), BEACON_FRAME);
    frame
}

#[divan::bench]
fn seal_a_beacon(bencher: Bencher<'_, '_>) {
    let (keys, beacon) = (keys(), beacon());
    bencher.bench(|| seal(black_box(&keys), [SOURCE, GROUP], None, black_box(&beacon)));
}

fn open(keys: &KeyRing, frame: &[u8]) -> Result<Message, Refused> {
    Sealed::read(keys, frame)?.open(None)
}

#[divan::bench]
fn open_a_beacon(bencher: Bencher<'_, '_>) {
    let keys = keys();
    let frame = frame(&keys);
    assert!(open(&keys, &frame).is_ok());
    bencher.bench(|| open(black_box(&keys), black_box(&frame)));
}

#[divan::bench]
fn open_a_forged_beacon(bencher: Bencher<'_, '_>) {
    let keys = keys();
    let mut frame = frame(&keys);
    frame[60] ^= 1;
    assert_eq!(open(&keys, &frame), Err(Refused::BadSeal));
    bencher.bench(|| open(black_box(&keys), black_box(&frame)));
}

#[divan::bench]
fn open_a_beacon_of_another_cluster(bencher: Bencher<'_, '_>) {
    let keys = keys();
    let other = KeyRing::new(SegmentKey::derive(b"secret", "another cluster"), None);
    let frame = frame(&other);
    assert_eq!(open(&keys, &frame), Err(Refused::OtherKey));
    bencher.bench(|| open(black_box(&keys), black_box(&frame)));
}

#[divan::bench]
fn derive_a_key(bencher: Bencher<'_, '_>) {
    bencher.bench(|| SegmentKey::derive(black_box(b"secret"), black_box("cluster")));
}

/// Without the seal: what the bytes alone cost.
#[divan::bench]
fn parse_a_beacon(bencher: Bencher<'_, '_>) {
    let beacon = beacon();
    let mut bytes = Vec::new();
    codec::emit(&beacon, &mut bytes).expect("a beacon that can be");
    let kind = codec::kind_of(&beacon.body);
    bencher.bench(|| codec::parse(black_box(kind), black_box(&bytes)));
}
