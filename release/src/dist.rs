//! Makes the folder `dist/`: what is published.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ferrolb_image::{Compression, Image, Layout, Platform, Reference, USER, sha256};
use jiff::Timestamp;
use serde_json::Value;

use crate::compile::{TARGETS, compile};
use crate::krew::{self, Plugin};
use crate::{built, emulation, git};

/// The image is not to be larger than this for one architecture.
const LARGEST_BYTES: usize = 15_000_000;

/// Builds everything; returns the folder.
pub(crate) fn make(tree: &Path) -> Result<PathBuf> {
    let revision = git::revision(tree)?;
    if revision.ends_with("-modified") {
        eprintln!("dist: the tree is not clean, and the image says so: revision {revision}");
    }
    make_of(tree, &tree.join("dist"), &revision, git::commit_time(tree)?)
}

/// Builds a tree, which need not be one that git knows.
pub(crate) fn make_of(tree: &Path, out: &Path, revision: &str, commit_time: i64) -> Result<PathBuf> {
    let programs = compile(tree)?;
    emulation::compare(tree, &programs[0], &programs[1])?;
    let contents = programs.iter().map(fs::read).collect::<Result<Vec<_>, _>>()?;
    let created = Timestamp::from_second(commit_time)?.to_string();
    let package = built::package(tree)?;
    let version = package["version"].as_str().context("ferrolb has no version")?;
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| format!("remove {}", out.display()))?;
    }
    fs::create_dir_all(out).with_context(|| format!("make {}", out.display()))?;
    for ((target, program), content) in TARGETS.into_iter().zip(&programs).zip(&contents) {
        let name = format!("ferrolb-{version}-linux-{}", target.architecture);
        fs::copy(program, out.join(&name)).with_context(|| format!("copy {}", program.display()))?;
        let bill = built::bill(tree, target, content, &created)?;
        write(
            &out.join(format!("{name}.cdx.json")),
            format!("{bill:#}\n").as_bytes(),
        )?;
    }
    let licence = fs::read(tree.join("LICENSE")).context("read LICENSE")?;
    let mut plugins = Vec::new();
    for (target, content) in TARGETS.into_iter().zip(&contents) {
        let plugin = Plugin::of(version, target.architecture, content, &licence)?;
        write(&out.join(&plugin.file), &plugin.archive)?;
        plugins.push(plugin);
    }
    let repository = package["repository"].as_str();
    fs::create_dir_all(out.join("krew"))?;
    write(
        &out.join("krew/ferrolb.yaml"),
        krew::manifest(version, repository, &plugins).as_bytes(),
    )?;
    let kustomization = fs::read_to_string(tree.join("deploy/kustomization.yaml"))?;
    let reference = Reference::in_kustomization(&kustomization).context("deploy/kustomization.yaml")?;
    let layout = image(
        &reference,
        &contents,
        &labels(&package, revision, &created),
        &created,
    )?;
    layout.write_folder(&out.join(format!("ferrolb-{version}-image")))?;
    let tar = out.join(format!("ferrolb-{version}-image.tar"));
    layout.write_tar(BufWriter::new(File::create(tar)?))?;
    let sums = sums(out)?;
    write(&out.join("SHA256SUMS"), sums.as_bytes())?;
    println!("{reference}, revision {revision}\n{sums}");
    Ok(out.to_owned())
}

fn image(
    reference: &Reference,
    contents: &[Vec<u8>],
    labels: &BTreeMap<String, String>,
    created: &str,
) -> Result<Layout> {
    let platform = |(target, content)| {
        let target: &crate::compile::Target = target;
        Platform {
            architecture: target.architecture,
            content,
            beside: &[],
        }
    };
    let contents = contents.iter().map(Vec::as_slice);
    let platforms: Vec<Platform<'_>> = TARGETS.iter().zip(contents).map(platform).collect();
    let layout = Image {
        name: &reference.to_string(),
        program: "ferrolb",
        arguments: &[],
        user: USER,
        created,
        labels,
        platforms: &platforms,
        compression: Compression::best(),
    }
    .layout()?;
    let sizes = layout.files().map(|(path, content)| (content.len(), path));
    let layers: Vec<(usize, &str)> = sizes.filter(|(size, _)| *size > 100_000).collect();
    for (size, path) in &layers {
        println!("layer {path}: {size} bytes");
        if *size > LARGEST_BYTES {
            bail!("layer {path} has {size} bytes, more than {LARGEST_BYTES}");
        }
    }
    Ok(layout)
}

/// The labels that the image specification names, as far as this tree knows them: `source` only if `Cargo.toml` names a
/// repository.
fn labels(package: &Value, revision: &str, created: &str) -> BTreeMap<String, String> {
    let text = |field: &str| package[field].as_str().unwrap_or_default();
    let labels = [
        ("title", "FerroLB"),
        (
            "description",
            "Load balancer for bare-metal Kubernetes, in layer 2",
        ),
        ("version", text("version")),
        ("licenses", text("license")),
        ("source", text("repository")),
        ("revision", revision),
        ("created", created),
    ];
    let known = labels.into_iter().filter(|(_, value)| !value.is_empty());
    known
        .map(|(name, value)| (format!("org.opencontainers.image.{name}"), value.to_owned()))
        .collect()
}

/// What `sha256sum --check` reads, for every file of a folder.
fn sums(folder: &Path) -> Result<String> {
    let mut paths = Vec::new();
    collect(folder, &mut paths)?;
    paths.sort();
    let mut sums = String::new();
    for path in paths {
        let name = path.strip_prefix(folder)?.display();
        sums += &format!("{}  {name}\n", sha256(&fs::read(&path)?));
    }
    Ok(sums)
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_say_what_is_known_and_invent_no_source() {
        let package = json!({"version": "1.2.3", "license": "Apache-2.0", "repository": null});
        let found = labels(&package, "abc", "2026-01-01T00:00:00Z");
        assert_eq!(found["org.opencontainers.image.licenses"], "Apache-2.0");
        assert_eq!(found["org.opencontainers.image.revision"], "abc");
        assert!(!found.contains_key("org.opencontainers.image.source"));
        let package = json!({"repository": "https://git.example.com/ferrolb"});
        let found = labels(&package, "abc", "2026-01-01T00:00:00Z");
        assert!(found.contains_key("org.opencontainers.image.source"));
    }

    #[test]
    fn the_image_has_both_architectures_and_is_the_same_twice() {
        let reference = Reference {
            name: "localhost/ferrolb".into(),
            tag: "dev".into(),
        };
        let contents = [b"one".to_vec(), b"other".to_vec()];
        let make = || image(&reference, &contents, &BTreeMap::new(), "2026-01-01T00:00:00Z").unwrap();
        assert_eq!(make(), make());
        assert_eq!(make().files().count(), 2 + 1 + 2 * 3);
    }

    #[test]
    fn sums_name_every_file_by_its_path_in_order() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        fs::write(folder.path().join("b/c"), "").unwrap();
        fs::write(folder.path().join("a"), "").unwrap();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(
            sums(folder.path()).unwrap(),
            format!("{empty}  a\n{empty}  b/c\n")
        );
    }
}
