//! Many addresses on bare nodes with this tree's speakers: each measurement once, with twice the bounds and on fewer
//! addresses. `ferrolb-lab measure exodus`, `rest` and `adversary` do more.

use std::time::Duration;

use ferrolb_lab::measure::{self, Adversary, Exodus, Place, Rest};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Implementation, Lab, LabConfig, cleanup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "many_addresses_move_at_once_nothing_is_written_at_rest_and_no_adversary_moves_one",
        many,
    )]
}

const NODES: u8 = 3;
/// Twice what is promised of a thousand, in milliseconds.
const LAST: f64 = 2.0 * 1000.0;
/// Half of the storm that is promised: others compile meanwhile.
const STORM: u32 = 25_000;

fn many(_: &Lab) -> Outcome {
    let name = format!("m{}", std::process::id());
    let lab = Lab::up_bare(&LabConfig {
        name: name.clone(),
        nodes: NODES,
        clients: 2,
    })?;
    let place = Place::Running(name.clone());
    exodus(&place)?;
    rest(&place)?;
    adversary(&place)?;
    lab.down()?;
    let remains = cleanup::remains(&name);
    assert!(remains.is_empty(), "{remains:?}");
    Ok(())
}

fn exodus(place: &Place) -> Outcome {
    let what = Exodus {
        runs: 1,
        nodes: NODES,
        addresses: 200,
        implementation: Implementation::default(),
        limit: Duration::from_secs(30),
        stall_limit: Duration::from_secs(60),
    };
    let figures = measure::exodus(place, &what, |_| ())?;
    let run = &figures.runs[0];
    let told = run.in_words();
    eprintln!("{told}");
    assert_eq!(figures.wrong(), Vec::<String>::new(), "{told}");
    assert!(run.moved >= 200, "{told}");
    assert!(run.last_ms < LAST + run.stall_ms, "{told}");
    assert!(
        run.announce_ms.is_some(),
        "the speakers say when they decided: {told}"
    );
    assert!(
        run.writes >= run.moved,
        "a Service that moved has another status: {told}"
    );
    Ok(())
}

fn rest(place: &Place) -> Outcome {
    let what = Rest {
        lasting: Duration::from_secs(10),
        nodes: NODES,
        addresses: 30,
        implementation: Implementation::default(),
    };
    let figures = measure::rest(place, &what)?;
    eprintln!("{}", figures.in_words());
    figures.verdict()?;
    Ok(())
}

fn adversary(place: &Place) -> Outcome {
    let what = Adversary {
        frames_per_second: STORM,
        lasting: Duration::from_secs(1),
        nodes: NODES,
        addresses: 30,
        implementation: Implementation::default(),
    };
    let figures = measure::adversary(place, &what, |storm| eprintln!("{storm}"))?;
    assert_eq!(figures.wrong(), Vec::<String>::new(), "{}", figures.in_words());
    for storm in &figures.storms {
        let told = storm.in_words();
        assert!(
            storm.frames_per_second > 1000.0,
            "too few to say anything: {told}"
        );
        assert!(storm.refused_per_second > 1000.0, "they did not arrive: {told}");
    }
    Ok(())
}
