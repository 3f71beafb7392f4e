use rstest::rstest;

use super::*;
use crate::bfd::{Cause, Diagnostic, Report, State};

const DETECTION: Duration = Duration::from_millis(900);

#[rstest]
#[case(State::Init, State::Up, Cause::Heard, Some(Liveness::Up))]
#[case(State::Up, State::Down, Cause::Expired, Some(Liveness::Expired))]
#[case(State::Up, State::Down, Cause::Signalled(Diagnostic::NeighborDown), Some(Liveness::Signalled { detection: DETECTION }))]
#[case(State::Up, State::Down, Cause::PeerAdminDown, Some(Liveness::Unknown))]
#[case(State::Up, State::AdminDown, Cause::Admin, Some(Liveness::Unknown))]
#[case(State::Down, State::Init, Cause::Heard, None)]
#[case(State::Init, State::Down, Cause::Expired, None)]
fn a_report_says_something_of_the_peer_or_nothing(
    #[case] from: State,
    #[case] to: State,
    #[case] cause: Cause,
    #[case] says: Option<Liveness>,
) {
    let report = Report::State {
        from,
        to,
        cause,
        detection: DETECTION,
    };
    assert_eq!(Liveness::of(&report), says);
}

#[test]
fn a_thread_that_was_late_says_nothing_of_the_peer() {
    assert_eq!(Liveness::of(&Report::Stunned(DETECTION)), None);
}
