//! The arrows between the crates, and that every source file is compiled.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ferrolb_lab::source;
use serde_json::Value;

/// The crates of the workspace with their folder and the crates of the workspace they use, tests aside.
fn crates() -> BTreeMap<String, (PathBuf, BTreeSet<String>)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(source::root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    let one = |package: &Value| {
        let manifest = PathBuf::from(text(&package["manifest_path"]));
        let normal = package["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one["kind"].is_null());
        let ours = normal
            .map(|one| text(&one["name"]))
            .filter(|name| name.starts_with("ferrolb"));
        (
            text(&package["name"]),
            (manifest.parent().unwrap().to_owned(), ours.collect()),
        )
    };
    packages.iter().map(one).collect()
}

#[test]
fn the_arrows_between_the_crates_are_those_of_the_architecture() {
    let allowed: [(&str, &[&str]); 16] = [
        ("ferrolb-crds", &[]),
        ("ferrolb-moment", &[]),
        ("ferrolb-segment", &["ferrolb-crds", "ferrolb-moment"]),
        ("ferrolb-peering", &["ferrolb-moment"]),
        ("ferrolb-runtime", &[]),
        ("ferrolb-rawlink", &[]),
        ("ferrolb-controller", &["ferrolb-crds", "ferrolb-runtime"]),
        (
            "ferrolb-speaker",
            &[
                "ferrolb-crds",
                "ferrolb-peering",
                "ferrolb-rawlink",
                "ferrolb-runtime",
                "ferrolb-segment",
            ],
        ),
        (
            "ferrolb",
            &[
                "ferrolb-controller",
                "ferrolb-crds",
                "ferrolb-runtime",
                "ferrolb-segment",
                "ferrolb-speaker",
            ],
        ),
        ("ferrolb-echo", &[]),
        ("ferrolb-programs", &[]),
        ("ferrolb-routers", &["ferrolb-programs"]),
        ("ferrolb-image", &[]),
        (
            "ferrolb-lab",
            &[
                "ferrolb-echo",
                "ferrolb-image",
                "ferrolb-programs",
                "ferrolb-routers",
            ],
        ),
        ("ferrolb-release", &["ferrolb-image"]),
        ("ferrolb-tests", &[]),
    ];
    let allowed: BTreeMap<String, BTreeSet<String>> = allowed
        .into_iter()
        .map(|(name, uses)| {
            (
                name.to_owned(),
                uses.iter().map(|one| (*one).to_owned()).collect(),
            )
        })
        .collect();
    let found: BTreeMap<String, BTreeSet<String>> = crates()
        .into_iter()
        .map(|(name, (_, uses))| (name, uses))
        .collect();
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        allowed.keys().collect::<Vec<_>>()
    );
    for (name, uses) in found {
        assert!(uses.is_subset(&allowed[&name]), "{name} uses {uses:?}");
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|suffix| suffix == "rs") {
            found.push(path);
        }
    }
}

/// The file that has to name this one in a `mod` line: `a.rs` or `a/mod.rs` for `a/b.rs`, the root of the crate else.
fn parents(file: &Path) -> Vec<PathBuf> {
    let folder = file.parent().unwrap();
    let roots = ["lib.rs", "main.rs", "mod.rs"].map(|name| folder.join(name));
    roots.into_iter().chain([folder.with_extension("rs")]).collect()
}

#[test]
fn what_decides_knows_no_runtime_client_log_or_metric() {
    for folder in [
        "moment/src",
        "peering/src",
        "segment/src",
        "speaker/src/may",
        "speaker/src/routes",
    ] {
        let mut files = Vec::new();
        sources(&source::root().join(folder), &mut files);
        assert!(!files.is_empty(), "{folder}");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for word in [
                "tokio::",
                "kube::",
                "tracing::",
                "prometheus::",
                "std::fs",
                "Instant::now",
            ] {
                assert!(!text.contains(word), "{} uses {word}", file.display());
            }
        }
    }
}

#[test]
fn every_source_file_is_named_by_a_mod_line() {
    for (name, (folder, _)) in crates() {
        let mut files = Vec::new();
        let top = Some(folder.join("src")).filter(|src| src.is_dir());
        sources(top.as_ref().unwrap_or(&folder), &mut files);
        for file in files {
            let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
            let is_target = file.parent() == Some(&folder) || file.parent().unwrap().ends_with("bin");
            let is_root = ["lib", "main", "mod"].contains(&stem.as_str()) || is_target;
            let named = parents(&file).iter().any(|parent| {
                let text = fs::read_to_string(parent).unwrap_or_default();
                text.lines()
                    .any(|line| line.trim_end().ends_with(&format!("mod {stem};")))
            });
            assert!(is_root || named, "{name}: nothing compiles {}", file.display());
        }
    }
}

/// All crates.
const ORDERED: [&str; 13] = [
    "cli",
    "controller",
    "crds",
    "image",
    "lab",
    "moment",
    "peering",
    "rawlink",
    "release",
    "runtime",
    "segment",
    "speaker",
    "tests",
];

/// 0 for the standard library, 1 for another crate, 2 for this one.
fn origin(import: &str, file: &str) -> u8 {
    match import.split([':', ';', ' ']).next() {
        Some("std" | "core" | "alloc") => 0,
        Some("crate" | "super" | "self") => 2,
        Some(name) if file.contains(&format!("mod {name};")) => 2,
        _ => 1,
    }
}

#[test]
fn imports_are_of_the_standard_library_then_of_other_crates_then_of_this_one() {
    for folder in ORDERED {
        let mut files = Vec::new();
        sources(&source::root().join(folder), &mut files);
        assert!(!files.is_empty(), "{folder}");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let imports = text.lines().filter_map(|line| line.strip_prefix("use "));
            let is_sorted = imports.map(|import| origin(import, &text)).is_sorted();
            assert!(is_sorted, "{}", file.display());
        }
    }
}
