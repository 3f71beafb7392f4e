//! The table in the document.

use std::fmt::Write;
use std::path::Path;

use ferrolb_routers::Make;

use super::Seen;
use super::cases::CASES;

/// With this variable the document is written anew.
const WRITE: &str = "FERROLB_WRITE_SNAPSHOTS";
const BEGIN: &str = "<!-- what the routers have shown: begin -->\n";
const END: &str = "<!-- what the routers have shown: end -->\n";

/// The table of what was seen.
pub(super) fn table(seen: &Seen) -> String {
    let mut text = "| |".to_owned();
    for make in Make::ALL {
        write!(text, " {} {} |", make.name(), make.version()).unwrap();
    }
    text += "\n|---|";
    text += &"---|".repeat(Make::ALL.len());
    for case in CASES {
        write!(text, "\n| {} |", case.heading).unwrap();
        for make in Make::ALL {
            write!(text, " {} |", seen[&(make, case.heading)]).unwrap();
        }
    }
    text + "\n"
}

/// Compares it with the document, or writes it there.
pub(super) fn compare(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/bgp.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (inside, after) = rest.split_once(END).unwrap();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, [before, BEGIN, table, END, after].concat()).unwrap();
    } else {
        assert_eq!(table, inside, "{WRITE}=1 writes docs/bgp.md anew");
    }
}
