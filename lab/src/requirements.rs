//! What the machine must have.

use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use crate::error::{Doing, Error, Result};

/// Programs that the lab or kube-proxy runs, and Debian's packages of them.
const PROGRAMS: [(&str, &str); 2] = [("ip", "iproute2"), ("nft", "nftables")];

const MIB: u64 = 1 << 20;
/// What a lab of three nodes writes, with its images and logs.
const NEEDED_BYTES: u64 = 1 << 30;

/// Why no lab can be started on this machine, by this person; `None` if one can.
#[must_use]
pub(crate) fn obstacle() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("a lab needs root: it makes namespaces and cgroups".into());
    }
    let missing = PROGRAMS.iter().find(|(program, _)| !is_in_path(program));
    missing
        .map(|(program, package)| format!("the program {program} is missing (Debian: {package})"))
        .or_else(|| ferrolb_programs::cluster().err().map(|absent| absent.to_string()))
}

/// Refuses to start a lab in a folder with less free space than a lab needs: it would end in the middle, in the words of etcd.
pub(crate) fn room(folder: &Path) -> Result<()> {
    let there = folder
        .ancestors()
        .find(|folder| folder.is_dir())
        .unwrap_or(folder);
    let space = statvfs(there).doing(|| format!("look at the disk of {}", there.display()))?;
    let free_bytes = space.blocks_available() * space.fragment_size();
    if free_bytes < NEEDED_BYTES {
        return Error::refused(format!(
            "{} has {} MiB free, a lab needs {} MiB",
            there.display(),
            free_bytes / MIB,
            NEEDED_BYTES / MIB
        ));
    }
    Ok(())
}

/// `prometheus` or `promtool`: of this machine, else those that `make deps` took from Debian's package.
///
/// # Errors
/// If there is none.
pub fn monitoring_program(name: &str) -> Result<PathBuf> {
    let unpacked = ferrolb_programs::cache().join("prometheus").join(name);
    let found = in_path(name).or_else(|| unpacked.is_file().then_some(unpacked));
    found.ok_or_else(|| Error::Refused(format!("there is no program {name}: run `make deps`")))
}

/// `envoy`, which `make deps` took from its wheel.
///
/// # Errors
/// If it is not there.
pub(crate) fn envoy() -> Result<PathBuf> {
    let unpacked = ferrolb_programs::cache().join("envoy/envoy");
    let there = unpacked.is_file().then_some(unpacked);
    there.ok_or_else(|| Error::Refused("there is no program envoy: run `make deps`".into()))
}

/// The folder with the Node.js modules that drive a browser, which `make deps` fetched.
///
/// # Errors
/// If it is not there.
pub fn browser_modules() -> Result<PathBuf> {
    let folder = ferrolb_programs::cache().join("page");
    let there = folder
        .join("node_modules/playwright-core")
        .is_dir()
        .then_some(folder);
    there.ok_or_else(|| Error::Refused("there is nothing to drive a browser with: run `make deps`".into()))
}

fn is_in_path(program: &str) -> bool {
    in_path(program).is_some()
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| Path::new(&folder).join(program))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_on_a_full_disk_is_refused_with_what_is_free_and_what_is_needed() {
        let refused = room(Path::new("/proc/not-there/lab")).unwrap_err();
        assert_eq!(refused.to_string(), "/proc has 0 MiB free, a lab needs 1024 MiB");
    }
}
