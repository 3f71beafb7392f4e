//! What both ends agree on.

use rstest::rstest;

use super::*;
use crate::bgp::wire::open_error;

fn sent_open(stage: &mut Stage) -> Open {
    let (kind, body) = stage.sent().remove(0);
    assert_eq!(kind, Kind::Open);
    Open::parse(&body).unwrap()
}

#[test]
fn an_open_says_what_can_be_done() {
    let mut stage = Stage::new(PeerSpec {
        host_name: Some("n1".to_owned()),
        ..spec()
    });
    let open = sent_open(stage.connect());
    assert_eq!(
        (open.asn, open.hold, open.identifier),
        (Asn(64512), 90, [192, 0, 2, 11].into())
    );
    let can = open.capabilities;
    assert_eq!(can.families, BTreeSet::from([Family::V4, Family::V6]));
    assert!(can.route_refresh && can.extended_messages && !can.extended_next_hop);
    assert_eq!(can.host_name.as_deref(), Some("n1"));
}

#[rstest]
#[case(Start::Cold, false, false)]
#[case(Start::Restarted, true, true)]
fn a_restart_is_said_once(#[case] start: Start, #[case] restarted: bool, #[case] forwarding: bool) {
    let mut stage = Stage::started(spec(), start);
    let restart = sent_open(stage.connect()).capabilities.graceful_restart.unwrap();
    assert_eq!(restart.restarted, restarted);
    assert!(restart.families.iter().all(|kept| kept.forwarding == forwarding));
    assert!(!restart.notifications);
    assert_eq!((restart.time, restart.families.len()), (s(60), 2));
    // Later sessions of this process come after no restart, and it forwarded all the while.
    stage.say(|out| router_open().emit(out)).say(wire::keepalive);
    stage.give(Input::Wanted(table(&[]))).pass(ms(10));
    stage.give(Input::TcpFailed("reset")).pass(ms(300)).sent();
    let restart = sent_open(stage.give(Input::TcpUp(next_hops())))
        .capabilities
        .graceful_restart
        .unwrap();
    assert!(!restart.restarted && restart.families.iter().all(|kept| kept.forwarding));
}

/// The end of all routes makes the peer drop what it kept: until it is said the restart is not over.
#[test]
fn a_restart_is_said_again_as_long_as_the_peer_lacks_routes() {
    let mut stage = Stage::started(spec(), Start::Restarted);
    stage
        .establish()
        .give(Input::TcpFailed("reset"))
        .pass(ms(300))
        .sent();
    let restart = sent_open(stage.give(Input::TcpUp(next_hops())))
        .capabilities
        .graceful_restart
        .unwrap();
    assert!(restart.restarted);
}

#[test]
fn without_an_ipv4_next_hop_an_ipv6_one_is_offered() {
    let mut stage = Stage::new(spec());
    let hops = NextHops {
        v4: None,
        ..next_hops()
    };
    let open = sent_open(stage.give(Input::Start).give(Input::TcpUp(hops)));
    assert!(open.capabilities.extended_next_hop);
}

#[rstest]
#[case::bad_as(|open: &mut Open| open.capabilities.four_octets = Some(Asn(64501)), open_error::BAD_PEER_AS)]
#[case::as_of_nobody(|open: &mut Open| open.capabilities.four_octets = Some(Asn(0)), open_error::BAD_PEER_AS)]
#[case::no_identifier(|open: &mut Open| open.identifier = [0; 4].into(), open_error::BAD_IDENTIFIER)]
#[case::hold_time(|open: &mut Open| open.hold = 2, open_error::HOLD_TIME)]
fn an_open_that_does_not_do_is_refused(#[case] bend: fn(&mut Open), #[case] reason: (u8, u8)) {
    let mut stage = Stage::new(spec());
    let mut open = router_open();
    bend(&mut open);
    stage.connect().say(|out| open.emit(out));
    assert_eq!(stage.told().unwrap().reason(), reason);
}

#[test]
fn a_peer_without_a_common_family_is_refused_with_what_it_lacks() {
    let mut stage = Stage::new(PeerSpec {
        families: BTreeSet::from([Family::V6]),
        ..spec()
    });
    let mut open = router_open();
    open.capabilities.families.clear();
    stage.connect().say(|out| open.emit(out));
    let told = stage.told().unwrap();
    assert_eq!(
        (told.reason(), told.data),
        (open_error::CAPABILITY, vec![1, 4, 0, 2, 0, 1])
    );
}

#[rstest]
#[case::own(PeerAsn::Internal, 64512, true)]
#[case::other(PeerAsn::Internal, 64500, false)]
#[case::own(PeerAsn::External, 64512, false)]
#[case::other(PeerAsn::External, 64500, true)]
#[case::named_own(PeerAsn::Is(Asn(64512)), 64512, true)]
fn an_as_may_be_any_that_is_own_or_is_not(
    #[case] peer_asn: PeerAsn,
    #[case] said: u32,
    #[case] is_right: bool,
) {
    let mut stage = Stage::new(PeerSpec { peer_asn, ..spec() });
    let mut open = router_open();
    open.asn = Asn(said);
    open.capabilities.four_octets = Some(Asn(said));
    stage.connect().say(|out| open.emit(out));
    assert_eq!(stage.state() == State::OpenConfirm, is_right);
    if is_right {
        let internal = stage.session.status().negotiated.as_ref().unwrap().internal;
        assert_eq!(internal, said == 64512);
    }
}

/// RFC 6286: within an AS an identifier is of one router, between two it may be of both.
#[rstest]
#[case(64512, false)]
#[case(64500, true)]
fn the_own_identifier_is_refused_within_the_as(#[case] asn: u32, #[case] is_right: bool) {
    let mut stage = Stage::new(PeerSpec {
        peer_asn: PeerAsn::Is(Asn(asn)),
        ..spec()
    });
    let mut open = router_open();
    (open.asn, open.identifier) = (Asn(asn), [192, 0, 2, 11].into());
    open.capabilities.four_octets = Some(Asn(asn));
    stage.connect().say(|out| open.emit(out));
    assert_eq!(stage.state() == State::OpenConfirm, is_right);
}

#[test]
fn the_as_that_is_shown_is_the_only_one_a_peer_sees() {
    let mut stage = Stage::new(PeerSpec {
        shown_asn: Some(Asn(65001)),
        ..spec()
    });
    stage
        .establish()
        .give(Input::Wanted(table(&["198.51.100.7/32"])))
        .pass(ms(10));
    let sent = stage.sent();
    assert_eq!(Open::parse(&sent[0].1).unwrap().asn, Asn(65001));
    let path = [0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9];
    let update = &sent.iter().find(|(kind, _)| *kind == Kind::Update).unwrap().1;
    assert!(update.windows(path.len()).any(|window| window == path));
}

#[rstest]
#[case(90, 9, Some(ms(3000)))]
#[case(9, 90, Some(ms(3000)))]
#[case(0, 90, None)]
#[case(90, 0, None)]
#[case(3, 3, Some(ms(1000)))]
fn the_lesser_hold_time_is_agreed(
    #[case] ours: u16,
    #[case] theirs: u16,
    #[case] keepalive: Option<Duration>,
) {
    let mut stage = Stage::new(PeerSpec {
        hold: Hold::new(ours).unwrap(),
        ..spec()
    });
    let open = Open {
        hold: theirs,
        ..router_open()
    };
    stage.give(Input::Start).meet(&open);
    let agreed = stage.session.status().negotiated.clone().unwrap();
    assert_eq!(
        (agreed.hold.seconds(), agreed.keepalive),
        (ours.min(theirs), keepalive)
    );
}
