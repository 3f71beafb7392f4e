//! A router that runs OpenBGPD.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use tempfile::TempDir;

use crate::programs::{Running, run};
use crate::session::{Family, Hops, Route, Router, Session};
use crate::until;

/// OpenBGPD in a namespace. On Linux it has no way to the kernel's routes.
pub(crate) struct OpenBgpd {
    namespace: String,
    folder: TempDir,
    _daemon: Running,
}

impl OpenBgpd {
    pub(crate) fn start(namespace: &str, session: &Session) -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).into_os_string().into_string().unwrap();
        std::fs::write(path("bgpd.conf"), configuration(session, &path("control"))).unwrap();
        // It refuses a file that others may read.
        std::fs::set_permissions(path("bgpd.conf"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let arguments = ["-d", "-v", "-f", &path("bgpd.conf")];
        let daemon = Running::start(namespace, "usr/sbin/bgpd", &arguments, &folder.path().join("log"));
        let started = Self {
            namespace: namespace.to_owned(),
            _daemon: daemon,
            folder,
        };
        until("bgpd to listen", || started.log().contains("RDE reconfigured"));
        started
    }

    fn ask(&self, command: &[&str]) -> Value {
        let control = self.folder.path().join("control");
        let arguments = [&["-j", "-s", control.to_str().unwrap(), "show"], command].concat();
        let output = run(&self.namespace, "usr/sbin/bgpctl", &arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }
}

impl Router for OpenBgpd {
    fn is_up(&self) -> bool {
        self.ask(&["neighbor"])["neighbors"][0]["state"] == "Established"
    }

    fn route(&self, prefix: &str) -> Option<Route> {
        let table = self.ask(&["rib", "detail"]);
        let mut entries = table["rib"].as_array()?.iter();
        let entry = entries.find(|entry| entry["prefix"] == prefix)?;
        let texts = |value: &Value| -> Vec<String> {
            let all = value.as_array().into_iter().flatten();
            all.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let path = entry["aspath"].as_str().unwrap_or_default().split_whitespace();
        let hop = entry["exit_nexthop"].as_str().unwrap_or_default();
        let route = Route {
            next_hops: hop.parse().into_iter().collect(),
            as_path: path.filter_map(|one| one.parse().ok()).collect(),
            local_pref: entry["localpref"].as_u64().map(|number| number as u32),
            communities: texts(&entry["communities"]),
            large: texts(&entry["large_communities"]),
        };
        Some(route.sorted())
    }

    fn count(&self, family: Family) -> usize {
        let table = self.ask(&["rib"]);
        let entries = table["rib"].as_array().into_iter().flatten();
        let prefixes = entries.filter_map(|entry| entry["prefix"].as_str());
        prefixes.filter(|prefix| Family::of(prefix) == family).count()
    }

    fn watches(&self) -> bool {
        false
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Its lines have no level.
    fn is_trouble(&self, line: &str) -> bool {
        let words = [
            "error",
            "fatal",
            "fail",
            "notification",
            "bad",
            "malformed",
            "reset",
            "expired",
        ];
        let line = line.to_lowercase();
        words.iter().any(|word| line.contains(word))
    }
}

/// One statement a line.
fn configuration(session: &Session, control: &str) -> String {
    let Session {
        router, node, remote, ..
    } = session;
    let families = session.families.iter().map(|family| match family {
        Family::V4 => "announce IPv4 unicast\n",
        Family::V6 => "announce IPv6 unicast\n",
    });
    let families: String = families.collect();
    let password = session.password.iter();
    let password: String = password
        .map(|one| format!("tcp md5sig password {one}\n"))
        .collect();
    let hops = match session.hops {
        Hops::One => "",
        Hops::Proven => "ttl-security yes\n",
        Hops::Several { .. } => "multihop 8\n",
    };
    // IPv4 is announced unless this is said.
    let without = match session.families.contains(&Family::V4) {
        true => "",
        false => "announce IPv4 none\n",
    };
    format!(
        "AS 64500\nrouter-id 203.0.113.1\nfib-update no\nlisten on {router}\nsocket \"{control}\"\n\
         neighbor {node} {{\nremote-as {remote}\npassive\n{families}{without}{password}{hops}}}\nallow from any\n\
         match from any community GRACEFUL_SHUTDOWN set {{ localpref 0 }}\n"
    )
}
