//! Network namespaces of this process, and threads inside of them.

use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ferrolb_rawlink::PacketSocket;
use ferrolb_rawlink::filter::Program;
use nix::net::if_::if_nametoindex;
use nix::sched::{CloneFlags, CpuSet, sched_getaffinity, sched_setaffinity, setns};
use nix::unistd::Pid;
use tempfile::NamedTempFile;

/// Generous: a trial takes milliseconds, this only ends one that hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A network namespace, deleted with all in it when dropped.
pub(crate) struct Namespace(String);

impl Namespace {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("frl{}-{nth}", std::process::id());
        run("ip", &["netns", "add", &name]);
        Self(name)
    }

    /// iproute2 inside of it, arguments separated by blanks.
    pub(crate) fn ip(&self, arguments: &str) {
        let mut all = vec!["-n", &self.0];
        all.extend(arguments.split_whitespace());
        run("ip", &all);
    }

    fn sends(&self, interface: &str) -> bool {
        let state = run("ip", &["-n", &self.0, "-oneline", "link", "show", interface]);
        state.contains("state UP") && state.contains("qdisc noqueue")
    }

    /// Many iproute2 commands in one go, a line each.
    pub(crate) fn ip_batch(&self, lines: &str) {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        run("ip", &["-n", &self.0, "-batch", file.path().to_str().unwrap()]);
    }

    /// Traffic control inside of it, arguments separated by blanks.
    pub(crate) fn tc(&self, arguments: &str) {
        let mut all = vec!["-n", &self.0];
        all.extend(arguments.split_whitespace());
        run("tc", &all);
    }

    /// From here on the calling thread is inside of it.
    pub(crate) fn enter(&self) {
        let path = format!("/run/netns/{}", self.0);
        setns(File::open(path).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
    }

    pub(crate) fn open(&self, interface: &str, filter: &Program) -> PacketSocket {
        self.enter();
        let index = if_nametoindex(interface).unwrap();
        PacketSocket::open(index, interface, filter).unwrap()
    }

    /// Runs a closure on a thread of its own inside of it, with a runtime. The thread stays on one CPU, so that
    /// frames over a veth pair keep their order.
    pub(crate) fn run<T: Send>(&self, test: impl AsyncFnOnce() -> T + Send) -> T {
        let inside = || {
            self.enter();
            stay_on_one_cpu();
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(async { tokio::time::timeout(DEADLINE, test()).await.expect("hangs") })
        };
        std::thread::scope(|scope| match scope.spawn(inside).join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

/// Two namespaces with a cable (veth) between them: `left` in the first, `right` in the second, both up, without
/// IPv6 addresses.
pub(crate) struct Cable {
    pub(crate) left: Namespace,
    pub(crate) right: Namespace,
}

impl Cable {
    pub(crate) fn new() -> Self {
        let (left, right) = (Namespace::new(), Namespace::new());
        left.ip(&format!(
            "link add left type veth peer name right netns {}",
            right.0
        ));
        left.ip("link set left addrgenmode none up");
        right.ip("link set right addrgenmode none up");
        let cable = Self { left, right };
        cable.wait_until_ready();
        cable
    }

    /// The kernel starts the transmit queue of an end some time after the other came up; until then it drops what is
    /// sent.
    pub(crate) fn wait_until_ready(&self) {
        let since = Instant::now();
        while !(self.left.sends("left") && self.right.sends("right")) {
            assert!(since.elapsed() < DEADLINE, "the cable does not come up");
        }
    }
}

/// Each thread on another one, as far as there are any.
fn stay_on_one_cpu() {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this).unwrap();
    let cpus: Vec<usize> = (0..CpuSet::count())
        .filter(|cpu| allowed.is_set(*cpu).unwrap())
        .collect();
    let mut one = CpuSet::new();
    let turn = NEXT.fetch_add(1, Ordering::Relaxed);
    one.set(cpus[turn % cpus.len()]).unwrap();
    sched_setaffinity(this, &one).unwrap();
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .expect("iproute2 is installed");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {}: {complaint}",
        arguments.join(" ")
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
