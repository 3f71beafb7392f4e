use super::*;
use crate::layer2::wire::Mac;

const ME: NodeId = NodeId([1; 16]);
const HOLDER: NodeId = NodeId([2; 16]);
const ANOTHER: NodeId = NodeId([3; 16]);
const SILENT: Wire = Wire::Unanswered(Mac([2; 6]));

fn ip(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

fn finding(last: u8, wire: Wire) -> Finding {
    Finding {
        address: ip(last),
        holder: HOLDER,
        wire,
    }
}

fn at(seconds: u64) -> Moment {
    Moment::after_origin(Duration::from_secs(seconds))
}

/// Rule W5.
#[test]
fn what_is_wrong_is_said_at_once_and_every_ten_seconds_and_once_when_it_is_well_again() {
    let mut looks = Looks::new(ME);
    let mut said = Vec::new();
    for second in 0..60 {
        let wire = if (5..37).contains(&second) {
            SILENT
        } else {
            Wire::Ok
        };
        looks.found(finding(1, wire), at(second));
        said.extend(
            looks
                .take_due(at(second))
                .into_iter()
                .map(|one| (second, one.wire)),
        );
    }
    let expected = [
        (5, SILENT),
        (15, SILENT),
        (25, SILENT),
        (35, SILENT),
        (37, Wire::Ok),
    ];
    assert_eq!(said, expected);
}

#[test]
fn what_was_well_from_the_start_is_not_said() {
    let mut looks = Looks::new(ME);
    assert!(!looks.found(finding(1, Wire::Ok), at(0)));
    assert!(looks.take_due(at(100)).is_empty());
    assert_eq!(looks.news, News::Quiet);
}

/// Rule W5.
#[test]
fn many_findings_are_said_in_messages_that_others_can_read() {
    let mut looks = Looks::new(ME);
    for last in 0..50 {
        looks.found(finding(last, SILENT), at(0));
    }
    let lengths = (0..4).map(|_| looks.take_due(at(1)).len());
    assert_eq!(lengths.collect::<Vec<_>>(), [MOST_FINDINGS, MOST_FINDINGS, 10, 0]);
}

#[test]
fn the_rest_of_a_holder_is_hurried_once_when_it_falls_silent_and_once_when_it_answers_again() {
    let mut looks = Looks::new(ME);
    let all: Vec<Finding> = (0..4).map(|last| finding(last, Wire::Ok)).collect();
    assert!(!all.iter().any(|one| looks.found(*one, at(0))));
    let fell: Vec<bool> = (0..4)
        .map(|last| looks.found(finding(last, SILENT), at(1)))
        .collect();
    assert_eq!(fell, [true, false, false, false]);
    looks.expire(at(2));
    let rose: Vec<bool> = (0..4)
        .map(|last| looks.found(finding(last, Wire::Ok), at(3)))
        .collect();
    assert_eq!(rose, [true, false, false, false]);
    looks.expire(at(4));
    assert!(looks.found(finding(1, SILENT), at(5)));
}

#[test]
fn what_another_finds_is_known_until_it_says_otherwise_or_nothing() {
    let mut looks = Looks::new(ME);
    looks.heard(ANOTHER, &finding(1, SILENT), at(0));
    let known = |looks: &Looks| looks.iter().map(|(_, known)| known.witness).collect::<Vec<_>>();
    assert_eq!((known(&looks), looks.news), (vec![ANOTHER], News::Urgent));
    assert!(looks.take_due(at(50)).is_empty(), "it is not this node's to say");
    looks.expire(at(119));
    assert_eq!(known(&looks), [ANOTHER]);
    looks.expire(at(120));
    assert_eq!(known(&looks), []);
    looks.heard(ANOTHER, &finding(1, SILENT), at(200));
    looks.heard(ANOTHER, &finding(1, Wire::Ok), at(201));
    assert_eq!(known(&looks), []);
}

#[test]
fn a_new_witness_says_that_all_is_well_if_the_last_one_found_something_wrong() {
    let mut looks = Looks::new(ME);
    looks.heard(ANOTHER, &finding(1, SILENT), at(0));
    looks.found(finding(1, Wire::Ok), at(10));
    assert_eq!(looks.take_due(at(10)), [finding(1, Wire::Ok)]);
}

#[test]
fn what_moved_or_is_left_to_others_is_not_known_any_more() {
    let mut looks = Looks::new(ME);
    looks.found(finding(1, SILENT), at(0));
    looks.heard(ANOTHER, &finding(2, SILENT), at(0));
    looks.take_due(at(0));
    looks.left_to_others(ip(1));
    looks.left_to_others(ip(2));
    assert!(looks.again(9).is_empty(), "another asks for it now");
    assert_eq!(
        looks.take_due(at(1)),
        [finding(1, SILENT)],
        "the one who does may not know"
    );
    assert_eq!(
        looks.iter().map(|(address, _)| address).collect::<Vec<_>>(),
        [ip(2)]
    );
    looks.forget(ip(2));
    assert_eq!(looks.iter().count(), 0);
    assert!(looks.take_due(at(100)).is_empty());
}

/// Rule W5.
#[test]
fn a_witness_that_comes_back_says_that_all_is_well_although_it_was_away_when_something_was_wrong() {
    let (mut leaving, mut coming) = (Looks::new(ANOTHER), Looks::new(ME));
    leaving.found(finding(1, SILENT), at(0));
    leaving.take_due(at(0));
    leaving.left_to_others(ip(1));
    for finding in leaving.take_due(at(3)) {
        coming.heard(ANOTHER, &finding, at(3));
    }
    coming.found(finding(1, Wire::Ok), at(4));
    assert_eq!(coming.take_due(at(4)), [finding(1, Wire::Ok)]);
}

#[test]
fn who_becomes_the_witness_again_before_it_said_so_goes_on() {
    let mut looks = Looks::new(ME);
    looks.found(finding(1, SILENT), at(0));
    looks.take_due(at(0));
    looks.left_to_others(ip(1));
    looks.found(finding(1, SILENT), at(1));
    assert!(looks.take_due(at(2)).is_empty());
    assert_eq!(looks.again(9), [ip(1)]);
}

#[test]
fn what_is_wrong_is_asked_for_again_in_turn() {
    let mut looks = Looks::new(ME);
    for last in 1..=3 {
        looks.found(finding(last, SILENT), at(0));
    }
    looks.found(finding(4, Wire::Ok), at(0));
    let turns: Vec<Vec<IpAddr>> = (0..3).map(|_| looks.again(2)).collect();
    assert_eq!(
        turns,
        [vec![ip(1), ip(2)], vec![ip(3), ip(1)], vec![ip(2), ip(3)]]
    );
}

/// Since when something is wrong does not change with what is found again.
#[test]
fn the_beginning_is_kept() {
    let mut looks = Looks::new(ME);
    for second in [3, 13, 23] {
        looks.found(finding(1, SILENT), at(second));
        looks.heard(ANOTHER, &finding(2, SILENT), at(second));
    }
    let since: Vec<Moment> = looks.iter().map(|(_, known)| known.since).collect();
    assert_eq!(since, [at(3), at(3)]);
}

/// Rule N5: what this node found before the first use is not the witness's to ask for again, to say or to hold against
/// anybody.
#[test]
fn what_another_station_has_before_its_first_use_is_known_and_left_to_the_protocol() {
    for finder in [ME, ANOTHER] {
        let mut looks = Looks::new(ME);
        let taken = Finding {
            address: ip(1),
            holder: finder,
            wire: Wire::Foreign(Mac([9; 6])),
        };
        assert!(!looks.heard(finder, &taken, at(0)), "nobody is in doubt");
        assert_eq!(looks.news, News::Urgent);
        let known: Vec<_> = looks
            .iter()
            .map(|(address, known)| (address, known.wire))
            .collect();
        assert_eq!(known, [(ip(1), taken.wire)]);
        looks.left_to_others(ip(1));
        assert!(looks.again(9).is_empty() && looks.take_due(at(100)).is_empty());
        looks.heard(finder, &taken, at(100));
        looks.expire(at(219));
        assert_eq!(looks.iter().count(), 1, "it was said again");
        looks.expire(at(220));
        assert_eq!(looks.iter().count(), 0);
    }
}
