//! What moves when something happens to speakers that go on living: each upset once, on bare nodes, with this tree's
//! controller and speakers. `ferrolb-lab measure stability` does many.

use ferrolb_lab::measure::{self, Place, Role, Stability, Upset};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Implementation, Lab, cleanup};
use std::time::Duration;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "whatever_upsets_speakers_that_live_each_address_has_one_holder_soon",
        upsets,
    )]
}

fn stun(role: Role, milliseconds: u64) -> Upset {
    Upset::Stun { role, milliseconds }
}

fn upsets(_: &Lab) -> Outcome {
    let name = format!("u{}", std::process::id());
    let what = Stability {
        upsets: vec![
            Upset::Loss {
                percent: 5.0,
                seconds: 15,
            },
            stun(Role::Holder, 250),
            stun(Role::Holder, 800),
            Upset::Partition,
            Upset::Unhear,
            Upset::Flap,
        ],
        runs: 1,
        nodes: 4,
        implementation: Implementation::default(),
        variables: vec![],
        stall_limit: Duration::from_secs(60),
    };
    let all = measure::stability(&Place::Own(name.clone()), &what, |run| eprintln!("{run}"))?;
    for figures in &all {
        let run = &figures.runs[0];
        let broken = run.broken(figures.upset, true);
        let trace = run.trace.join("\n");
        assert!(broken.is_empty(), "{broken:?}\n{}\n{trace}", run.in_words());
        assert!(
            !run.steps.is_empty() || run.moves == 0,
            "the speakers say what they do"
        );
    }
    let partition = &all[3].runs[0];
    assert!(
        partition.double_ms > 0.0,
        "both halves answered before they met again"
    );
    let remains = cleanup::remains(&name);
    assert!(remains.is_empty(), "{remains:?}");
    Ok(())
}
