//! Files of `deploy/` that are made from others: one manifest of everything, and what the chart, which can read nothing
//! above itself, holds a copy of.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{USUAL, text};
use crate::error::{Doing, Result};
use crate::source;

const HEAD: &str = "\
# Installs FerroLB into namespace metallb-system. Made from kustomization.yaml by `make manifests`; do not edit.
#
#   kubectl apply -f deploy/ferrolb.yaml
#
# What keeps the pools when FerroLB is removed is in docs/install.md.
";
/// The copies of the chart: below `deploy/`, and below `deploy/chart/ferrolb/files/`.
const COPIES: [(&str, &str); 4] = [
    ("crds/crds.yaml", "crds.yaml"),
    ("monitoring/alerts.yaml", "alerts.yaml"),
    ("monitoring/dashboard.json", "dashboard.json"),
    ("chart/ferrolb/values.schema.json", "values.schema.json"),
];

/// Each such file, and what it must hold.
///
/// # Errors
/// If Kubernetes is not built, a file cannot be read, or kustomize refuses the manifests.
pub fn made() -> Result<Vec<(PathBuf, String)>> {
    let deploy = source::root().join("deploy");
    let copies = COPIES.iter().map(|(from, to)| {
        let to = deploy.join("chart/ferrolb/files").join(to);
        Ok((to, read(&deploy.join(from))?))
    });
    let whole = Ok((deploy.join("ferrolb.yaml"), format!("{HEAD}{}", kustomized("")?)));
    copies.chain([whole]).collect()
}

/// What `kubectl kustomize` makes of a folder below `deploy/`.
///
/// # Errors
/// As [`made`].
pub fn kustomized(folder: &str) -> Result<String> {
    let mut command = Command::new(ferrolb_programs::cluster()?.join("kubectl"));
    command
        .arg("kustomize")
        .arg(source::root().join("deploy").join(folder));
    text(&mut command, USUAL)
}

/// Writes them.
///
/// # Errors
/// As [`made`], or if one cannot be written.
pub fn make() -> Result<()> {
    made()?.into_iter().try_for_each(|(path, content)| {
        fs::write(&path, content).doing(|| format!("write {}", path.display()))
    })
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).doing(|| format!("read {}", path.display()))
}
