//! A router that runs FRR: zebra, bfdd and bgpd.

mod told;

use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::programs::{Edition, Running, run};
use crate::until;

pub(crate) use told::ToldFrr;

/// Profiles of its BFD: 300 ms, 100 ms, 50 ms and 10 ms, three packets each.
const BFD: &str = "log record-priority
bfd
 profile usual
  detect-multiplier 3
  receive-interval 300
  transmit-interval 300
 profile quick
  detect-multiplier 3
  receive-interval 100
  transmit-interval 100
 profile quicker
  detect-multiplier 3
  receive-interval 50
  transmit-interval 50
 profile quickest
  detect-multiplier 3
  receive-interval 10
  transmit-interval 10
";

/// FRR in a namespace.
pub struct Frr {
    edition: Edition,
    namespace: String,
    folder: TempDir,
    daemons: [Running; 2],
    bfdd: Running,
}

impl Frr {
    /// Starts it with these lines below `router bgp 64500`.
    pub fn start(namespace: &str, lines: &str) -> Self {
        Self::start_as(namespace, (64500, "203.0.113.1"), lines)
    }

    /// Starts it as this AS and with this BGP identifier.
    pub fn start_as(namespace: &str, identity: (u32, &str), lines: &str) -> Self {
        Self::start_edition(Edition::Usual, namespace, identity, lines)
    }

    pub(crate) fn start_edition(
        edition: Edition,
        namespace: &str,
        (asn, router_id): (u32, &str),
        lines: &str,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        open_to_all(folder.path());
        let configuration = format!(
            "frr defaults traditional\nlog record-priority\ndebug bgp zebra\nrouter bgp {asn}\n \
             bgp router-id {router_id}\n no bgp ebgp-requires-policy\n bgp log-neighbor-changes\n no bgp default ipv4-unicast\n{lines}\n"
        );
        std::fs::write(path("bgpd.conf"), configuration).unwrap();
        // Without this vtysh asks for a password.
        std::fs::write(path("vtysh.conf"), "username root nopassword\n").unwrap();
        let daemon = |name: &str, configuration: PathBuf| {
            let text = |path: PathBuf| path.into_os_string().into_string().unwrap();
            let (pid, zebra) = (text(path(&format!("{name}.pid"))), text(path("zserv.api")));
            let (sockets, configuration) = (text(folder.path().to_owned()), text(configuration));
            let mut arguments = vec![
                "-i",
                &pid,
                "-z",
                &zebra,
                "--vty_socket",
                &sockets,
                "-f",
                &configuration,
            ];
            arguments.extend(["-u", "frr", "-g", "frr", "--log", "stdout"]);
            let control = text(path("bfdd.sock"));
            // The newer one has no control socket any more.
            if name == "bfdd" && edition == Edition::Usual {
                arguments.extend(["--bfdctl", &control]);
            }
            Running::start(
                namespace,
                &edition.path(&format!("usr/lib/frr/{name}")),
                &arguments,
                &path(&format!("{name}.log")),
            )
        };
        std::fs::write(path("zebra.conf"), "log record-priority\n").unwrap();
        let zebra = daemon("zebra", path("zebra.conf"));
        until("zebra to listen", || path("zserv.api").exists());
        std::fs::write(path("bfdd.conf"), BFD).unwrap();
        let bfdd = daemon("bfdd", path("bfdd.conf"));
        until("bfdd to listen", || path("bfdd.vty").exists());
        let bgpd = daemon("bgpd", path("bgpd.conf"));
        until("bgpd to listen", || path("bgpd.vty").exists());
        let started = Self {
            edition,
            namespace: namespace.to_owned(),
            daemons: [zebra, bgpd],
            bfdd,
            folder,
        };
        // It resets what comes before zebra has told it of an interface, and logs an error.
        until("bgpd to know its addresses", || {
            started.log().contains("Rx Intf address add VRF ")
        });
        started.vtysh("no debug bgp zebra");
        started
    }

    fn vtysh(&self, command: &str) -> Vec<u8> {
        self.vtysh_all(&[command])
    }

    fn vtysh_all(&self, commands: &[&str]) -> Vec<u8> {
        let folder = self.folder.path().to_str().unwrap();
        let mut arguments = vec!["--vty_socket", folder, "--config_dir", folder];
        arguments.extend(commands.iter().flat_map(|command| ["-c", command]));
        run(&self.namespace, &self.edition.path("usr/bin/vtysh"), &arguments).stdout
    }

    /// Changes its configuration while it runs.
    pub fn configure(&self, commands: &[&str]) {
        self.vtysh_all(&[&["configure terminal"], commands].concat());
    }

    /// The memory that its daemons have, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let daemons = self.daemons.iter().chain([&self.bfdd]);
        daemons.map(Running::resident_kib).sum()
    }

    /// What a command says, as JSON.
    pub fn ask(&self, command: &str) -> Value {
        serde_json::from_slice(&self.vtysh(&format!("{command} json"))).unwrap_or_default()
    }

    /// The best path to a prefix; null if there is none.
    pub fn path_to(&self, family: &str, prefix: &str) -> Value {
        self.ask(&format!("show bgp {family} unicast {prefix}"))["paths"][0].clone()
    }

    /// How many prefixes of the family it has.
    pub fn count(&self, family: &str) -> usize {
        let table = self.ask(&format!("show bgp {family} unicast"));
        table["routes"].as_object().map_or(0, serde_json::Map::len)
    }

    /// Stops its BFD where it is, or lets it go on.
    pub fn signal_bfd(&self, signal: Signal) {
        self.bfdd.signal(signal);
    }

    /// Lets its BFD come before all that has no real-time priority.
    pub fn hurry_bfd(&self) {
        self.bfdd.hurry();
    }

    /// How often its BFD session with a peer went down.
    pub fn downs(&self, peer: &str) -> u64 {
        let all = self.ask("show bfd peers counters");
        let mut all = all.as_array().into_iter().flatten();
        let found = all.find(|one| one["peer"] == peer);
        found
            .and_then(|one| one["session-down"].as_u64())
            .unwrap_or_default()
    }

    /// What its BFD knows of a peer.
    pub fn bfd(&self, peer: &str) -> Value {
        let all = self.ask("show bfd peers");
        let mut all = all.as_array().into_iter().flatten();
        all.find(|one| one["peer"] == peer).cloned().unwrap_or_default()
    }

    /// Whether its BFD is up with the peer, and stays so: FRR begins anew when BGP comes up, and what it knew before is gone.
    pub fn watches(&self, peer: &str) -> bool {
        let known = self.bfd(peer);
        known["status"] == "up" && known["uptime"].as_u64() >= Some(2)
    }

    /// What its bgpd logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("bgpd.log")).unwrap()
    }

    /// What all of its daemons logged.
    fn logs(&self) -> String {
        let read = |name| std::fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap();
        ["zebra", "bfdd", "bgpd"].map(read).concat()
    }

    /// What it knows of a neighbour.
    pub fn neighbour(&self, address: &str) -> Value {
        self.ask(&format!("show bgp neighbor {address}"))[address].clone()
    }
}

/// The daemons give up root.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
}
