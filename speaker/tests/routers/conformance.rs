//! What of BGP works with which make of routers: a trial for each cell of the table in `docs/bgp.md`, and one that compares
//! the table with what those have seen.

mod cases;
mod document;
mod routes;
mod scene;
mod sessions;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ferrolb_routers::Make;
use libtest_mimic::Trial;

use cases::CASES;

/// What a cell says by the make's column and the case's row.
type Seen = BTreeMap<(Make, &'static str), String>;

static SEEN: Mutex<Seen> = Mutex::new(Seen::new());

/// What there is to be tried with a make.
pub(crate) enum Answer {
    /// This, which says in a word or more what it has seen.
    Try(fn(Make) -> &'static str),
    /// Nothing, for this reason.
    No(&'static str),
}

/// A row of the table.
pub(crate) struct Case {
    /// What it is about.
    heading: &'static str,
    /// The rest of the sentence that begins with the make.
    sentence: &'static str,
    answer: fn(Make) -> Answer,
}

fn see(make: Make, case: &Case, said: String) {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.insert((make, case.heading), said);
}

/// One for each cell that can be tried.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for case in CASES {
        for make in Make::ALL {
            let run = match (case.answer)(make) {
                Answer::Try(run) => run,
                Answer::No(why) => {
                    see(make, case, format!("no: {why}"));
                    continue;
                }
            };
            let name = format!("{}_{}", make.word(), case.sentence);
            trials.push(Trial::test(name, move || {
                see(make, case, run(make).to_owned());
                Ok(())
            }));
        }
    }
    trials
}

/// Compares the document with what the cells have seen; ignored if some of them were not asked for, or failed.
pub(crate) fn table() -> Trial {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let is_whole = seen.len() == CASES.len() * Make::ALL.len();
    let name = "the_table_in_the_document_is_what_the_routers_have_shown";
    let compare = move || {
        document::compare(&document::table(&seen));
        Ok(())
    };
    Trial::test(name, compare).with_ignored_flag(!is_whole)
}
