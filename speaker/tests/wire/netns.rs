//! Network namespaces of one test, joined by virtual cables; they go with the test, also when it panics.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, setns};

const PREFIX: &str = "ferrolb-wire-";
const NAMES: &str = "/run/netns";

/// A network namespace, removed when dropped.
pub(crate) struct Namespace(String);

impl Namespace {
    pub(crate) fn add(role: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let namespace = Self(format!("{PREFIX}{}-{number}-{role}", std::process::id()));
        run(&["netns", "add", &namespace.0]);
        namespace.ip("link set lo up");
        namespace
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// Runs one command of `ip` here and returns what it prints.
    pub(crate) fn ip(&self, command: &str) -> String {
        let mut words = vec!["-n", self.0.as_str()];
        words.extend(command.split_whitespace());
        run(&words)
    }

    /// Runs commands of `ip` here, one a line.
    pub(crate) fn each(&self, commands: &str) {
        for command in commands.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.ip(command);
        }
    }

    /// Gives `nft` this script here.
    pub(crate) fn nft(&self, script: &str) {
        let output = self.inside(|| Command::new("nft").arg(script).output().unwrap());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "nft {script}: {said}");
    }

    /// Sets a kernel setting, given as a path below `/proc/sys`.
    pub(crate) fn set(&self, path: &str, value: &str) {
        self.inside(|| fs::write(format!("/proc/sys/{path}"), value).unwrap());
    }

    /// Runs `work` here, on a thread of its own. Sockets opened there stay here.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                enter(&self.0);
                work()
            });
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Moves the calling thread into a namespace.
pub(crate) fn enter(name: &str) {
    let namespace = File::open(Path::new(NAMES).join(name)).unwrap();
    setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
}

/// Removes what test runs left behind that were killed.
pub(crate) fn remove_leftovers() {
    let names = fs::read_dir(NAMES).into_iter().flatten().flatten();
    for name in names.filter_map(|entry| entry.file_name().into_string().ok()) {
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            remove(&name);
        }
    }
}

fn remove(name: &str) {
    let _gone = Command::new("ip").args(["netns", "del", name]).output();
}

fn run(words: &[&str]) -> String {
    let output = Command::new("ip").args(words).output().unwrap();
    assert!(
        output.status.success(),
        "ip {}: {}",
        words.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
