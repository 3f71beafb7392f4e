//! A router that runs GoBGP.

use serde_json::Value;
use tempfile::TempDir;

use crate::programs::{Running, run};
use crate::session::{Family, Hops, Route, Router, Session};
use crate::until;

/// States as its API numbers them.
const ACTIVE: u64 = 3;
const ESTABLISHED: u64 = 6;
const BFD_UP: u64 = 1;

/// GoBGP in a namespace. It gives no routes to the kernel without zebra.
pub(crate) struct GoBgp {
    namespace: String,
    folder: TempDir,
    node: String,
    _daemon: Running,
}

impl GoBgp {
    pub(crate) fn start(namespace: &str, session: &Session) -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).into_os_string().into_string().unwrap();
        std::fs::write(path("gobgpd.toml"), configuration(session)).unwrap();
        let (conf, api) = (path("gobgpd.toml"), format!("unix://{}", path("api")));
        let arguments = ["-f", &conf, "--api-hosts", &api];
        let daemon = Running::start(namespace, "gobgpd", &arguments, &folder.path().join("log"));
        until("gobgpd to listen", || folder.path().join("api").exists());
        let started = Self {
            namespace: namespace.to_owned(),
            node: session.node.to_string(),
            _daemon: daemon,
            folder,
        };
        // It closes what comes before, and logs a warning.
        until("gobgpd to wait for the node", || {
            started.neighbour()["session_state"] == ACTIVE
        });
        started
    }

    fn ask(&self, command: &[&str]) -> Value {
        let api = format!("unix://{}", self.folder.path().join("api").display());
        let arguments = [&["--target", &api], command, &["-j"]].concat();
        let output = run(&self.namespace, "gobgp", &arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    fn neighbour(&self) -> Value {
        self.ask(&["neighbor", &self.node])["state"].clone()
    }
}

impl Router for GoBgp {
    fn is_up(&self) -> bool {
        self.neighbour()["session_state"] == ESTABLISHED
    }

    fn route(&self, prefix: &str) -> Option<Route> {
        let table = self.ask(&["global", "rib", prefix, "-a", name(Family::of(prefix))]);
        let attributes = table[prefix][0]["attrs"].as_array()?;
        let mut route = Route::default();
        for attribute in attributes {
            add(&mut route, attribute);
        }
        Some(route.sorted())
    }

    fn count(&self, family: Family) -> usize {
        let summary = self.ask(&["global", "rib", "summary", "-a", name(family)]);
        summary["num_destination"].as_u64().unwrap_or_default() as usize
    }

    fn watches(&self) -> bool {
        self.neighbour()["bfd_state"]["session_state"] == BFD_UP
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn is_trouble(&self, line: &str) -> bool {
        !line.contains("\"level\":\"INFO\"") && !line.is_empty()
    }
}

/// One attribute of a path, by the number of its type.
fn add(route: &mut Route, attribute: &Value) {
    let number = |value: &Value| value.as_u64().unwrap_or_default() as u32;
    let all = |value: &Value| value.as_array().cloned().unwrap_or_default();
    match attribute["type"].as_u64() {
        Some(2) => {
            let segments = all(&attribute["as_paths"]);
            let numbers = segments.iter().flat_map(|segment| all(&segment["asns"]));
            route.as_path = numbers.map(|asn| number(&asn)).collect();
        }
        Some(3 | 14) => {
            let text = attribute["nexthop"].as_str().unwrap_or_default();
            route.next_hops = text.parse().into_iter().collect();
        }
        Some(5) => route.local_pref = Some(number(&attribute["value"])),
        Some(8) => {
            let communities = all(&attribute["communities"]);
            let text = |value: u32| format!("{}:{}", value >> 16, value & 0xffff);
            route.communities = communities.iter().map(|one| text(number(one))).collect();
        }
        Some(32) => {
            let parts = |one: &Value| {
                let parts = [&one["ASN"], &one["LocalData1"], &one["LocalData2"]];
                parts.map(|part| number(part).to_string()).join(":")
            };
            route.large = all(&attribute["value"]).iter().map(parts).collect();
        }
        _ => (),
    }
}

fn name(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

/// It heeds the community of a planned shutdown (RFC 8326) by a policy only; a preference of 0 in one changes nothing.
const GRACEFUL_SHUTDOWN: &str = r#"
[[defined-sets.bgp-defined-sets.community-sets]]
  community-set-name = "leaving"
  community-list = ["65535:0"]
[[policy-definitions]]
  name = "leaving-last"
  [[policy-definitions.statements]]
    name = "leaving-last"
    [policy-definitions.statements.conditions.bgp-conditions.match-community-set]
      community-set = "leaving"
      match-set-options = "any"
    [policy-definitions.statements.actions.bgp-actions]
      set-local-pref = 1
    [policy-definitions.statements.actions]
      route-disposition = "accept-route"
"#;

fn configuration(session: &Session) -> String {
    let Session {
        router, node, remote, ..
    } = session;
    let mut text = format!(
        "[global.config]\nas = 64500\nrouter-id = \"203.0.113.1\"\nlocal-address-list = [\"{router}\"]\n\
         [global.apply-policy.config]\nimport-policy-list = [\"leaving-last\"]\ndefault-import-policy = \"accept-route\"\n\
         {GRACEFUL_SHUTDOWN}\n[[neighbors]]\n[neighbors.config]\nneighbor-address = \"{node}\"\npeer-as = {remote}\n"
    );
    if let Some(password) = &session.password {
        text += &format!("auth-password = \"{password}\"\n");
    }
    text += "[neighbors.transport.config]\npassive-mode = true\n";
    text += match session.hops {
        Hops::One => "",
        Hops::Proven => "[neighbors.ttl-security.config]\nenabled = true\nttl-min = 255\n",
        Hops::Several { .. } => "[neighbors.ebgp-multihop.config]\nenabled = true\nmultihop-ttl = 255\n",
    };
    if session.bfd {
        text += "[neighbors.bfd.config]\nenabled = true\ndesired-minimum-tx-interval = 300000\n\
                 required-minimum-receive = 300000\ndetection-multiplier = 3\n";
    }
    if session.graceful_restart {
        text += "[neighbors.graceful-restart.config]\nenabled = true\n";
    }
    for family in &session.families {
        let name = name(*family);
        text += &format!(
            "[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = \"{name}-unicast\"\n\
             [neighbors.afi-safis.mp-graceful-restart.config]\nenabled = {}\n",
            session.graceful_restart
        );
    }
    text
}
