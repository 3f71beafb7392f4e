//! What git knows of the tree.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

fn git(tree: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(tree)
        .args(arguments)
        .output()
        .context("start git")?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("`git {}`: {}", arguments.join(" "), why.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The commit, with `-modified` behind it if the tree differs from it.
pub(crate) fn revision(tree: &Path) -> Result<String> {
    let commit = git(tree, &["rev-parse", "HEAD"])?;
    let suffix = if is_clean(tree)? { "" } else { "-modified" };
    Ok(format!("{}{suffix}", commit.trim()))
}

/// True if there is nothing to commit, and no file that git does not know.
pub(crate) fn is_clean(tree: &Path) -> Result<bool> {
    Ok(git(tree, &["status", "--porcelain"])?.is_empty())
}

/// When the commit was made, in seconds since 1970; `$SOURCE_DATE_EPOCH` if that is set.
pub(crate) fn commit_time(tree: &Path) -> Result<i64> {
    let text = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => git(tree, &["log", "-1", "--format=%ct"])?,
    };
    let text = text.trim();
    text.parse()
        .with_context(|| format!("{text:?} is no number of seconds"))
}

/// All files of the tree that git knows.
pub(crate) fn files(tree: &Path) -> Result<Vec<PathBuf>> {
    let listed = git(tree, &["ls-files", "-z"])?;
    let names = listed.split('\0').filter(|name| !name.is_empty());
    Ok(names.map(PathBuf::from).collect())
}

/// True if there is such a tag.
pub(crate) fn has_tag(tree: &Path, tag: &str) -> Result<bool> {
    Ok(!git(tree, &["tag", "--list", tag])?.is_empty())
}
