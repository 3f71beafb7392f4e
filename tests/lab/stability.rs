//! What moves when something happens to speakers that go on living: each upset once, on bare nodes, with this tree's
//! controller and speakers. `ferrolb-lab measure stability` does many.

use std::time::Duration;

use ferrolb_lab::measure::{self, Place, Role, Stabilities, Stability, Upset};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Implementation, Lab, Result, cleanup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "whatever_upsets_speakers_that_live_each_address_has_one_holder_soon",
            upsets,
        ),
        trial(
            "of_a_partition_under_single_owner_the_smaller_side_is_silent",
            minority,
        ),
    ]
}

fn stun(role: Role, milliseconds: u64) -> Upset {
    Upset::Stun { role, milliseconds }
}

fn what(upsets: Vec<Upset>, variables: &[(&str, &str)]) -> Stability {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Stability {
        upsets,
        runs: 1,
        nodes: 4,
        implementation: Implementation::default(),
        variables: variables.iter().map(owned).collect(),
        stall_limit: Duration::from_secs(60),
    }
}

/// Measures, and looks at what is promised of each.
fn kept(name: &str, what: &Stability) -> Result<Vec<Stabilities>> {
    let all = measure::stability(&Place::Own(name.to_owned()), what, |run| eprintln!("{run}"))?;
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
    let remains = cleanup::remains(name);
    assert!(remains.is_empty(), "{remains:?}");
    Ok(all)
}

fn upsets(_: &Lab) -> Outcome {
    let loss = Upset::Loss {
        percent: 5.0,
        seconds: 15,
    };
    let upsets = vec![
        loss,
        stun(Role::Holder, 250),
        stun(Role::Holder, 800),
        Upset::Partition,
        Upset::Unhear,
        Upset::Flap,
    ];
    let all = kept(&format!("u{}", std::process::id()), &what(upsets, &[]))?;
    let partition = &all[3].runs[0];
    assert!(
        partition.double_ms > 0.0,
        "both halves answered before they met again"
    );
    Ok(())
}

fn minority(_: &Lab) -> Outcome {
    let single_owner = [("FERROLB_PARTITION_POLICY", "single-owner")];
    let name = format!("o{}", std::process::id());
    let all = kept(&name, &what(vec![Upset::Minority], &single_owner))?;
    let run = &all[0].runs[0];
    assert!(run.moves > 0, "the others took over");
    Ok(())
}
