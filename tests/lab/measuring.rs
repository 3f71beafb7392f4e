//! The measurements, on fewer Services and with bounds that a busy machine keeps.

use std::time::Duration;

use ferrolb_lab::measure::{FloodConfig, Questions};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Implementation, Lab, cleanup, measure};

const SERVICES: usize = 100;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "the_controller_serves_waiting_services_about_as_fast_as_they_can_be_written",
            allocate,
        ),
        trial(
            "a_flood_of_questions_for_others_costs_the_speaker_next_to_nothing",
            flood,
        ),
        trial(
            "status_and_explain_answer_at_once_also_those_who_ask_first",
            questions,
        ),
    ]
}

fn allocate(_: &Lab) -> Outcome {
    let name = format!("m{}", std::process::id());
    let figures = measure::allocate(&name, SERVICES, &Implementation::default())?;
    let told = figures.in_words();
    eprintln!("{told}");
    assert!(figures.seconds < 3.0 * figures.reference_seconds + 0.5, "{told}");
    assert!(figures.api_writes >= SERVICES, "each status is a write: {told}");
    assert!(figures.api_writes_per_service < 2.3, "{told}");
    assert_eq!(figures.writes_after_one_deletion, 0, "{told}");
    assert!(
        figures.controller_cpu_seconds > 0.0 && figures.controller_rss_bytes > 1_000_000,
        "{told}"
    );
    assert!(figures.restart_seconds > 0.0, "{told}");
    let remains = cleanup::remains(&name);
    assert!(remains.is_empty(), "{remains:?}");
    Ok(())
}

/// The second that an API server asks for before it has filled its cache is not waited for.
fn questions(_: &Lab) -> Outcome {
    let name = format!("q{}", std::process::id());
    let what = Questions {
        services: SERVICES,
        runs: 3,
    };
    let figures = measure::questions(&name, &what)?;
    let told = figures.in_words();
    eprintln!("{told}");
    assert!(figures.first_status_seconds < 1.0, "{told}");
    assert!(
        figures.questions.iter().all(|one| one.median_seconds < 1.0),
        "{told}"
    );
    assert_eq!(figures.questions.len(), 5, "{told}");
    let remains = cleanup::remains(&name);
    assert!(remains.is_empty(), "{remains:?}");
    Ok(())
}

/// Twice what is promised of a machine that does nothing else.
const MOST_CPU_PERCENT: f64 = 2.0 * 2.0;

/// With few addresses, each of which the kernel's filter knows, and with more than it can know.
fn flood(_: &Lab) -> Outcome {
    for held in [50, 300] {
        let name = format!("f{}", std::process::id());
        let config = FloodConfig {
            held,
            frames_per_second: 100_000,
            lasting: Duration::from_secs(4),
        };
        let figures = measure::flood(&name, config, &Implementation::default())?;
        let told = figures.in_words();
        eprintln!("{told}");
        assert!(
            figures.frames_per_second > 10_000.0,
            "too few to say anything: {told}"
        );
        assert!(figures.foreign_cpu_percent < MOST_CPU_PERCENT, "{told}");
        assert!(figures.held_replies_per_second > 1000.0, "{told}");
        let remains = cleanup::remains(&name);
        assert!(remains.is_empty(), "{remains:?}");
    }
    Ok(())
}
