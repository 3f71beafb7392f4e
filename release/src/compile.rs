//! Compiles the program for one architecture so that the folder it is compiled in leaves no trace in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// glibc for both: the lab tests the program with it, and its allocator is several times faster with threads than
/// that of musl. It is linked statically, so that the image needs nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// As images call it.
    pub(crate) architecture: &'static str,
    /// As Rust calls it.
    pub(crate) triple: &'static str,
    /// Compiles the C of the crates, and links.
    pub(crate) compiler: &'static str,
}

/// What is published.
pub(crate) const TARGETS: [Target; 2] = [
    Target {
        architecture: "amd64",
        triple: "x86_64-unknown-linux-gnu",
        compiler: "cc",
    },
    Target {
        architecture: "arm64",
        triple: "aarch64-unknown-linux-gnu",
        compiler: "aarch64-linux-gnu-gcc",
    },
];

/// Which folders become which names in the program: panics, and the assertions of C, name source files.
fn renamed(tree: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let user = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    let sources = home.unwrap_or_else(user).join("registry/src");
    let mut renamed = vec![(tree.to_owned(), "/ferrolb")];
    // one folder for each registry or mirror of it, named by a hash of its address
    for entry in fs::read_dir(&sources).with_context(|| format!("read {}", sources.display()))? {
        renamed.push((entry?.path(), "/crates"));
    }
    Ok(renamed)
}

fn rust_flags(renamed: &[(PathBuf, &str)]) -> String {
    let mut flags = vec!["-C".to_owned(), "target-feature=+crt-static".to_owned()];
    let rename = |(from, to): &(PathBuf, &str)| format!("--remap-path-prefix={}={to}", from.display());
    flags.extend(renamed.iter().map(rename));
    flags.join("\x1f")
}

fn c_flags(renamed: &[(PathBuf, &str)]) -> String {
    let rename = |(from, to): &(PathBuf, &str)| format!("-ffile-prefix-map={}={to}", from.display());
    renamed.iter().map(rename).collect::<Vec<_>>().join(" ")
}

/// Compiles the program of a tree for all targets; returns it for each.
pub(crate) fn compile(tree: &Path) -> Result<Vec<PathBuf>> {
    if std::env::consts::ARCH != "x86_64" {
        bail!(
            "what is published is built on amd64; this is {}",
            std::env::consts::ARCH
        );
    }
    cargo(tree, &["fetch", "--locked"], &[])?;
    let renamed = renamed(tree)?;
    let mut environment = vec![
        ("CARGO_ENCODED_RUSTFLAGS".to_owned(), rust_flags(&renamed)),
        ("CFLAGS".to_owned(), c_flags(&renamed)),
    ];
    let mut arguments = vec!["build", "--locked", "--profile=dist", "--package=ferrolb"];
    for target in TARGETS {
        if target.compiler != "cc" {
            let name = target.triple.to_uppercase().replace('-', "_");
            environment.push((format!("CARGO_TARGET_{name}_LINKER"), target.compiler.to_owned()));
        }
        arguments.extend(["--target", target.triple]);
    }
    cargo(tree, &arguments, &environment)?;
    Ok(TARGETS
        .map(|target| tree.join("target").join(target.triple).join("dist/ferrolb"))
        .to_vec())
}

fn cargo(tree: &Path, arguments: &[&str], environment: &[(String, String)]) -> Result<()> {
    let mut command = program();
    command
        .current_dir(tree)
        .args(arguments)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_TARGET_DIR")
        .envs(environment.iter().map(|(name, value)| (name, value)));
    let status = command.stdout(Stdio::inherit()).status().context("start cargo")?;
    if !status.success() {
        bail!("`cargo {}` failed", arguments.join(" "));
    }
    Ok(())
}

/// The cargo that runs this, or the one in the search path.
pub(crate) fn program() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_compilers_are_told_to_forget_where_the_sources_are() {
        let renamed = [
            (PathBuf::from("/home/a b/tree"), "/ferrolb"),
            (PathBuf::from("/home/sources"), "/crates"),
        ];
        let flags: Vec<_> = rust_flags(&renamed).split('\x1f').map(str::to_owned).collect();
        assert_eq!(
            flags[2..],
            [
                "--remap-path-prefix=/home/a b/tree=/ferrolb",
                "--remap-path-prefix=/home/sources=/crates"
            ]
        );
        assert!(c_flags(&renamed[1..]).contains("-ffile-prefix-map=/home/sources=/crates"));
    }
}
