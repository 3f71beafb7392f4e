//! What is known of a program that was compiled, for its image and its bill of materials.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use ferrolb_image::sha256;
use serde_json::Value;

use crate::compile::{self, Target};
use crate::sbom::{Crates, FORMAT, Part, Subject, sums};

/// The bill of materials of a program.
pub(crate) fn bill(tree: &Path, target: Target, content: &[u8], created: &str) -> Result<Value> {
    let subject = Subject {
        architecture: target.architecture,
        sha256: &sha256(content),
        created,
    };
    let mut cargo = compile::program();
    cargo.args([
        "tree",
        "--locked",
        "--package=ferrolb",
        "--edges=normal,no-proc-macro",
    ]);
    cargo.args(["--prefix=depth", "--format", FORMAT, "--target", target.triple]);
    let crates = Crates::parse(&printed(cargo.current_dir(tree))?)?;
    let lock = std::fs::read_to_string(tree.join("Cargo.lock")).context("read Cargo.lock")?;
    crates.bill(&subject, &libraries(tree, target)?, &sums(&lock))
}

/// What is linked in besides the crates.
fn libraries(tree: &Path, target: Target) -> Result<Vec<Part>> {
    let mut compiler = Command::new(target.compiler);
    let macros = printed(compiler.args(["-dM", "-E", "-include", "features.h", "-x", "c", "/dev/null"]))?;
    let number = |name: &str| {
        let found = macros.lines().find_map(|line| {
            line.strip_prefix("#define ")?
                .strip_prefix(name)?
                .strip_prefix(' ')
        });
        found.with_context(|| format!("{} knows no {name}", target.compiler))
    };
    let glibc = format!("{}.{}", number("__GLIBC__")?, number("__GLIBC_MINOR__")?);
    let rust = printed(Command::new("rustc").arg("--version").current_dir(tree))?;
    let rust = rust.split(' ').nth(1).context("rustc says no version")?;
    let part = |name: &str, version: &str, licence: &str| Part {
        name: name.into(),
        version: version.into(),
        licence: licence.into(),
        kind: "generic",
    };
    Ok(vec![
        part("glibc", &glibc, "LGPL-2.1-or-later"),
        part("rust-std", rust, "MIT OR Apache-2.0"),
    ])
}

/// What cargo knows of the package of the program.
pub(crate) fn package(tree: &Path) -> Result<Value> {
    let mut cargo = compile::program();
    cargo.args(["metadata", "--no-deps", "--format-version=1"]);
    let metadata: Value = serde_json::from_str(&printed(cargo.current_dir(tree))?)?;
    let packages = metadata["packages"].as_array();
    let package = packages.and_then(|all| all.iter().find(|one| one["name"] == "ferrolb"));
    Ok(package.context("cargo knows no package ferrolb")?.clone())
}

fn printed(command: &mut Command) -> Result<String> {
    let program = command.get_program().display().to_string();
    let output = command.output().with_context(|| format!("start {program}"))?;
    if !output.status.success() {
        bail!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
