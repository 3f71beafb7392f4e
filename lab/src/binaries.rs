//! The programs of Kubernetes, built from their Go modules and kept outside the tree.

mod set;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::error::{Doing, Error, Result};
use crate::source;
use set::{BINARIES, Binary, MODULES};

impl Binary {
    fn linker_flags(&self) -> String {
        format!("-s -w {}", self.variables).trim_end().to_owned()
    }

    /// All that makes its bytes, besides the module's pins.
    fn recipe(&self) -> String {
        format!(
            "{}|{}|{}|{}|{}",
            self.name,
            self.package,
            self.tags,
            self.linker_flags(),
            self.cgo
        )
    }

    fn build(&self, go: &Path, into: &Path) -> Result<()> {
        let mut command = Command::new(go);
        command
            .current_dir(module_folder(self.module))
            .env("CGO_ENABLED", if self.cgo { "1" } else { "0" })
            .env("GOWORK", "off");
        command.args([
            "build",
            "-mod=readonly",
            "-trimpath",
            "-ldflags",
            &self.linker_flags(),
        ]);
        if !self.tags.is_empty() {
            command.args(["-tags", self.tags]);
        }
        let status = command
            .arg("-o")
            .arg(into.join(self.name))
            .arg(self.package)
            .status();
        let status = status.doing(|| format!("start {}", go.display()))?;
        if status.success() {
            Ok(())
        } else {
            Error::refused(format!("`go build {}` failed", self.package))
        }
    }
}

/// Where a module's `go.mod` is.
pub(crate) fn module_folder(module: &str) -> PathBuf {
    source::root().join("lab/kubernetes").join(module)
}

/// `$FERROLB_LAB_CACHE`, else `ferrolb-lab` in the user's cache folder.
pub(crate) fn cache() -> PathBuf {
    let own = std::env::var_os("FERROLB_LAB_CACHE").map(PathBuf::from);
    let shared = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/root".into())).join(".cache");
    own.unwrap_or_else(|| shared.unwrap_or_else(home).join("ferrolb-lab"))
}

/// Names a set of binaries by everything that decides their bytes.
fn key<'a>(pins: impl Iterator<Item = (&'a str, &'a [u8])>, recipes: impl Iterator<Item = String>) -> String {
    let mut hash = Sha256::new();
    for (name, content) in pins {
        hash.update(format!("{name} {}\n", content.len()));
        hash.update(content);
    }
    for recipe in recipes {
        hash.update(format!("{recipe}\n"));
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Where this tree's binaries are or will be.
fn folder() -> Result<PathBuf> {
    let names = MODULES
        .iter()
        .flat_map(|module| ["go.mod", "go.sum"].map(|file| format!("{module}/{file}")));
    let read = |name: String| {
        let path = source::root().join("lab/kubernetes").join(&name);
        Ok((
            name,
            fs::read(&path).doing(|| format!("read {}", path.display()))?,
        ))
    };
    let pins = names.map(read).collect::<Result<Vec<_>>>()?;
    let pins = pins
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_slice()));
    Ok(cache()
        .join(key(pins, BINARIES.iter().map(Binary::recipe)))
        .join("bin"))
}

/// The folder of the built binaries.
///
/// # Errors
/// [`Error::Refused`] if they are not built.
pub fn built() -> Result<PathBuf> {
    let folder = folder()?;
    if folder.is_dir() {
        Ok(folder)
    } else {
        Error::refused("Kubernetes is not built: run `ferrolb-lab build`")
    }
}

/// Builds all binaries unless they are there; `tell` gets a line per binary. Of two builds at once the second waits.
///
/// # Errors
/// If Go is missing or too old, a library is missing, or a build fails.
pub fn build(mut tell: impl FnMut(&str)) -> Result<PathBuf> {
    let folder = folder()?;
    fs::create_dir_all(cache()).doing(|| format!("make {}", cache().display()))?;
    let lock = cache().join("build.lock");
    let lock = File::create(&lock).doing(|| format!("write {}", lock.display()))?;
    lock.lock().doing(|| "wait for another build".into())?;
    if folder.is_dir() {
        return Ok(folder);
    }
    let go = go()?;
    crate::go::check_seccomp()?;
    let unfinished = folder.with_extension("unfinished");
    fs::create_dir_all(&unfinished).doing(|| format!("make {}", unfinished.display()))?;
    for binary in &BINARIES {
        let began = Instant::now();
        binary.build(&go, &unfinished)?;
        let size = fs::metadata(unfinished.join(binary.name)).map_or(0, |file| file.len() / 1_000_000);
        tell(&format!(
            "{:24} {:6.1} s {size:5} MB",
            binary.name,
            began.elapsed().as_secs_f64()
        ));
    }
    fs::rename(&unfinished, &folder).doing(|| format!("name {}", folder.display()))?;
    Ok(folder)
}

/// A Go that is new enough for every module.
pub(crate) fn go() -> Result<PathBuf> {
    crate::go::find(&needed_go()?)
}

/// The highest Go version that a module asks for.
fn needed_go() -> Result<crate::go::Version> {
    let versions = MODULES.iter().map(|module| {
        let path = module_folder(module).join("go.mod");
        let text = fs::read_to_string(&path).doing(|| format!("read {}", path.display()))?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("go "))
            .unwrap_or_default();
        Ok(crate::go::Version::parse(line).unwrap_or_default())
    });
    Ok(versions
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .max()
        .unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(content: &str, recipe: &str) -> String {
        key(
            [("a/go.sum", content.as_bytes())].into_iter(),
            [recipe.to_owned()].into_iter(),
        )
    }

    #[test]
    fn the_same_pins_and_recipes_have_the_same_key() {
        assert_eq!(key_of("x", "r"), key_of("x", "r"));
    }

    #[test]
    fn another_pin_or_another_flag_has_another_key() {
        assert_ne!(key_of("x", "r"), key_of("y", "r"));
        assert_ne!(key_of("x", "r"), key_of("x", "s"));
    }

    #[test]
    fn content_moved_between_files_has_another_key() {
        let pair = |a: &'static str, b: &'static str| {
            key(
                [("a", a.as_bytes()), ("b", b.as_bytes())].into_iter(),
                std::iter::empty(),
            )
        };
        assert_ne!(pair("xy", ""), pair("x", "y"));
    }

    #[test]
    fn every_binary_is_pinned_by_a_module_of_the_tree() {
        assert!(
            BINARIES
                .iter()
                .all(|binary| module_folder(binary.module).join("go.sum").is_file())
        );
    }

    #[test]
    fn the_versions_that_programs_print_are_those_of_the_pins() {
        let pinned = |module: &str| fs::read_to_string(module_folder(module).join("go.mod")).unwrap();
        let named = |name: &str| {
            BINARIES
                .iter()
                .find(|binary| binary.name == name)
                .unwrap()
                .variables
        };
        let version = |project: &str, module: &str| {
            let text = pinned(module);
            let line = text
                .lines()
                .find(|line| line.trim_start_matches("require").trim().starts_with(project));
            line.unwrap().rsplit_once(" v").unwrap().1.to_owned()
        };
        let kubernetes = version("k8s.io/kubernetes ", "kubernetes");
        assert!(
            named("kubelet").contains(&format!("gitVersion=v{kubernetes} ")),
            "{kubernetes}"
        );
        let containerd = version("github.com/containerd/containerd/v2 ", "containerd");
        assert!(
            named("containerd").ends_with(&format!("=v{containerd}")),
            "{containerd}"
        );
        let runc = version("github.com/opencontainers/runc ", "runc");
        assert!(named("runc").ends_with(&format!("={runc}")), "{runc}");
    }
}
