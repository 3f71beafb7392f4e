//! The measurements, on fewer Services and with bounds that a busy machine keeps.

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Implementation, Lab, cleanup, measure};

const SERVICES: usize = 100;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "the_controller_serves_waiting_services_about_as_fast_as_they_can_be_written",
        allocate,
    )]
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
