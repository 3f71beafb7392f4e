use rstest::rstest;

use super::*;

const TERMS: Terms = Terms::DEFAULT;
const WALL: Stamp = Stamp(1_000_000);

/// A candidate with its clock, which starts at 0 s.
struct Bench {
    candidate: Candidate,
    start: Instant,
    seconds: u64,
}

fn version(number: u32) -> Version {
    Version(number.to_string())
}

/// The lease of somebody else, acquired for the third time.
fn held_by(holder: &str) -> Record {
    Record {
        holder: Some(holder.to_owned()),
        duration: Some(Duration::from_secs(15)),
        acquired: Some(Stamp(5)),
        transitions: 3,
    }
}

fn released() -> Record {
    Record {
        holder: None,
        duration: Some(RELEASED_DURATION),
        ..held_by("")
    }
}

impl Bench {
    fn new() -> Self {
        Self {
            candidate: Candidate::new("me_1".to_owned(), TERMS),
            start: Instant::now(),
            seconds: 0,
        }
    }

    /// Leads since 0 s: version 1 of the Lease is ours.
    fn leading() -> Self {
        let mut bench = Self::new();
        bench.read(None);
        bench.written();
        bench.wrote(Outcome::Landed(version(1)));
        assert!(bench.may_write());
        bench
    }

    /// Follows since 0 s: version 1 is another's.
    fn following() -> Self {
        let mut bench = Self::new();
        bench.read(Some((version(1), held_by("other"))));
        assert_eq!(bench.next(), bench.wait(15));
        bench
    }

    fn now(&self) -> Instant {
        self.second(self.seconds)
    }

    fn second(&self, second: u64) -> Instant {
        self.start + Duration::from_secs(second)
    }

    fn at(&mut self, second: u64) -> &mut Self {
        self.seconds = second;
        self
    }

    fn next(&mut self) -> Next {
        self.candidate.next(self.now(), WALL)
    }

    fn wait(&self, second: u64) -> Next {
        Next::Wait(Some(self.second(second)))
    }

    /// The write the candidate asks for now.
    #[track_caller]
    fn written(&mut self) -> Write {
        match self.next() {
            Next::Write(write) => write,
            other => panic!("no write but {other:?}"),
        }
    }

    #[track_caller]
    fn read(&mut self, found: Option<(Version, Record)>) {
        assert_eq!(self.next(), Next::Read);
        self.candidate.read(found, self.now());
    }

    fn watched(&mut self, number: u32, record: Record) -> bool {
        self.candidate.watched(version(number), record, self.now())
    }

    fn wrote(&mut self, outcome: Outcome) {
        self.candidate.wrote(outcome, self.now(), Jitter::NONE);
        self.candidate.next(self.now(), WALL);
    }

    fn may_write(&self) -> bool {
        self.candidate.leadership().may_write(self.now())
    }

    fn leader(&self) -> Option<String> {
        match self.candidate.leadership() {
            Leadership::Follow { leader } => leader,
            Leadership::Lead { .. } => panic!("leads"),
        }
    }
}

#[test]
fn the_lease_is_read_first() {
    assert_eq!(Bench::new().next(), Next::Read);
}

#[test]
fn an_absent_lease_is_created() {
    let mut bench = Bench::new();
    bench.read(None);
    let write = bench.written();
    assert_eq!(write.base, None);
    assert_eq!(write.record.holder.as_deref(), Some("me_1"));
    assert_eq!(write.record.duration, Some(TERMS.lease_duration));
    assert_eq!(write.record.transitions, 0);
}

#[test]
fn only_a_write_that_landed_makes_a_leader() {
    let mut bench = Bench::new();
    bench.read(None);
    bench.written();
    assert!(!bench.may_write());
    bench.wrote(Outcome::Landed(version(1)));
    assert!(bench.may_write());
}

#[test]
fn leadership_counts_from_before_the_request_was_sent() {
    let mut bench = Bench::new();
    bench.read(None);
    bench.written();
    bench.at(3).wrote(Outcome::Landed(version(1)));
    let valid_until = bench.second(10);
    let expected = Leadership::Lead { term: 0, valid_until };
    assert_eq!(bench.candidate.leadership(), expected);
}

#[test]
fn an_answer_after_the_deadline_makes_no_leader() {
    let mut bench = Bench::new();
    bench.read(None);
    bench.written();
    bench.at(10).wrote(Outcome::Landed(version(1)));
    assert!(!bench.may_write());
}

#[test]
fn leadership_ends_at_the_deadline_even_if_nobody_asks_the_candidate() {
    let mut bench = Bench::leading();
    assert!(bench.at(9).may_write());
    assert!(!bench.at(10).may_write());
}

#[test]
fn a_renewal_is_due_every_retry_period() {
    let mut bench = Bench::leading();
    assert_eq!(bench.next(), bench.wait(2));
    let write = bench.at(2).written();
    assert_eq!(write.base, Some(version(1)));
    assert_eq!(write.record.acquired, Some(WALL));
}

#[test]
fn a_renewal_extends_the_same_term() {
    let mut bench = Bench::leading();
    bench.at(2).written();
    bench.wrote(Outcome::Landed(version(2)));
    let valid_until = bench.second(12);
    let expected = Leadership::Lead { term: 0, valid_until };
    assert_eq!(bench.candidate.leadership(), expected);
}

#[rstest]
#[case::unknown(Outcome::Unknown)]
#[case::failed(Outcome::Failed)]
fn a_renewal_that_is_not_known_to_have_landed_extends_nothing(#[case] outcome: Outcome) {
    let mut bench = Bench::leading();
    bench.at(2).written();
    bench.at(5).wrote(outcome);
    assert!(bench.at(9).may_write());
    assert!(!bench.at(10).may_write());
}

#[test]
fn after_an_unknown_outcome_the_lease_is_read_and_renewed_on_what_is_found() {
    let mut bench = Bench::leading();
    let late = bench.at(2).written().record;
    bench.wrote(Outcome::Unknown);
    assert_eq!(bench.next(), bench.wait(4));
    bench.at(4).read(Some((version(2), late)));
    let write = bench.written();
    assert_eq!(write.base, Some(version(2)));
    bench.wrote(Outcome::Landed(version(3)));
    assert!(bench.at(13).may_write());
}

#[test]
fn a_failed_write_is_repeated_after_a_pause() {
    let mut bench = Bench::leading();
    bench.at(2).written();
    bench.wrote(Outcome::Failed);
    assert_eq!(bench.next(), bench.wait(4));
    assert_eq!(bench.at(4).written().base, Some(version(1)));
}

#[test]
fn a_failed_read_is_repeated_after_a_pause() {
    let mut bench = Bench::new();
    assert_eq!(bench.next(), Next::Read);
    bench.candidate.read_failed(bench.now(), Jitter::NONE);
    assert_eq!(bench.next(), bench.wait(2));
    assert_eq!(bench.at(2).next(), Next::Read);
}

#[test]
fn jitter_shortens_a_pause() {
    let mut bench = Bench::new();
    bench.next();
    let jitter = Jitter::from_parts(1 << 31);
    bench.candidate.read_failed(bench.now(), jitter);
    let expected = bench.start + Duration::from_millis(1500);
    assert_eq!(bench.next(), Next::Wait(Some(expected)));
}

#[test]
fn a_conflict_ends_leadership_at_once() {
    let mut bench = Bench::leading();
    bench.at(2).written();
    bench.wrote(Outcome::Conflict);
    assert!(!bench.may_write());
}

#[test]
fn after_a_conflict_the_lease_is_read_at_once_and_the_thief_is_followed() {
    let mut bench = Bench::leading();
    bench.at(2).written();
    bench
        .candidate
        .wrote(Outcome::Conflict, bench.now(), Jitter::NONE);
    bench.read(Some((version(2), held_by("thief"))));
    assert_eq!(bench.leader().as_deref(), Some("thief"));
    assert_eq!(bench.next(), bench.wait(17));
}

#[test]
fn who_sees_that_the_lease_was_stolen_follows_at_once() {
    let mut bench = Bench::leading();
    assert!(bench.at(1).watched(2, held_by("thief")));
    assert!(!bench.may_write());
    assert_eq!(bench.leader().as_deref(), Some("thief"));
}

#[test]
fn an_answer_to_a_renewal_that_came_before_the_theft_makes_no_leader() {
    let mut bench = Bench::leading();
    bench.at(2).written();
    bench.watched(3, held_by("thief"));
    bench.wrote(Outcome::Landed(version(2)));
    assert!(!bench.may_write());
    assert_eq!(bench.leader().as_deref(), Some("thief"));
}

#[test]
fn what_the_watch_shows_late_is_no_news() {
    let mut bench = Bench::leading();
    bench.at(2).written();
    bench.wrote(Outcome::Landed(version(10)));
    assert!(!bench.watched(9, held_by("other")));
    assert!(bench.may_write());
}

#[test]
fn a_change_of_our_record_that_leaves_it_ours_changes_nothing_but_the_version() {
    let mut bench = Bench::leading();
    let mut edited = bench.at(2).written().record;
    bench.wrote(Outcome::Landed(version(2)));
    edited.duration = Some(Duration::from_secs(1));
    bench.watched(3, edited);
    assert!(bench.may_write());
    let write = bench.at(4).written();
    assert_eq!(write.base, Some(version(3)));
    assert_eq!(write.record.duration, Some(TERMS.lease_duration));
}

#[test]
fn anothers_lease_is_left_alone_for_its_duration_since_we_first_saw_it() {
    let mut bench = Bench::following();
    assert_eq!(bench.leader().as_deref(), Some("other"));
    assert_eq!(bench.at(14).next(), bench.wait(15));
}

#[test]
fn the_duration_in_the_record_counts() {
    let mut bench = Bench::new();
    let duration = Some(Duration::from_secs(60));
    let record = Record {
        duration,
        ..held_by("other")
    };
    bench.read(Some((version(1), record)));
    assert_eq!(bench.next(), bench.wait(60));
}

#[test]
fn each_change_starts_the_wait_anew() {
    let mut bench = Bench::following();
    bench.at(7).watched(2, held_by("other"));
    assert_eq!(bench.next(), bench.wait(22));
}

#[test]
fn seeing_the_same_version_again_does_not() {
    let mut bench = Bench::following();
    bench.at(7).watched(1, held_by("other"));
    assert_eq!(bench.next(), bench.wait(15));
}

#[test]
fn an_expired_lease_is_read_once_more_before_it_is_claimed() {
    let mut bench = Bench::following();
    bench.at(15).read(Some((version(1), held_by("other"))));
    let write = bench.written();
    assert_eq!(write.base, Some(version(1)));
    assert_eq!(write.record.transitions, 4);
    bench.wrote(Outcome::Landed(version(2)));
    assert!(bench.may_write());
}

#[test]
fn a_renewal_that_the_watch_did_not_show_is_found_by_that_read() {
    let mut bench = Bench::following();
    bench.at(15).read(Some((version(9), held_by("other"))));
    assert_eq!(bench.next(), bench.wait(30));
}

#[test]
fn a_released_lease_is_taken_at_once() {
    let mut bench = Bench::following();
    bench.at(1).watched(2, released());
    assert_eq!(bench.leader(), None);
    assert_eq!(bench.written().base, Some(version(2)));
}

#[test]
fn who_loses_the_race_for_a_lease_follows_the_winner() {
    let mut bench = Bench::following();
    bench.watched(2, released());
    bench.written();
    bench
        .candidate
        .wrote(Outcome::Conflict, bench.now(), Jitter::NONE);
    bench.at(1).read(Some((version(3), held_by("winner"))));
    assert_eq!(bench.next(), bench.wait(16));
    assert_eq!(bench.leader().as_deref(), Some("winner"));
}

#[test]
fn a_lease_of_an_earlier_process_of_our_name_is_anothers() {
    let mut bench = Bench::new();
    bench.read(Some((version(1), held_by("me_1"))));
    assert_eq!(bench.next(), bench.wait(15));
    assert_eq!(bench.leader().as_deref(), Some("me_1"));
}

#[test]
fn a_claim_whose_answer_was_lost_is_recognised_but_gives_no_leadership_until_renewed() {
    let mut bench = Bench::new();
    bench.read(None);
    let late = bench.written().record;
    bench.wrote(Outcome::Unknown);
    bench.at(2).read(Some((version(1), late)));
    assert_eq!(bench.leader(), None);
    assert_eq!(bench.written().base, Some(version(1)));
    bench.wrote(Outcome::Landed(version(2)));
    assert!(bench.at(11).may_write());
}

#[test]
fn a_leader_that_missed_its_deadline_may_renew_if_nobody_took_the_lease() {
    let mut bench = Bench::leading();
    assert_eq!(bench.at(20).written().base, Some(version(1)));
    assert!(!bench.may_write());
    bench.wrote(Outcome::Landed(version(2)));
    assert!(bench.may_write());
}

#[test]
fn the_leader_makes_a_deleted_lease_again_and_leads_on() {
    let mut bench = Bench::leading();
    bench.at(1).candidate.vanished();
    assert!(bench.may_write());
    bench.read(None);
    assert!(bench.may_write());
    assert_eq!(bench.written().base, None);
    bench.wrote(Outcome::Landed(version(7)));
    let valid_until = bench.second(11);
    let expected = Leadership::Lead { term: 0, valid_until };
    assert_eq!(bench.candidate.leadership(), expected);
}

#[test]
fn deleting_a_lease_does_not_end_it() {
    let mut bench = Bench::following();
    bench.at(1).candidate.vanished();
    bench.read(None);
    assert_eq!(bench.next(), bench.wait(15));
    bench.at(15).read(None);
    assert_eq!(bench.written().base, None);
}

#[test]
fn who_resigns_stops_leading_before_the_lease_is_given_back() {
    let mut bench = Bench::leading();
    bench.at(1).candidate.resign();
    assert!(!bench.may_write());
    let write = bench.written();
    assert_eq!(write.base, Some(version(1)));
    assert_eq!(write.record.holder, None);
    assert_eq!(write.record.duration, Some(RELEASED_DURATION));
    bench.wrote(Outcome::Landed(version(2)));
    assert_eq!(bench.next(), Next::Done);
}

#[test]
fn a_renewal_under_way_is_awaited_before_the_lease_is_given_back() {
    let mut bench = Bench::leading();
    bench.at(2).written();
    bench.candidate.resign();
    assert_eq!(bench.next(), Next::Wait(None));
    let landed = Outcome::Landed(version(2));
    bench.candidate.wrote(landed, bench.now(), Jitter::NONE);
    assert!(!bench.may_write());
    assert_eq!(bench.written().base, Some(version(2)));
}

#[test]
fn after_an_unknown_renewal_the_version_to_give_back_is_read() {
    let mut bench = Bench::leading();
    let late = bench.at(2).written().record;
    bench.candidate.resign();
    bench.candidate.wrote(Outcome::Unknown, bench.now(), Jitter::NONE);
    bench.read(Some((version(2), late)));
    assert_eq!(bench.written().base, Some(version(2)));
}

#[rstest]
#[case::unknown(Outcome::Unknown)]
#[case::failed(Outcome::Failed)]
fn giving_back_is_tried_once(#[case] outcome: Outcome) {
    let mut bench = Bench::leading();
    bench.candidate.resign();
    bench.written();
    bench.candidate.wrote(outcome, bench.now(), Jitter::NONE);
    assert_eq!(bench.next(), Next::Done);
}

#[test]
fn a_stolen_lease_is_not_given_back() {
    let mut bench = Bench::leading();
    bench.candidate.resign();
    bench.written();
    bench
        .candidate
        .wrote(Outcome::Conflict, bench.now(), Jitter::NONE);
    bench.read(Some((version(2), held_by("thief"))));
    assert_eq!(bench.next(), Next::Done);
}

#[test]
fn a_follower_has_nothing_to_give_back() {
    let mut bench = Bench::following();
    bench.candidate.resign();
    assert_eq!(bench.next(), Next::Done);
}

#[test]
fn a_deleted_lease_is_not_made_again_to_give_it_back() {
    let mut bench = Bench::leading();
    bench.candidate.vanished();
    bench.candidate.resign();
    bench.read(None);
    assert_eq!(bench.next(), Next::Done);
}
