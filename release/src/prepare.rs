//! Sets the version, the image and the changelog for a release. Commits, tags and pushes nothing.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use ferrolb_image::Reference;
use jiff::Timestamp;

use crate::edits::Edit;
use crate::version::Version;
use crate::{built, changelog, checklist, git};

/// Changes the tree, or nothing of it if anything is wrong.
pub(crate) fn prepare(tree: &Path, version: &Version, image: Option<&str>) -> Result<()> {
    let wrong = obstacles(tree, version)?;
    if !wrong.is_empty() {
        bail!("{version} cannot be released: {}", wrong.join("; "));
    }
    let read = |path: &str| fs::read_to_string(tree.join(path)).with_context(|| format!("read {path}"));
    let before = Reference::in_kustomization(&read("deploy/kustomization.yaml")?)
        .context("deploy/kustomization.yaml")?;
    let after = Reference {
        name: image.map_or_else(|| before.name.clone(), str::to_owned),
        tag: version.to_string(),
    };
    let edit = Edit {
        version,
        before: &before,
        after: &after,
    };
    let date = Timestamp::now().strftime("%Y-%m-%d").to_string();
    let mut changed = vec![(
        "CHANGELOG.md".to_owned(),
        changelog::release(&read("CHANGELOG.md")?, version, &date)?,
    )];
    for path in git::files(tree)? {
        let path = path.to_string_lossy().into_owned();
        if ["Cargo.toml", "Cargo.lock"].contains(&path.as_str()) || path.starts_with("deploy/") {
            let text = read(&path)?;
            let edited = edit.apply(&path, &text)?;
            if edited != text {
                changed.push((path, edited));
            }
        }
    }
    for (path, text) in changed {
        fs::write(tree.join(&path), text).with_context(|| format!("write {path}"))?;
        println!("changed {path}");
    }
    println!("\nThe image is {after}. Go on with docs/release.md; nothing is committed, tagged or pushed.");
    Ok(())
}

/// Why there can be no release now.
fn obstacles(tree: &Path, version: &Version) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    if !git::is_clean(tree)? {
        wrong.push("the tree has changes that are not committed".to_owned());
    }
    if git::has_tag(tree, &format!("v{version}"))? {
        wrong.push(format!("there is a tag v{version}"));
    }
    let package = built::package(tree)?;
    let current = package["version"].as_str().unwrap_or_default();
    match current.parse::<Version>() {
        Ok(current) if current <= *version => {}
        _ => wrong.push(format!("the tree is at {current}")),
    }
    let document = fs::read_to_string(tree.join("docs/release.md")).context("read docs/release.md")?;
    let makefile = fs::read_to_string(tree.join("Makefile")).context("read Makefile")?;
    let missing = checklist::missing_targets(&document, &makefile);
    wrong.extend(
        missing
            .iter()
            .map(|target| format!("docs/release.md names `make {target}`, which is not in the Makefile")),
    );
    Ok(wrong)
}
