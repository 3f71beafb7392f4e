use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::message::{Beacon, Body, Boot, ContentDigest, Instance, NodeId, Standing, State, Version};

const UID: &str = "6f1e0c1a-3b56-4c0e-9d55-0f2f6a1f7b11";
const SOURCE: Mac = Mac([2, 0, 0, 0, 0, 1]);
const PEER: Mac = Mac([2, 0, 0, 0, 0, 2]);

fn key(secret: &str) -> SegmentKey {
    SegmentKey::derive(secret.as_bytes(), UID)
}

fn keys() -> KeyRing {
    KeyRing::new(key("secret"), None)
}

fn message() -> Message {
    let beacon = Beacon {
        uptime: Duration::from_millis(0x1112_1314_1516_1718),
        interval: Duration::from_millis(100),
        multiplier: 3,
        state: State::Active,
        standing: Standing {
            draining: false,
            hold_down: true,
        },
        heard: Version(7),
        claims: Version(9),
        digest: ContentDigest(0x2122_2324_2526_2728),
    };
    Message {
        from: Instance {
            node: NodeId::of(&"node-1".into()),
            boot: Boot(0x0102_0304_0506_0708),
        },
        sequence: 42,
        body: Body::Beacon(beacon),
    }
}

fn beacon() -> Vec<u8> {
    seal(&keys(), [SOURCE, GROUP], None, &message()).unwrap()
}

/// The source of a frame and what it says.
fn open(keys: &KeyRing, frame: &[u8], ip: Option<IpAddr>) -> Result<(Mac, Message), Refused> {
    let sealed = Sealed::read(keys, frame)?;
    Ok((sealed.source, sealed.open(ip)?))
}

fn opened() -> Result<(Mac, Message), Refused> {
    Ok((SOURCE, message()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Made with Python's `hmac`, `hashlib` and `struct`, from the words of RFC 5869 and of `docs/protocol.md`: the tag, and
/// the first half of the HMAC-SHA-256 of `abc` with the key (S1).
#[rstest]
#[case(b"secret", UID, "9500", "e4c646295d56c3f192353823c367d672")]
#[case(b"secret", "other", "5114", "aca5f22d9810bf2aaf573f93892ca361")]
#[case(b"", "", "2948", "00ac7c57acee29d746911bc21d301ee0")]
#[case(&std::array::from_fn::<u8, 100, _>(|byte| byte as u8), UID, "3699", "b17748cc9e6d6d71a60962e8da73bb80")]
fn a_key_is_what_another_implementation_derives(
    #[case] secret: &[u8],
    #[case] cluster: &str,
    #[case] tag: &str,
    #[case] sealed: &str,
) {
    let key = SegmentKey::derive(secret, cluster);
    assert_eq!(hex(&key.tag().to_be_bytes()), tag);
    assert_eq!(hex(&key.seal(b"abc", b"")), sealed);
}

/// Made with Python's `hmac`, `hashlib` and `struct`, from the words of `docs/protocol.md` (F1, F3, F4).
#[test]
fn a_beacon_is_what_another_implementation_makes() {
    let made = "03464552524f02000000000188b502019500004735971be6e9bb024a895582fe\
                0e42e0480102030405060708000000000000002a020201020300641112131415\
                16171800000000000000070000000000000009212223242526272899b8b328d5\
                b439d0a8308e6dc1dc6e91";
    assert_eq!(hex(&beacon()), made);
    assert_eq!(beacon().len(), BEACON_FRAME);
}

#[test]
fn what_was_sealed_is_opened() {
    assert_eq!(open(&keys(), &beacon(), None), opened());
}

#[test]
fn a_frame_to_one_station_is_opened_like_one_to_the_group() {
    let frame = seal(&keys(), [SOURCE, PEER], None, &message()).unwrap();
    assert_eq!(frame[..6], PEER.0);
    assert_eq!(frame[6..], beacon()[6..]);
    assert_eq!(open(&keys(), &frame, None), opened());
}

#[test]
fn a_frame_with_any_bit_flipped_is_refused() {
    for bit in 6 * 8..BEACON_FRAME * 8 {
        let mut frame = beacon();
        frame[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&keys(), &frame, None).is_err(), "bit {bit}");
    }
}

/// Rule S2.
#[test]
fn a_frame_cut_anywhere_is_truncated() {
    for length in 0..BEACON_FRAME {
        assert_eq!(
            open(&keys(), &beacon()[..length], None),
            Err(Refused::Truncated),
            "{length}"
        );
    }
}

/// No message of ours is short enough for Ethernet to pad its frame; the length decides nevertheless.
#[rstest]
#[case(1)]
#[case(60)]
fn what_comes_after_the_seal_is_padding(#[case] bytes: usize) {
    let mut frame = beacon();
    frame.resize(BEACON_FRAME + bytes, 0);
    assert_eq!(open(&keys(), &frame, None), opened());
}

/// It is 36 bytes long and thus padded to 60; its seal is right, and only what it says is too short.
#[test]
fn a_frame_padded_to_sixty_bytes_is_opened_up_to_its_seal() {
    let key = key("secret");
    let mut frame = beacon()[..MESSAGE].to_vec();
    frame[MESSAGE - 2..].fill(0);
    let seal = key.seal(&frame[COVERED..], b"");
    frame.extend_from_slice(&seal);
    frame.resize(60, 0);
    assert_eq!(
        open(&keys(), &frame, None),
        Err(Refused::Malformed(Malformed::Short))
    );
    frame[MESSAGE] ^= 1;
    assert_eq!(open(&keys(), &frame, None), Err(Refused::BadSeal));
}

/// Rule S2.
#[rstest]
#[case::arp(12, 0x08, Refused::NotOurs, "not_ours")]
#[case::a_later_version(14, 3, Refused::OtherVersion(3), "other_version")]
#[case::another_kind(15, 2, Refused::BadSeal, "bad_seal")]
#[case::another_key(16, 0, Refused::OtherKey, "other_key")]
#[case::longer_than_it_is(19, 0x48, Refused::Truncated, "truncated")]
#[case::longer_than_can_be(18, 0xff, Refused::Malformed(Malformed::Long(0xff47)), "malformed")]
#[case::another_source(11, 2, Refused::BadSeal, "bad_seal")]
#[case::another_message(40, 0xff, Refused::BadSeal, "bad_seal")]
fn a_frame_with_this_byte_is_refused(
    #[case] at: usize,
    #[case] byte: u8,
    #[case] why: Refused,
    #[case] label: &str,
) {
    let mut frame = beacon();
    frame[at] = byte;
    assert_eq!(open(&keys(), &frame, None), Err(why));
    assert_eq!(why.label(), label);
}

/// Rule S1.
#[rstest]
#[case::first("secret", "old", true)]
#[case::second("new", "secret", true)]
#[case::neither("new", "old", false)]
fn either_key_opens(#[case] first: &str, #[case] second: &str, #[case] opens: bool) {
    let keys = KeyRing::new(key(first), Some(key(second)));
    let expected = if opens { opened() } else { Err(Refused::OtherKey) };
    assert_eq!(open(&keys, &beacon(), None), expected);
}

/// Rule S1.
#[test]
fn the_first_key_seals() {
    let both = KeyRing::new(key("secret"), Some(key("old")));
    assert_eq!(seal(&both, [SOURCE, GROUP], None, &message()), Ok(beacon()));
}

/// Tags are short: among these secrets two have the same one.
#[test]
fn two_keys_with_the_same_tag_are_told_apart() {
    let mut seen = std::collections::BTreeMap::new();
    let (one, other) = (0..5000)
        .map(|number| number.to_string())
        .find_map(|secret| Some((seen.insert(key(&secret).tag(), secret.clone())?, secret)))
        .unwrap();
    let frame = seal(
        &KeyRing::new(key(&other), None),
        [SOURCE, GROUP],
        None,
        &message(),
    )
    .unwrap();
    assert_eq!(
        open(&KeyRing::new(key(&one), Some(key(&other))), &frame, None),
        opened()
    );
    assert_eq!(
        open(&KeyRing::new(key(&one), None), &frame, None),
        Err(Refused::BadSeal)
    );
}

#[test]
fn a_frame_of_another_cluster_with_the_same_secret_is_refused() {
    let other = KeyRing::new(SegmentKey::derive(b"secret", "other"), None);
    assert_eq!(open(&other, &beacon(), None), Err(Refused::OtherKey));
}

#[test]
fn a_key_does_not_show_itself() {
    assert_eq!(format!("{:?}", key("secret")), "SegmentKey(9500)");
}

#[test]
fn what_nobody_would_read_is_not_sealed() {
    let mut message = message();
    message.sequence = 0;
    assert_eq!(
        seal(&keys(), [SOURCE, GROUP], None, &message),
        Err(Malformed::Sequence)
    );
}

mod in_datagrams {
    use super::*;

    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    /// Rule U2.
    #[test]
    fn the_address_it_comes_from_is_sealed() {
        let keys = keys();
        let sealed = seal(&keys, [SOURCE, GROUP], Some(IP), &message()).unwrap();
        assert_eq!(open(&keys, &sealed, Some(IP)), opened());
        let other = Some(IpAddr::from([192, 0, 2, 2]));
        assert_eq!(open(&keys, &sealed, other), Err(Refused::BadSeal));
    }

    /// Rules U1, U2.
    #[test]
    fn what_is_sealed_for_one_transport_is_refused_by_the_other() {
        let keys = keys();
        let datagram = seal(&keys, [SOURCE, GROUP], Some(IP), &message()).unwrap();
        let frame = seal(&keys, [SOURCE, GROUP], None, &message()).unwrap();
        assert_eq!(open(&keys, &datagram, None), Err(Refused::BadSeal));
        assert_eq!(open(&keys, &frame, Some(IP)), Err(Refused::BadSeal));
    }
}
