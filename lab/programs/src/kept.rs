//! The programs of Kubernetes, built from their Go modules and kept outside the tree.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::error::{Doing, Error, Result};
use crate::progress::Progress;
use crate::sets::{BESIDE, CLUSTER, Module, Set};
use crate::{go, source, watched};

/// What a build is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Clusters alone.
    Cluster,
    /// The tour and all trials.
    Everything,
}

impl Wanted {
    fn sets(self) -> impl Iterator<Item = &'static Set> {
        let beside: &[Set] = match self {
            Self::Cluster => &[],
            Self::Everything => &BESIDE,
        };
        std::iter::once(&CLUSTER).chain(beside)
    }
}

impl Module {
    /// The flags that the compiler and the linker get. No debugger reads these programs, so nothing is written for one:
    /// without it the compiler has a tenth less to do.
    fn flags(&self) -> Vec<String> {
        let inlining = if self.inlines { "" } else { " -l" };
        let mut flags = vec![
            "-mod=readonly".to_owned(),
            "-trimpath".into(),
            "-buildvcs=false".into(),
            format!("-gcflags=all=-dwarf=false{inlining}"),
            format!("-ldflags=-s -w {}", self.variables).trim_end().to_owned(),
        ];
        if !self.tags.is_empty() {
            flags.push(format!("-tags={}", self.tags));
        }
        flags
    }

    /// All that makes the bytes of its programs, besides its pins.
    fn recipe(&self) -> String {
        let programs: Vec<String> = self
            .programs
            .iter()
            .map(|program| format!("{}={}", program.name, program.package))
            .collect();
        format!("{}|{}|{}", programs.join(" "), self.flags().join(" "), self.cgo)
    }

    fn command(&self, go: &Path, task: &str) -> Command {
        let mut command = Command::new(go);
        command
            .current_dir(module_folder(self.folder))
            .env("CGO_ENABLED", if self.cgo { "1" } else { "0" })
            .env("GOWORK", "off")
            // A process of the compiler ends soon: a collection that it can do without is time saved.
            .env("GOGC", "400")
            .arg(task)
            .args(self.flags());
        command
    }

    fn packages(&self) -> impl Iterator<Item = &'static str> {
        self.programs.iter().map(|program| program.package)
    }

    /// How many packages its programs are made of. Fetches those that are not there.
    fn count(&self, go: &Path) -> Result<usize> {
        let mut command = self.command(go, "list");
        command.arg("-deps").args(self.packages());
        Ok(watched::run(&mut command, |_| {})?.lines().count())
    }

    /// Builds all its programs at once, so that they share what they have in common and the processors are busy while
    /// one is linked; `compiled` is called for each package.
    fn build(&self, go: &Path, into: &Path, compiled: impl FnMut(&str)) -> Result<()> {
        let mut command = self.command(go, "build");
        // with a separator at the end it is a folder whatever is there
        command.arg("-v").arg("-o").arg(into.join(""));
        watched::run(command.args(self.packages()), compiled)?;
        for program in self.programs {
            let named_by_go = into.join(name_by_go(program.package));
            let named = into.join(program.name);
            if named_by_go != named {
                fs::rename(&named_by_go, &named).doing(|| format!("name {}", named.display()))?;
            }
        }
        Ok(())
    }
}

/// The name that `go build` gives to a program: the last element of its package's path that is not a version.
fn name_by_go(package: &str) -> &str {
    let is_version = |element: &str| {
        element
            .strip_prefix('v')
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut elements = package.rsplit('/');
    elements.find(|element| !is_version(element)).unwrap_or(package)
}

/// Where a module's `go.mod` is.
#[must_use]
pub fn module_folder(module: &str) -> PathBuf {
    source::root().join("lab/kubernetes").join(module)
}

/// `$FERROLB_LAB_CACHE`, else `ferrolb-lab` in the user's cache folder.
#[must_use]
pub fn cache() -> PathBuf {
    let own = std::env::var_os("FERROLB_LAB_CACHE").map(PathBuf::from);
    let shared = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/root".into())).join(".cache");
    own.unwrap_or_else(|| shared.unwrap_or_else(home).join("ferrolb-lab"))
}

/// Names a set of programs by everything that decides their bytes.
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

impl Set {
    /// Where this tree's programs of the set are or will be.
    fn folder(&self) -> Result<PathBuf> {
        let mut files = self
            .modules
            .iter()
            .flat_map(|module| own_files(module.folder))
            .collect::<Vec<_>>();
        files.sort();
        let read = |name: String| {
            let path = module_folder(&name);
            let content = fs::read(&path).doing(|| format!("read {}", path.display()))?;
            Ok((name, content))
        };
        let pins = files.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        let pins = pins
            .iter()
            .map(|(name, content)| (name.as_str(), content.as_slice()));
        let key = key(pins, self.modules.iter().map(Module::recipe));
        Ok(cache().join(format!("{}-{key}", self.name)))
    }

    fn built(&self) -> Result<PathBuf> {
        let folder = self.folder()?;
        if folder.is_dir() {
            return Ok(folder);
        }
        Error::refused(format!("{} is not built: run `ferrolb-lab build`", self.name))
    }

    fn build(&self, go: &Path, progress: &Progress) -> Result<()> {
        let folder = self.folder()?;
        if folder.is_dir() {
            return Ok(());
        }
        let unfinished = folder.with_extension("unfinished");
        fs::create_dir_all(&unfinished).doing(|| format!("make {}", unfinished.display()))?;
        for module in self.modules {
            let began = progress.begin(module.folder);
            let count = module.count(go)?;
            let mut compiled = 0;
            module.build(go, &unfinished, |_| {
                compiled += 1;
                began.done(compiled, count);
            })?;
        }
        fs::rename(&unfinished, &folder).doing(|| format!("name {}", folder.display()))
    }
}

/// What a module's folder holds that decides the bytes of its programs, by path below `lab/kubernetes`.
fn own_files(module: &str) -> Vec<String> {
    let files = ["go.mod", "go.sum", "main.go"].map(|file| format!("{module}/{file}"));
    files
        .into_iter()
        .filter(|file| !file.ends_with(".go") || module_folder(file).exists())
        .collect()
}

/// The folder of what control plane and nodes run.
///
/// # Errors
/// [`Error::Refused`] if it is not built.
pub fn cluster() -> Result<PathBuf> {
    CLUSTER.built()
}

/// A program that stands beside a cluster.
///
/// # Errors
/// [`Error::Refused`] if it is not built, or there is none of this name.
pub fn beside(name: &str) -> Result<PathBuf> {
    let has = |set: &&Set| {
        let mut programs = set.modules.iter().flat_map(|module| module.programs);
        programs.any(|program| program.name == name)
    };
    match BESIDE.iter().find(has) {
        Some(set) => Ok(set.built()?.join(name)),
        None => Error::refused(format!("no module has a program {name}")),
    }
}

/// Builds what is wanted and not there. Of two builds at once the second waits.
///
/// # Errors
/// If Go is missing or too old, a library is missing, or a build fails.
pub fn build(wanted: Wanted, progress: &Progress) -> Result<()> {
    fs::create_dir_all(cache()).doing(|| format!("make {}", cache().display()))?;
    let lock = cache().join("build.lock");
    let lock = File::create(&lock).doing(|| format!("write {}", lock.display()))?;
    lock.lock().doing(|| "wait for another build".into())?;
    if missing(wanted).next().is_none() {
        return Ok(());
    }
    let go = go::go()?;
    go::check_seccomp()?;
    missing(wanted).try_for_each(|set| set.build(&go, progress))
}

fn missing(wanted: Wanted) -> impl Iterator<Item = &'static Set> {
    wanted.sets().filter(|set| set.built().is_err())
}

/// How many stages [`build`] has.
#[must_use]
pub fn stages(wanted: Wanted) -> usize {
    missing(wanted).map(|set| set.modules.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

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

    #[rstest]
    #[case("k8s.io/kubernetes/cmd/kubectl", "kubectl")]
    #[case("go.etcd.io/etcd/server/v3", "server")]
    #[case("lab", "lab")]
    fn go_names_a_program_by_its_package(#[case] package: &str, #[case] name: &str) {
        assert_eq!(name_by_go(package), name);
    }

    #[test]
    fn no_two_programs_have_one_name() {
        let modules = Wanted::Everything.sets().flat_map(|set| set.modules);
        let names: Vec<&str> = modules
            .flat_map(|module| module.programs)
            .map(|one| one.name)
            .collect();
        let different: std::collections::BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(different.len(), names.len());
    }

    #[test]
    fn every_program_is_pinned_by_a_module_of_the_tree() {
        let mut modules = Wanted::Everything.sets().flat_map(|set| set.modules);
        assert!(modules.all(|module| module_folder(module.folder).join("go.sum").is_file()));
    }

    #[test]
    fn the_versions_that_programs_print_are_those_of_the_pins() {
        let pinned = |module: &str| fs::read_to_string(module_folder(module).join("go.mod")).unwrap();
        let named = |name: &str| {
            let module = CLUSTER.modules.iter().find(|module| module.folder == name);
            module.unwrap().variables
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
            named("kubernetes").contains(&format!("gitVersion=v{kubernetes} ")),
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
