//! Where a lab keeps its files, and the lock that says whether it lives.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Doing, Error, Result};
use crate::node_config::GIVEN;
use crate::plan::Plan;
use crate::wait;

/// The folder of one lab: keys, logs, etcd's data, the nodes' disks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    folder: PathBuf,
}

/// How the names of folders begin that are being removed; no lab has such a name.
const DOOMED: char = '.';

/// The folder that holds one folder per lab: `$FERROLB_LAB_STATE`, else `/var/lib/ferrolb-lab`.
#[must_use]
pub fn root() -> PathBuf {
    std::env::var_os("FERROLB_LAB_STATE").map_or_else(|| PathBuf::from("/var/lib/ferrolb-lab"), PathBuf::from)
}

/// The names of all labs that have a folder, dead or alive.
#[must_use]
pub fn names() -> Vec<String> {
    let entries = fs::read_dir(root()).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with(DOOMED))
        .collect();
    names.sort();
    names
}

/// Removes what is left where a removal was interrupted. Another may be at it too.
pub(crate) fn remove_doomed() {
    let entries = fs::read_dir(root()).into_iter().flatten().flatten();
    let doomed = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(DOOMED));
    doomed.for_each(|entry| drop(fs::remove_dir_all(entry.path())));
}

fn log_files(folder: &Path) -> impl Iterator<Item = (String, PathBuf)> + use<> {
    let paths = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    paths.filter_map(|path| {
        let name = path.file_name()?.to_str()?.strip_suffix(".log")?.to_owned();
        Some((name, path))
    })
}

impl State {
    /// The folder of the lab called `name`; it need not exist.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self {
            folder: root().join(name),
        }
    }

    /// The same folder as every node of the lab sees it.
    pub(crate) fn seen_by_nodes() -> Self {
        Self {
            folder: Path::new(GIVEN).join("state"),
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The output of one of the lab's programs on the machine's side.
    #[must_use]
    pub fn log(&self, program: &str) -> PathBuf {
        self.folder.join("log").join(format!("{program}.log"))
    }

    /// All logs by name: `etcd`, `n1` (what its first process says), `n1/kubelet`.
    #[must_use]
    pub fn logs(&self) -> BTreeMap<String, PathBuf> {
        let own = log_files(&self.folder.join("log"));
        let nodes = self
            .read_plan()
            .map(|plan| plan.nodes().collect::<Vec<_>>())
            .unwrap_or_default();
        let of_node =
            |i: u8| log_files(&self.node_logs(i)).map(move |(name, path)| (format!("n{i}/{name}"), path));
        own.chain(nodes.into_iter().flat_map(of_node)).collect()
    }

    /// The folder a node finds as its `/var/log`.
    #[must_use]
    pub fn node_logs(&self, node: u8) -> PathBuf {
        self.folder.join(format!("disk/n{node}/log"))
    }

    /// The folder a node finds as its `/var/lib`.
    #[must_use]
    pub fn node_disk(&self, node: u8) -> PathBuf {
        self.folder.join(format!("disk/n{node}/lib"))
    }

    pub(crate) fn pki(&self, file: &str) -> PathBuf {
        self.folder.join("pki").join(file)
    }

    pub(crate) fn kubeconfig(&self, identity: &str) -> PathBuf {
        self.folder.join("pki").join(format!("{identity}.kubeconfig"))
    }

    pub(crate) fn images(&self) -> PathBuf {
        self.folder.join("images")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("keeper.sock")
    }

    /// Process id and start time of a running node's first process.
    pub(crate) fn node_process(&self, node: u8) -> PathBuf {
        self.folder.join(format!("run/n{node}.process"))
    }

    /// The cgroups of a node, one a line, written before they are made.
    pub(crate) fn node_cgroups(&self, node: u8) -> PathBuf {
        self.folder.join(format!("run/n{node}.cgroups"))
    }

    /// What was installed last, to know when pods must be replaced.
    pub(crate) fn installed(&self) -> PathBuf {
        self.folder.join("run/installed")
    }

    pub(crate) fn write_plan(&self, plan: &Plan) -> Result<()> {
        let path = self.folder.join("lab.json");
        let text = serde_json::to_string(plan).doing(|| "write the plan".into())?;
        fs::write(&path, text).doing(|| format!("write {}", path.display()))
    }

    /// The plan of a lab that was started.
    ///
    /// # Errors
    /// [`Error::Refused`] if there is no such lab.
    pub fn read_plan(&self) -> Result<Plan> {
        let path = self.folder.join("lab.json");
        let plan = fs::read_to_string(&path)
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok());
        plan.ok_or_else(|| Error::Refused(format!("there is no lab in {}", self.folder.display())))
    }

    pub(crate) fn make_folders(&self) -> Result<()> {
        for folder in ["log", "pki", "run", "images", "disk", "kubectl"] {
            let path = self.folder.join(folder);
            fs::create_dir_all(&path).doing(|| format!("make {}", path.display()))?;
        }
        Ok(())
    }

    /// Away with the folder at once, then with what is in it: a process that starts a lab of this name meanwhile must
    /// not find half a folder, nor lose what it puts there.
    pub(crate) fn remove(&self) -> Result<()> {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        let doomed = self
            .folder
            .with_file_name(format!("{DOOMED}{name}-{}", std::process::id()));
        let removed = fs::rename(&self.folder, &doomed).and_then(|()| fs::remove_dir_all(&doomed));
        match removed {
            Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => Ok(()),
            done => done.doing(|| format!("remove {}", self.folder.display())),
        }
    }

    /// True while some process holds the lab.
    #[must_use]
    pub fn is_held(&self) -> bool {
        File::open(self.lock_path()).is_ok_and(|file| file.try_lock_shared().is_err())
    }

    /// The process that holds the lab, if one does.
    #[must_use]
    pub fn holder(&self) -> Option<i32> {
        let holder = fs::read_to_string(self.lock_path()).ok()?.parse().ok()?;
        self.is_held().then_some(holder)
    }

    /// Takes the lab for this process, for as long as the file is open; `None` if another process has it.
    /// The kernel frees it however the holder ends.
    pub(crate) fn try_hold(&self) -> Result<Option<File>> {
        let path = self.lock_path();
        fs::create_dir_all(&self.folder).doing(|| format!("make {}", self.folder.display()))?;
        let opened = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let Ok(mut file) = opened else { return Ok(None) };
        let same_file = |held: &File| Some((held.metadata().ok()?.ino(), fs::metadata(&path).ok()?.ino()));
        // the folder may have been removed, lock and all, between opening and locking
        let held = file.try_lock().is_ok() && same_file(&file).is_some_and(|(held, named)| held == named);
        if !held {
            return Ok(None);
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
        written.doing(|| format!("write {}", path.display()))?;
        Ok(Some(file))
    }

    pub(crate) fn hold(&self, within: Duration) -> Result<File> {
        wait::until(
            &format!("the lab in {} to be free", self.folder.display()),
            within,
            || self.try_hold(),
        )
    }

    fn lock_path(&self) -> PathBuf {
        self.folder.join("lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_new_folder() -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().unwrap();
        let state = State {
            folder: folder.path().join("dev"),
        };
        (folder, state)
    }

    #[test]
    fn what_is_removed_leaves_nothing_and_takes_nothing_from_who_comes_next() {
        let (parent, state) = in_new_folder();
        let _old = state.try_hold().unwrap();
        state.make_folders().unwrap();
        state.remove().unwrap();
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
        assert!(state.try_hold().unwrap().is_some());
    }

    #[test]
    fn a_lab_is_held_once() {
        let (_root, state) = in_new_folder();
        let first = state.try_hold().unwrap();
        assert!(first.is_some() && state.is_held());
        assert_eq!(state.holder(), i32::try_from(std::process::id()).ok());
        assert!(state.try_hold().unwrap().is_none());
    }

    #[test]
    fn a_lab_is_free_when_its_holder_is_gone() {
        let (_root, state) = in_new_folder();
        drop(state.try_hold().unwrap());
        assert!(!state.is_held());
        assert!(state.try_hold().unwrap().is_some());
    }

    #[test]
    fn a_lock_of_a_removed_folder_does_not_count() {
        let (_root, state) = in_new_folder();
        let _old = state.try_hold().unwrap();
        state.remove().unwrap();
        assert!(state.try_hold().unwrap().is_some());
    }

    #[test]
    fn the_plan_reads_back() {
        let (_root, state) = in_new_folder();
        state.make_folders().unwrap();
        let plan = Plan::new("dev", 3, 1).unwrap();
        state.write_plan(&plan).unwrap();
        assert_eq!(state.read_plan().unwrap(), plan);
    }
}
