//! BIRD with one node.

use super::Bird;
use crate::programs::Edition;
use crate::session::{Family, Hops, Route, Router, Session};

/// BIRD that was told of one node.
pub(crate) struct ToldBird(Bird);

impl ToldBird {
    pub(crate) fn start(edition: Edition, namespace: &str, session: &Session) -> Self {
        Self(Bird::start_edition(
            edition,
            namespace,
            &protocols(edition, session),
        ))
    }
}

impl Router for ToldBird {
    fn is_up(&self) -> bool {
        self.0.ask("show protocols \"node*\"").contains("Established")
    }

    fn route(&self, prefix: &str) -> Option<Route> {
        let said = self
            .0
            .ask(&format!("show route {prefix} where source = RTS_BGP all"));
        said.contains("unicast").then(|| parse(&said).sorted())
    }

    fn count(&self, family: Family) -> usize {
        let table = match family {
            Family::V4 => "master4",
            Family::V6 => "master6",
        };
        let said = self
            .0
            .ask(&format!("show route table {table} where source = RTS_BGP"));
        said.lines().filter(|line| line.contains("unicast")).count()
    }

    fn watches(&self) -> bool {
        self.0.ask("show bfd sessions").contains("Up")
    }

    fn log(&self) -> String {
        self.0.log()
    }

    fn is_trouble(&self, line: &str) -> bool {
        let levels = ["<WARN>", "<RMT>", "<ERR>", "<AUTH>", "<FATAL>", "<BUG>"];
        levels.iter().any(|level| line.contains(level))
    }
}

/// The attributes as BIRD shows them, one a line.
fn parse<'a>(said: &'a str) -> Route {
    // By the names of BIRD 2 and of BIRD 3.
    let value = |names: [&str; 2]| {
        let mut lines = said.lines().map(str::trim);
        let after = |line: &'a str, name: &str| line.strip_prefix(name)?.strip_prefix(':');
        let of_line = |line| names.iter().find_map(|name| after(line, name));
        lines.find_map(of_line).unwrap_or_default().trim()
    };
    // As `(64512,7) (64512,8)` or `(1, 2, 3)`.
    let groups = |text: &str| -> Vec<String> {
        let inner = text.split(['(', ')']).map(str::trim);
        let inner = inner.filter(|group| !group.is_empty());
        inner
            .map(|group| group.replace([' '], "").replace(',', ":"))
            .collect()
    };
    Route {
        next_hops: value(["BGP.next_hop", "bgp_next_hop"])
            .split_whitespace()
            .filter_map(|hop| hop.parse().ok())
            .collect(),
        as_path: value(["BGP.as_path", "bgp_path"])
            .split_whitespace()
            .filter_map(|asn| asn.parse().ok())
            .collect(),
        local_pref: value(["BGP.local_pref", "bgp_local_pref"]).parse().ok(),
        communities: groups(value(["BGP.community", "bgp_community"])),
        large: groups(value(["BGP.large_community", "bgp_large_community"])),
    }
}

fn protocols(edition: Edition, session: &Session) -> String {
    let Session {
        router, node, remote, ..
    } = session;
    let mut options = String::new();
    let mut before = String::new();
    if let Some(password) = &session.password {
        if edition == Edition::Newer {
            options += "authentication md5; ";
        }
        options += &format!("password \"{password}\"; ");
    }
    match session.hops {
        Hops::One => (),
        Hops::Proven => options += "direct; ttl security on; ",
        Hops::Several { by } => {
            options += "multihop 8; ";
            // It does not ask the kernel how to reach a next hop.
            before += &format!("protocol static {{ ipv4; route {node}/32 via {by}; }}\n");
        }
    }
    if session.bfd {
        options += "bfd yes; error wait time 1, 2; ";
        before += "protocol bfd { interface \"*\" { min rx interval 300 ms; min tx interval 300 ms; multiplier 3; }; }\n";
    }
    if session.graceful_restart {
        options += "graceful restart yes; ";
    }
    let (local, neighbour) = match session.unnumbered {
        true => (String::new(), "range fe80::/10".to_owned()),
        false => (router.to_string(), node.to_string()),
    };
    let mut channel = String::new();
    if session.unnumbered {
        options += "interface \"eth0\"; dynamic name \"node\"; ";
        channel += "extended next hop yes; ";
        before += "protocol radv { interface \"eth0\" { min ra interval 3; max ra interval 10; default lifetime 0; }; }\n";
    }
    let channels = session.families.iter().map(|family| {
        let name = match family {
            Family::V4 => "ipv4",
            Family::V6 => "ipv6",
        };
        let extended = if *family == Family::V4 {
            channel.as_str()
        } else {
            ""
        };
        format!("{name} {{ {extended}import filter leaving_last; export none; }}; ")
    });
    let channels: String = channels.collect();
    format!(
        "filter leaving_last {{ if (65535, 0) ~ bgp_community then bgp_local_pref = 0; accept; }}\n{before}\
         protocol bgp node {{ local {local} as 64500; neighbor {neighbour} as {remote}; passive; {options}{channels}}}\n"
    )
}
