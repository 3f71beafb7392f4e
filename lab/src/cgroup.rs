//! A node's own cgroup in every hierarchy, for cgroup v1, v2 and both side by side.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Doing, Result};
use crate::wait;

/// Where v2 is mounted when it is the only hierarchy.
const UNIFIED: &str = "/sys/fs/cgroup";

struct Mount<'a> {
    root: &'a str,
    point: &'a str,
    /// `None` for v2.
    options: Option<Vec<&'a str>>,
}

/// The folders of a cgroup called `name`, one per hierarchy, from the texts of `/proc/self/cgroup` and
/// `/proc/self/mountinfo`. Under the reader's own group; but where v2 stands alone at the top, because a v2 group
/// that holds processes, as the reader's does, cannot pass controllers on.
#[must_use]
pub fn folders(memberships: &str, mountinfo: &str, name: &str) -> Vec<PathBuf> {
    let mounts: Vec<Mount> = mountinfo.lines().filter_map(mount).collect();
    let folder = |line: &str| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let mount = mounts.iter().find(|mount| mount.serves(controllers))?;
        Some(Path::new(mount.point).join(mount.below(path)).join(name))
    };
    memberships.lines().filter_map(folder).collect()
}

fn mount(line: &str) -> Option<Mount<'_>> {
    let (place, kind) = line.split_once(" - ")?;
    let mut place = place.split(' ').skip(3);
    let (root, point) = (place.next()?, place.next()?);
    let mut kind = kind.split(' ');
    match (kind.next()?, kind.nth(1)?) {
        ("cgroup2", _) => Some(Mount {
            root,
            point,
            options: None,
        }),
        ("cgroup", options) => Some(Mount {
            root,
            point,
            options: Some(options.split(',').collect()),
        }),
        _ => None,
    }
}

impl Mount<'_> {
    fn serves(&self, controllers: &str) -> bool {
        match &self.options {
            None => controllers.is_empty(),
            Some(options) => controllers
                .split(',')
                .next()
                .is_some_and(|first| options.contains(&first)),
        }
    }

    fn below<'p>(&self, path: &'p str) -> &'p str {
        if self.options.is_none() && self.point == UNIFIED {
            return "";
        }
        let path = if self.root == "/" {
            path
        } else {
            path.strip_prefix(self.root).unwrap_or(path)
        };
        path.trim_start_matches('/')
    }
}

/// The folders for a node on this machine.
pub(crate) fn here(name: &str) -> Result<Vec<PathBuf>> {
    let read = |path: &str| fs::read_to_string(path).doing(|| format!("read {path}"));
    Ok(folders(
        &read("/proc/self/cgroup")?,
        &read("/proc/self/mountinfo")?,
        name,
    ))
}

/// Makes the folders ready for processes.
pub(crate) fn create(folders: &[PathBuf]) -> Result<()> {
    for folder in folders {
        fs::create_dir_all(folder).doing(|| format!("make {}", folder.display()))?;
        let parent = folder.parent().expect("a cgroup's folder has a parent");
        if folder.join("cgroup.clone_children").exists() {
            inherit_cpus(parent, folder)?;
        } else {
            pass_controllers_on(parent);
        }
    }
    Ok(())
}

/// A v1 cpuset is born empty, and an empty one takes no processes.
fn inherit_cpus(parent: &Path, folder: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if let Ok(value) = fs::read(parent.join(file)) {
            fs::write(folder.join(file), value).doing(|| format!("set {file} of {}", folder.display()))?;
        }
    }
    Ok(())
}

/// Enables every controller for the groups below. A controller that cannot be is missing in the node, as on a host
/// that lacks it.
pub(crate) fn pass_controllers_on(folder: &Path) {
    let controllers = fs::read_to_string(folder.join("cgroup.controllers")).unwrap_or_default();
    for controller in controllers.split_whitespace() {
        let _ = fs::write(folder.join("cgroup.subtree_control"), format!("+{controller}"));
    }
}

/// Moves the calling process into the groups.
pub(crate) fn join(folders: &[PathBuf]) -> Result<()> {
    for folder in folders {
        let inner = folder.join("init");
        let unified = folder.join("cgroup.subtree_control").exists();
        let target = if unified && inner.is_dir() {
            inner
        } else {
            folder.clone()
        };
        fs::write(target.join("cgroup.procs"), "0").doing(|| format!("join {}", target.display()))?;
    }
    Ok(())
}

/// Removes the groups with all groups below. The kernel allows it only when every process in them is gone, so
/// success is also the proof of that.
pub(crate) fn remove(folders: &[PathBuf], within: Duration) -> Result<()> {
    for folder in folders {
        wait::until(
            &format!("every process of {} to be gone", folder.display()),
            within,
            || {
                remove_tree(folder);
                Ok((!folder.exists()).then_some(()))
            },
        )?;
    }
    Ok(())
}

/// Processes in these groups and below.
pub(crate) fn processes(folders: &[PathBuf]) -> Vec<i32> {
    let below = |folder: &PathBuf| subfolders(folder);
    let within = folders.iter().flat_map(|folder| {
        let listed = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
        let here: Vec<i32> = listed.lines().filter_map(|line| line.parse().ok()).collect();
        here.into_iter().chain(processes(&below(folder)))
    });
    within.filter(|pid| *pid > 0).collect()
}

/// Removes what can be removed; a group that is busy stays.
fn remove_tree(folder: &Path) {
    for below in subfolders(folder) {
        remove_tree(&below);
    }
    let _ = fs::remove_dir(folder);
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// All groups on this machine whose name starts with the prefix.
pub(crate) fn with_prefix(prefix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from(UNIFIED)];
    while let Some(folder) = open.pop() {
        let named = |path: &Path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(prefix))
        };
        let (ours, others): (Vec<_>, Vec<_>) = subfolders(&folder).into_iter().partition(|path| named(path));
        found.extend(ours);
        open.extend(others);
    }
    found
}

#[cfg(test)]
mod tests;
