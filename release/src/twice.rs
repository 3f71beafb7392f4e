//! Builds in two folders and compares.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{dist, git};

/// Builds the tree, and a copy of it elsewhere with nothing built before; what is published must be the same.
pub(crate) fn compare(tree: &Path) -> Result<()> {
    let began = Instant::now();
    let first = dist::make(tree)?;
    println!("first build: {} s", began.elapsed().as_secs());
    let copy = tree.join("target/dist-check");
    copy_of(tree, &copy)?;
    let began = Instant::now();
    let second = dist::make_of(
        &copy,
        &copy.join("dist"),
        &git::revision(tree)?,
        git::commit_time(tree)?,
    )?;
    println!("second build: {} s", began.elapsed().as_secs());
    let sums = |folder: &Path| fs::read_to_string(folder.join("SHA256SUMS"));
    let differing = differing(&sums(&first)?, &sums(&second)?);
    if !differing.is_empty() {
        bail!(
            "not reproducible, look at {} and {}: {}",
            first.display(),
            second.display(),
            differing.join(", ")
        );
    }
    fs::remove_dir_all(&copy).with_context(|| format!("remove {}", copy.display()))?;
    println!("both builds gave the same bytes");
    Ok(())
}

/// Copies the files that git knows, as they are now, into a folder that is empty then.
fn copy_of(tree: &Path, copy: &Path) -> Result<()> {
    if copy.exists() {
        fs::remove_dir_all(copy).with_context(|| format!("remove {}", copy.display()))?;
    }
    for file in git::files(tree)? {
        let to = copy.join(&file);
        fs::create_dir_all(to.parent().unwrap_or(copy))?;
        fs::copy(tree.join(&file), &to).with_context(|| format!("copy {}", file.display()))?;
    }
    Ok(())
}

/// The lines of one list of sums that the other has not.
fn differing(one: &str, other: &str) -> Vec<String> {
    let (one, other): (BTreeSet<&str>, BTreeSet<&str>) = (one.lines().collect(), other.lines().collect());
    one.symmetric_difference(&other)
        .map(|line| (*line).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_another_sum_and_a_file_that_only_one_has_differ() {
        assert!(differing("1  a\n2  b\n", "2  b\n1  a\n").is_empty());
        assert_eq!(differing("1  a\n", "2  a\n3  b\n").len(), 3);
    }
}
