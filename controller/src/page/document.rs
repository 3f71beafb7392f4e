//! The page as it is loaded: everything that is there now, readable without a script.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::board::{Board, Section};

/// Title, what stands there while it is empty, and the heads of the columns of each section.
const SECTIONS: [(Section, &str, &str, &[&str]); 6] = [
    (
        Section::Problems,
        "Problems",
        "None.",
        &["Object", "Reason", "Message"],
    ),
    (
        Section::Services,
        "Services",
        "No Service wants a load balancer of this class.",
        &["Service", "Address", "Pool", "Node", "Since", "State"],
    ),
    (
        Section::Pools,
        "Pools",
        "There is no IPAddressPool.",
        &["Pool", "Addresses", "Given automatically", "Used", "Free"],
    ),
    (
        Section::Nodes,
        "Nodes",
        "There is no node.",
        &["Node", "Services", "Speaker"],
    ),
    (
        Section::Sessions,
        "BGP sessions",
        "No node has a BGP peer.",
        &["Session", "Router", "Told", "BFD", "Since", "State"],
    ),
    (
        Section::Moves,
        "Last moves",
        "No node announces anything.",
        &["Since", "Service", "Node", "Took", "Cause"],
    ),
];

/// The page. Rows that do not contain `filter` are hidden; the script does the same while somebody types.
pub(super) fn page(board: &Board, filter: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "FerroLB" }
                link rel="stylesheet" href="page.css";
                script src="page.js" defer {}
            }
            body data-version=(board.version()) {
                header {
                    h1 { "FerroLB" }
                    form method="get" action="" role="search" {
                        label for="filter" { "Filter" }
                        input id="filter" name="q" type="search" value=(filter) autocomplete="off";
                    }
                    p id="live" role="status" { "As of when the page was loaded" }
                }
                main {
                    @for (section, title, empty, heads) in SECTIONS {
                        (part(board, section, title, empty, heads, filter))
                    }
                }
            }
        }
    }
}

fn part(board: &Board, section: Section, title: &str, empty: &str, heads: &[&str], filter: &str) -> Markup {
    let name = serde_json::to_value(section).unwrap_or_default();
    let name = name.as_str().unwrap_or_default();
    let rows = || board.section(section).map(|(_, html)| html);
    let filter = html! { (filter.trim().to_lowercase()) }.into_string();
    let shown = |row: &str| match row.to_lowercase().contains(&filter) {
        true => PreEscaped(row.to_owned()),
        false => PreEscaped(row.replacen("<tr", "<tr class=\"other\"", 1)),
    };
    html! {
        section {
            h2 id=(format!("{name}-title")) { (title) " " span.count { (rows().count()) } }
            // Wide tables are scrolled by themselves, by keyboard too.
            div.wide tabindex="0" role="region" aria-labelledby=(format!("{name}-title")) {
                table {
                    thead { tr { @for head in heads { th scope="col" { (head) } } } }
                    tbody id=(name) { @for row in rows() { (shown(row)) } }
                }
            }
            p.empty hidden[rows().next().is_some()] { (empty) }
        }
    }
}
