use proptest::prelude::*;
use rstest::rstest;

use super::*;

const HOLDER: NodeId = NodeId([1; 16]);
const OTHER: NodeId = NodeId([2; 16]);
/// Two stations of the holder, one of another node, and two that are no node's.
const MACS: [Mac; 5] = [mac(1), mac(2), mac(3), mac(8), mac(9)];

const fn mac(last: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, last])
}

struct Segment;

impl Stations for Segment {
    fn node_of(&self, station: Mac) -> Option<NodeId> {
        match station {
            one if one == MACS[0] || one == MACS[1] => Some(HOLDER),
            one if one == MACS[2] => Some(OTHER),
            _ => None,
        }
    }

    fn station_of(&self, node: NodeId) -> Option<Mac> {
        (node == HOLDER).then_some(MACS[0])
    }
}

fn address() -> IpAddr {
    "192.0.2.1".parse().unwrap()
}

/// What is said after so many questions, each of which these stations answered.
fn found(answers: &[Mac], questions: u32) -> Vec<Wire> {
    let mut inquiry = Inquiry::default();
    inquiry.begin(address(), HOLDER);
    let mut found = Vec::new();
    for _ in 0..questions {
        inquiry.asked(address());
        for station in answers {
            assert_eq!(inquiry.heard(address(), *station), found.is_empty());
        }
        found.extend(inquiry.judge(&Segment).into_iter().map(|(_, _, wire)| wire));
    }
    found
}

/// Rule W4.
#[rstest]
#[case::the_holder(&[0], Wire::Ok)]
#[case::another_interface_of_the_holder(&[1], Wire::Ok)]
#[case::both_interfaces_of_the_holder(&[0, 1], Wire::Ok)]
#[case::nobody(&[], Wire::Unanswered(MACS[0]))]
#[case::another_node(&[2], Wire::WrongMac(MACS[2], OTHER))]
#[case::a_stranger(&[3], Wire::Foreign(MACS[3]))]
#[case::a_stranger_too(&[0, 3], Wire::Several(MACS[3], None))]
#[case::another_node_too(&[0, 2], Wire::Several(MACS[2], Some(OTHER)))]
#[case::a_stranger_is_named_rather_than_a_node(&[0, 2, 4], Wire::Several(MACS[4], None))]
#[case::two_strangers(&[3, 4], Wire::Several(MACS[3], None))]
fn answers_mean(#[case] answers: &[usize], #[case] wire: Wire) {
    let answers: Vec<Mac> = answers.iter().map(|place| MACS[*place]).collect();
    assert_eq!(found(&answers, 3), [wire]);
    let before = found(&answers, 2);
    assert_eq!(
        before,
        if wire == Wire::Ok { vec![wire] } else { vec![] },
        "after two questions"
    );
}

#[test]
fn one_answer_of_the_holder_ends_it() {
    let mut inquiry = Inquiry::default();
    inquiry.begin(address(), HOLDER);
    for _ in 0..2 {
        inquiry.asked(address());
        assert!(inquiry.judge(&Segment).is_empty());
    }
    inquiry.asked(address());
    assert!(inquiry.heard(address(), MACS[0]));
    assert_eq!(inquiry.judge(&Segment), [(address(), HOLDER, Wire::Ok)]);
    assert!(inquiry.is_idle());
}

#[test]
fn what_was_not_asked_for_means_nothing() {
    let mut inquiry = Inquiry::default();
    assert!(!inquiry.heard(address(), MACS[3]));
    inquiry.begin(address(), HOLDER);
    inquiry.asked(address());
    inquiry.forget_all();
    assert!(!inquiry.heard(address(), MACS[3]) && inquiry.judge(&Segment).is_empty());
}

#[test]
fn silence_of_a_holder_whose_station_is_not_known_means_nothing() {
    let mut inquiry = Inquiry::default();
    inquiry.begin(address(), OTHER);
    for _ in 0..5 {
        inquiry.asked(address());
        assert!(inquiry.judge(&Segment).is_empty());
    }
}

proptest! {
    /// Rule W4: whatever is heard, an inquiry ends after three questions, and well is what the holder alone answers.
    #[test]
    fn an_inquiry_ends_and_says_well_only_of_the_holder_alone(
        answers in prop::collection::vec(prop::collection::btree_set(0..5_usize, 0..5), 3),
    ) {
        let mut inquiry = Inquiry::default();
        inquiry.begin(address(), HOLDER);
        let (mut last, mut decided) = (None, Vec::new());
        for stations in answers {
            if !decided.is_empty() {
                break;
            }
            inquiry.asked(address());
            for place in &stations {
                inquiry.heard(address(), MACS[*place]);
            }
            decided = inquiry.judge(&Segment);
            last = Some(stations);
        }
        let alone = last.is_some_and(|stations| !stations.is_empty() && stations.iter().all(|place| *place < 2));
        prop_assert_eq!(decided.len(), 1);
        prop_assert_eq!(decided[0].2 == Wire::Ok, alone);
        prop_assert!(inquiry.is_idle());
    }
}
