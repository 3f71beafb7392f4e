//! A small part of `ferrolb-lab measure privileges`, which takes each verb of each rule away.

use ferrolb_lab::measure::{self, Right};
use ferrolb_lab::suite::{Outcome, Trial, trial};

/// A watch, a write, and what only a dead node makes necessary.
const TAKEN: [&str; 3] = [
    "controller ClusterRole endpointslices/kubernetes: watch",
    "controller Role ipaddresspools/status: patch",
    "speaker Role servicel2statuses: deletecollection",
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "each_of_three_rights_that_is_taken_away_is_missed_and_what_breaks_is_named",
        |_| missed(),
    )]
}

fn missed() -> Outcome {
    let name = format!("r{}", std::process::id());
    let wanted = |right: &Right| TAKEN.contains(&right.to_string().as_str());
    let all = measure::privileges(&name, wanted, |loss| {
        eprintln!("{}: {}", loss.right, loss.breaks.join("; "));
    })?;
    assert_eq!(all.0.len(), TAKEN.len(), "{all:?}");
    let quiet = all
        .0
        .iter()
        .filter(|loss| loss.refused == 0 || loss.breaks.is_empty());
    assert_eq!(quiet.count(), 0, "{all:?}");
    Ok(())
}
