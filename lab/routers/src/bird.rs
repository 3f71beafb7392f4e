//! A router that runs BIRD.

mod told;

use tempfile::TempDir;

use crate::programs::{Edition, Running, run};
use crate::until;

pub(crate) use told::ToldBird;

/// BIRD in a namespace.
pub struct Bird {
    edition: Edition,
    namespace: String,
    folder: TempDir,
    _daemon: Running,
}

impl Bird {
    /// Starts it with these protocols.
    pub fn start(namespace: &str, protocols: &str) -> Self {
        Self::start_edition(Edition::Usual, namespace, protocols)
    }

    pub(crate) fn start_edition(edition: Edition, namespace: &str, protocols: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).into_os_string().into_string().unwrap();
        let configuration = format!(
            "log stderr all;\nrouter id 203.0.113.1;\nprotocol device {{}}\n\
             protocol direct {{ ipv4; ipv6; }}\n\
             protocol kernel {{ merge paths yes; netlink rx buffer 67108864; ipv4 {{ import none; export where source = RTS_BGP; }}; }}\n\
             protocol kernel {{ merge paths yes; netlink rx buffer 67108864; ipv6 {{ import none; export where source = RTS_BGP; }}; }}\n{protocols}\n"
        );
        std::fs::write(path("bird.conf"), configuration).unwrap();
        let (conf, control, pid) = (path("bird.conf"), path("bird.ctl"), path("bird.pid"));
        let arguments = ["-f", "-c", &conf, "-s", &control, "-P", &pid];
        let log = folder.path().join("log");
        let daemon = Running::start(namespace, &edition.path("usr/sbin/bird"), &arguments, &log);
        until("bird to listen", || folder.path().join("bird.ctl").exists());
        Self {
            edition,
            namespace: namespace.to_owned(),
            _daemon: daemon,
            folder,
        }
    }

    /// What a command says.
    pub fn ask(&self, command: &str) -> String {
        let control = self.folder.path().join("bird.ctl");
        let arguments = ["-s", control.to_str().unwrap(), command];
        let said = run(&self.namespace, &self.edition.path("usr/sbin/birdc"), &arguments);
        String::from_utf8(said.stdout).unwrap()
    }

    /// How many routes it has from sessions.
    pub fn count(&self) -> usize {
        let said = self.ask("show route where source = RTS_BGP");
        said.lines().filter(|line| line.contains("unicast")).count()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}
