//! The first process of a node: builds the node's view of the file system, then runs containerd, kubelet, kube-proxy.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{pause, sethostname};

use crate::command::{USUAL, text};
use crate::error::{Doing, Result};
use crate::node::Spec;
use crate::node_config::{self as config, GIVEN, PATH, PRETENDED};
use crate::{cgroup, wait};

const UNIFIED: &str = "/sys/fs/cgroup/cgroup.controllers";
const CONTAINERD_SOCKET: &str = "/run/containerd/containerd.sock";

/// Boots the node; does not return as long as the node lives.
pub(crate) fn boot(spec: &Spec) -> Result<i32> {
    die_with_the_outer_process()?;
    // only now a cgroup namespace, whose top is the node's group: the process that waits outside must not be a
    // member, or a v2 group could not pass controllers on
    cgroup::join(&spec.cgroups)?;
    unshare(CloneFlags::CLONE_NEWCGROUP).doing(|| "make a cgroup namespace".into())?;
    sethostname(spec.name()).doing(|| "set the host name".into())?;
    mount_everything(spec)?;
    write_configuration(spec)?;
    if !spec.plan.is_bare() {
        start("containerd", &["--config=/run/lab/containerd.toml".into()])?;
        load_images()?;
        start("kubelet", &config::kubelet_arguments(&spec.name(), spec.number))?;
    }
    start("kube-proxy", &["--config=/run/lab/kube-proxy.yaml".into()])?;
    reap()
}

/// A parent outside this process id namespace cannot be asked for by number: that its word comes says that it lived
/// when the kernel already knew what to do at its death.
fn die_with_the_outer_process() -> Result<()> {
    set_pdeathsig(Signal::SIGKILL).doing(|| "set the parent-death signal".into())?;
    let mut word = [0];
    let heard = std::io::stdin().read_exact(&mut word);
    heard.doing(|| "hear from the process outside".into())
}

fn mount_everything(spec: &Spec) -> Result<()> {
    let memberships = fs::read_to_string("/proc/self/cgroup").doing(|| "read /proc/self/cgroup".into())?;
    let unified = Path::new(UNIFIED).exists();
    fresh("proc", "/proc", None)?;
    fresh("sysfs", "/sys", None)?;
    if unified {
        mount_v2()?;
    } else {
        mount_v1(&memberships)?;
    }
    fresh("tmpfs", "/run", Some("mode=755"))?;
    // before /var/lib is hidden: either may lie there
    bind(&spec.binaries, &Path::new(GIVEN).join("bin"))?;
    bind(spec.state.folder(), &Path::new(GIVEN).join("state"))?;
    for (path, value) in PRETENDED {
        let file = Path::new(GIVEN).join(path.replace('/', "."));
        fs::write(&file, format!("{value}\n")).doing(|| format!("write {}", file.display()))?;
        bind_over(&file, &Path::new("/proc/sys").join(path))?;
    }
    bind(&spec.state.node_logs(spec.number), Path::new("/var/log"))?;
    bind(&spec.state.node_disk(spec.number), Path::new("/var/lib"))
}

fn fresh(kind: &str, at: &str, options: Option<&str>) -> Result<()> {
    mount(Some(kind), at, Some(kind), MsFlags::empty(), options).doing(|| format!("mount {kind} on {at}"))
}

fn bind(from: &Path, at: &Path) -> Result<()> {
    for folder in [from, at] {
        fs::create_dir_all(folder).doing(|| format!("make {}", folder.display()))?;
    }
    bind_over(from, at)
}

fn bind_over(from: &Path, at: &Path) -> Result<()> {
    mount(Some(from), at, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .doing(|| format!("show {} at {}", from.display(), at.display()))
}

/// An inner group of a v2 tree holds no processes, so this one moves aside before controllers are passed on.
fn mount_v2() -> Result<()> {
    let top = Path::new("/sys/fs/cgroup");
    fresh("cgroup2", "/sys/fs/cgroup", None)?;
    fs::create_dir_all(top.join("init")).doing(|| "make the group of the first process".into())?;
    cgroup::join(&[top.to_owned()])?;
    cgroup::pass_controllers_on(top);
    Ok(())
}

fn mount_v1(memberships: &str) -> Result<()> {
    fresh("tmpfs", "/sys/fs/cgroup", Some("mode=755"))?;
    let controllers = memberships
        .lines()
        .filter_map(|line| line.split(':').nth(1))
        .filter(|name| !name.is_empty());
    for name in controllers {
        let at = format!("/sys/fs/cgroup/{}", name.trim_start_matches("name="));
        fs::create_dir_all(&at).doing(|| format!("make {at}"))?;
        let options = if name.starts_with("name=") {
            format!("none,{name}")
        } else {
            name.to_owned()
        };
        fresh("cgroup", &at, Some(&options))?;
    }
    Ok(())
}

fn write_configuration(spec: &Spec) -> Result<()> {
    let put = |file: &str, text: &str| {
        let path = Path::new(GIVEN).join(file);
        fs::create_dir_all(path.parent().expect("a folder"))
            .and_then(|()| fs::write(&path, text))
            .doing(|| format!("write {}", path.display()))
    };
    put("cni/10-lab.conflist", &config::cni(spec.number))?;
    put("containerd.toml", config::CONTAINERD)?;
    put("resolv.conf", "")?;
    put("kubelet.yaml", config::KUBELET)?;
    put("kube-proxy.yaml", &config::kube_proxy(&spec.name()))
}

/// Starts a program that nobody waits for: one that dies stays dead, as a test can see.
fn start(name: &str, arguments: &[String]) -> Result<()> {
    let path = format!("/var/log/{name}.log");
    let log = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .doing(|| format!("write {path}"))?;
    let errors = log.try_clone().doing(|| format!("write {path}"))?;
    let mut command = Command::new(format!("{GIVEN}/bin/{name}"));
    command
        .args(arguments)
        .env("PATH", PATH)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors);
    command.spawn().doing(|| format!("start {name}")).map(drop)
}

/// Loads the lab's images that the node's disk does not hold yet.
fn load_images() -> Result<()> {
    let within = Duration::from_secs(30);
    wait::until("containerd to listen", within, || {
        Ok(UnixStream::connect(CONTAINERD_SOCKET).ok())
    })?;
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let note = Path::new("/var/lib/images-loaded");
    let last = changed(note);
    let images = Path::new(GIVEN).join("state/images");
    let entries = fs::read_dir(&images).doing(|| format!("read {}", images.display()))?;
    for image in entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| changed(path) > last)
    {
        let mut ctr = Command::new(format!("{GIVEN}/bin/ctr"));
        text(ctr.args(["-n", "k8s.io", "images", "import"]).arg(image), USUAL)?;
    }
    fs::write(note, "").doing(|| "note that the images are loaded".into())
}

/// Reaps whatever ends, for as long as the node lives.
fn reap() -> ! {
    loop {
        if nix::sys::wait::wait().is_err() {
            pause();
        }
    }
}
