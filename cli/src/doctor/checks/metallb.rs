//! MetalLB's program or webhook beside ours, as `ferrolb migrate check` finds them.

use crate::doctor::finding::Finding;
use crate::doctor::seen::Seen;
use crate::migrate::{beside, running};

pub(super) fn look(seen: &Seen<'_>) -> Vec<Finding> {
    let programs = seen.beside.workloads.iter();
    // The first thing that is said of a program is that it runs.
    let programs = programs.filter_map(|one| running::about(one, seen.installation).into_iter().next());
    let webhooks = seen.beside.webhooks.iter();
    let webhooks = webhooks.filter_map(|one| beside::about(one, seen.installation));
    let finding = |found: crate::migrate::report::Finding| {
        Finding::error(found.object, found.message).remedy("Follow docs/migrate.md, The exchange.")
    };
    programs.chain(webhooks).map(finding).collect()
}
