use super::*;

const A: Mac = Mac([2, 0, 0, 0, 0, 1]);
const B: Mac = Mac([2, 0, 0, 0, 0, 2]);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 221);

/// Answers from `from` to `to` every 10 ms, in milliseconds.
fn told(start: Instant, parts: &[(Mac, u64, u64)]) -> Vec<Answer> {
    let mut answers: Vec<Answer> = parts
        .iter()
        .flat_map(|(mac, from, to)| (*from..=*to).step_by(10).map(|ms| (*mac, ms)))
        .map(|(mac, ms)| Answer {
            at: start + Duration::from_millis(ms),
            address: ADDRESS,
            mac,
        })
        .collect();
    answers.sort_by_key(|answer| answer.at);
    answers
}

fn history(parts: &[(Mac, u64, u64)]) -> History {
    History::of(&told(Instant::now(), parts))
}

#[test]
fn an_address_that_one_always_answers_for_does_not_move() {
    assert!(history(&[(A, 0, 1000)]).moves().is_empty());
    assert!(
        history(&[(A, 0, 1000), (A, 1900, 3000)]).moves().is_empty(),
        "after a break"
    );
}

#[test]
fn each_change_is_a_move() {
    let back_again = history(&[(A, 0, 500), (B, 510, 1000), (A, 1010, 1500)]);
    assert_eq!(back_again.moves(), [(ADDRESS, 2)].into());
}

#[test]
fn a_short_second_answerer_is_one_move() {
    assert_eq!(
        history(&[(A, 0, 1000), (B, 500, 520)]).moves(),
        [(ADDRESS, 1)].into()
    );
}

#[test]
fn two_hold_an_address_from_the_first_answer_of_one_to_the_last_of_the_other() {
    let double = |parts: &[(Mac, u64, u64)]| history(parts).longest_double().as_millis();
    assert_eq!(double(&[(A, 0, 500), (B, 510, 1000)]), 0);
    assert_eq!(double(&[(A, 0, 500), (B, 300, 1000)]), 200);
    assert_eq!(double(&[(A, 0, 1000), (B, 300, 400)]), 100);
}

#[test]
fn the_last_loser_is_who_answers_no_more_in_the_end() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let history = History::of(&told(start, &[(A, 0, 500), (B, 300, 2000)]));
    assert_eq!(history.last_loser(at(2000)), Ok(Some(at(500))));
    assert_eq!(history.holders(at(2000)), [(ADDRESS, B)].into());
}

#[test]
fn two_in_the_end_are_no_holder() {
    let start = Instant::now();
    let end = start + Duration::from_millis(2000);
    let two = History::of(&told(start, &[(A, 0, 1990), (B, 300, 2000)]));
    assert!(two.last_loser(end).is_err());
    assert!(two.holders(end).is_empty());
    let none = History::of(&told(start, &[(A, 0, 1000)]));
    assert!(none.last_loser(end).is_err());
}

#[test]
fn an_answer_after_another_took_over_is_stale() {
    let start = Instant::now();
    let victims = BTreeSet::from([A]);
    assert_eq!(stale(&told(start, &[(A, 0, 500), (B, 510, 900)]), &victims), 0);
    assert_eq!(stale(&told(start, &[(A, 0, 500), (B, 485, 905)]), &victims), 2);
    assert_eq!(
        stale(&told(start, &[(B, 0, 500), (A, 505, 515)]), &BTreeSet::from([B])),
        0
    );
}

#[test]
fn a_silence_lies_between_two_answers() {
    let answers = told(Instant::now(), &[(A, 0, 500), (B, 730, 900)]);
    assert_eq!(longest_silence(&answers), Duration::from_millis(230));
}
