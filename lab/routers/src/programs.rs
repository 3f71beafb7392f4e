//! The routers' programs, unpacked or built and not installed: nothing of them starts by itself.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Where `scripts/deps` unpacks them.
fn folder() -> PathBuf {
    ferrolb_programs::cache().join("routers")
}

/// Where Python finds those packages.
pub(crate) fn packages() -> PathBuf {
    folder().join("usr/lib/python3/dist-packages")
}

/// Below the folder, the same of the next Debian: programs, their libraries, and the loader that fits them.
const NEWER: &str = "newer/";
const LOADER: &str = "newer/usr/lib64/ld-linux-x86-64.so.2";

/// Which Debian a program is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Edition {
    /// The one that the tests usually run on.
    Usual,
    /// The next one.
    Newer,
}

impl Edition {
    /// The path of its program below the folder.
    pub(crate) fn path(self, program: &str) -> String {
        match self {
            Self::Usual => program.to_owned(),
            Self::Newer => format!("{NEWER}{program}"),
        }
    }
}

/// A program by its path below the folder, by its whole path, or one of GoBGP's, which the lab builds, by its name.
fn find(program: &str) -> PathBuf {
    match program {
        "gobgp" | "gobgpd" => ferrolb_programs::beside(program).unwrap(),
        path => folder().join(path),
    }
}

/// What is missing to run them.
pub fn missing() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("not root".to_owned());
    }
    let unpacked = [
        "usr/lib/frr/bfdd",
        "usr/lib/frr/bgpd",
        "usr/lib/frr/zebra",
        "usr/bin/vtysh",
        "usr/sbin/bird",
        "usr/sbin/birdc",
        "usr/sbin/bgpd",
        "usr/sbin/bgpctl",
        "usr/lib/python3/dist-packages/exabgp",
        "/usr/bin/python3",
        "newer/usr/lib/frr/bgpd",
        "newer/usr/sbin/bird",
    ];
    let missing = unpacked
        .into_iter()
        .map(|name| folder().join(name))
        .find(|path| !path.exists());
    let missing = missing.map(|path| format!("{} is not there (scripts/deps)", path.display()));
    missing.or_else(|| {
        ferrolb_programs::beside("gobgpd")
            .err()
            .map(|why| why.to_string())
    })
}

/// A program with the users and libraries that it was built for.
fn command(namespace: Option<&str>, program: &str, arguments: &[&str]) -> Command {
    const IN_PLACE: &str = "mount --bind \"$1/etc/passwd\" /etc/passwd && mount --bind \"$1/etc/group\" /etc/group && \
         export LD_LIBRARY_PATH=\"$2\" && shift 2 && exec \"$@\"";
    let folder = folder();
    let is_newer = program.starts_with(NEWER);
    let root = if is_newer {
        folder.join(NEWER)
    } else {
        folder.clone()
    };
    let libraries: Vec<PathBuf> = std::fs::read_dir(root.join("usr/lib"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with("-linux-gnu"))
        .flat_map(|path| {
            let triplet = path.file_name().unwrap().to_owned();
            [path.clone(), path.join("frr"), root.join("lib").join(triplet)]
        })
        .collect();
    let libraries = std::env::join_paths(libraries).unwrap();
    let mut command;
    match namespace {
        Some(namespace) => {
            command = Command::new("ip");
            command.args(["netns", "exec", namespace, "unshare"]);
        }
        None => command = Command::new("unshare"),
    }
    command
        .args(["--mount", "sh", "-c", IN_PLACE, "sh"])
        .arg(&folder)
        .arg(libraries)
        .args(is_newer.then(|| folder.join(LOADER)))
        .arg(find(program))
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// Runs a program to its end.
pub(crate) fn run(namespace: &str, program: &str, arguments: &[&str]) -> Output {
    command(Some(namespace), program, arguments).output().unwrap()
}

/// What a program says of itself.
pub(crate) fn said(program: &str, arguments: &[&str]) -> String {
    let output = command(None, program, arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8(said).unwrap()
}

/// A program that goes on until this is dropped.
pub(crate) struct Running(Child);

impl Running {
    /// Starts it; what it says goes into a file.
    pub(crate) fn start(namespace: &str, program: &str, arguments: &[&str], log: &Path) -> Self {
        let log = std::fs::File::create(log).unwrap();
        let mut command = command(Some(namespace), program, arguments);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.spawn().unwrap())
    }

    /// The memory that it has, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Each step to the program is an exec, so this reaches the program itself.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id() as i32), signal).unwrap();
    }

    /// Gives all its threads a real-time priority.
    pub(crate) fn hurry(&self) {
        let pid = self.0.id().to_string();
        let done = Command::new("chrt")
            .args(["--all-tasks", "--fifo", "--pid", "20", &pid])
            .status();
        assert!(done.unwrap().success(), "chrt");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}
