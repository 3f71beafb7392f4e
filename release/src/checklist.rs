//! The commands of the release checklist.

use std::collections::BTreeSet;

/// What `make` is asked for in the blocks of code of a document, and the Makefile has not.
pub(crate) fn missing_targets(document: &str, makefile: &str) -> BTreeSet<String> {
    let mut inside = false;
    let in_code = document.lines().filter(|line| {
        inside ^= line.trim_start().starts_with("```");
        inside
    });
    let asked = in_code.filter_map(|line| line.trim().strip_prefix("make ")?.split(' ').next());
    let has = |target: &str| {
        makefile
            .lines()
            .any(|line| line.starts_with(&format!("{target}:")))
    };
    asked.filter(|target| !has(target)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_the_checklist_names_must_be_in_the_makefile() {
        let document = "Then make sense:\n\n```\nmake test\nmake release VERSION=1.2.3\n```\n\nmake up\n";
        let missing = missing_targets(document, "test: deps\n\techo\n");
        assert_eq!(missing, BTreeSet::from(["release".to_owned()]));
    }
}
