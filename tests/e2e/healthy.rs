//! What passes by itself is no finding.

use std::time::Instant;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result};

use crate::doctor::{doctor, lines, until_found};
use crate::scene::{SOON, Scene, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "doctor_finds_nothing_ten_times_in_a_row_while_nodes_die_and_come_back",
        while_nodes_die,
    )]
}

/// Looks once; nothing may be found, though a dead node cannot be asked.
fn looks(lab: &Lab, when: &str, found: &mut Vec<String>) -> Result<()> {
    let began = Instant::now();
    let (code, answer) = doctor(lab, &[])?;
    let gaps = answer["not_looked_at"].as_array().map_or(0, Vec::len);
    eprintln!("{when}: {code:?}, {gaps} gaps, {:.1?}", began.elapsed());
    found.extend(lines(&answer).into_iter().map(|line| format!("{when}: {line}")));
    assert!(answer["checks"].is_array(), "{when}: {answer}");
    Ok(())
}

fn while_nodes_die(lab: &Lab) -> Outcome {
    let services: String = (0..4)
        .map(|number| service(&format!("lasts-{number}"), "lasts", ""))
        .collect();
    let _scene = Scene::new(lab, pool("lasts", "192.0.2.244-192.0.2.247") + &services)?;
    let first = lab.assigned("lasts-0", 1, SOON)?[0];
    until_found(lab, 0, &[])?;
    let mut found = Vec::new();
    let mut victim = lab.announced(first, SOON, |_| true)?;
    looks(lab, "before", &mut found)?;
    for round in 1..=2 {
        let died = victim;
        let cut = lab.cut(died)?;
        looks(lab, &format!("{round}: dies"), &mut found)?;
        victim = lab.announced(first, SOON, |node| node != died)?;
        cut.mend()?;
        for when in ["is back", "is still back", "has come back"] {
            looks(lab, &format!("{round}: {when}"), &mut found)?;
        }
    }
    looks(lab, "after", &mut found)?;
    assert!(found.is_empty(), "{found:#?}");
    Ok(())
}
