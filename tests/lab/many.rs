//! Many addresses on bare nodes with this tree's speakers: each measurement once or twice, with twice the bounds and on fewer
//! addresses. `ferrolb-lab measure exodus`, `rest` and `adversary` do more.

use std::time::Duration;

use ferrolb_lab::measure::{self, Adversary, Exodus, Move, Place, Rest};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Implementation, Lab, LabConfig, cleanup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "many_addresses_move_at_once_nothing_is_written_at_rest_and_no_adversary_moves_one",
        many,
    )]
}

const NODES: u8 = 3;
/// The node that dies holds so many; two nodes are left to hold twice as many.
const ADDRESSES: u16 = 200;
/// Twice what is promised of a thousand, in milliseconds.
const LAST: f64 = 2.0 * 1000.0;
/// More than its fair share a node may have twice as much as is promised: half as much again.
const MOST: usize = ADDRESSES as usize * 3 / 2;
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
        runs: 2,
        nodes: NODES,
        addresses: ADDRESSES,
        implementation: Implementation::default(),
        limit: Duration::from_secs(30),
        stall_limit: Duration::from_secs(60),
    };
    let figures = measure::exodus(place, &what, |run| eprintln!("{run}"))?;
    assert_eq!(figures.wrong(), Vec::<String>::new(), "{figures:?}");
    for run in &figures.runs {
        let told = run.in_words();
        assert!(run.moved >= usize::from(ADDRESSES), "{told}");
        assert!(run.last_ms < LAST + run.stall_ms, "{told}");
        assert!(
            run.announce_ms.is_some(),
            "the speakers say when they decided: {told}"
        );
        assert!(
            run.writes >= run.moved,
            "a Service that moved has another status: {told}"
        );
    }
    assert!(figures.runs.iter().any(is_orderly), "{figures:?}");
    Ok(())
}

/// Whether no node stood still and missed its share: one of two runs has to be so.
fn is_orderly(run: &Move) -> bool {
    let is_fair = run.spread.values().all(|has| *has <= MOST);
    // That none is early is what is promised.
    is_fair && run.early_writes * 10 <= run.moved
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
