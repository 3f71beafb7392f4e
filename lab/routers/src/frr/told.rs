//! FRR with one node.

use serde_json::Value;

use super::Frr;
use crate::programs::Edition;
use crate::session::{Family, Hops, Route, Router, Session};

/// FRR that was told of one node.
pub(crate) struct ToldFrr {
    frr: Frr,
    node: String,
}

impl ToldFrr {
    pub(crate) fn start(edition: Edition, namespace: &str, session: &Session) -> Self {
        Self {
            frr: Frr::start_edition(edition, namespace, (64500, "203.0.113.1"), &lines(session)),
            node: node(session),
        }
    }
}

impl Router for ToldFrr {
    fn is_up(&self) -> bool {
        self.frr.neighbour(&self.node)["bgpState"] == "Established"
    }

    fn route(&self, prefix: &str) -> Option<Route> {
        let path = self.frr.path_to(name(Family::of(prefix)), prefix);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let words = |value: &Value| -> Vec<String> {
            let text = text(&value["string"]);
            text.split_whitespace().map(str::to_owned).collect()
        };
        let hops = path["nexthops"].as_array()?.iter();
        let route = Route {
            next_hops: hops.filter_map(|hop| text(&hop["ip"]).parse().ok()).collect(),
            as_path: words(&path["aspath"])
                .iter()
                .filter_map(|one| one.parse().ok())
                .collect(),
            local_pref: path["locPrf"].as_u64().map(|number| number as u32),
            communities: words(&path["community"]),
            large: words(&path["largeCommunity"]),
        };
        Some(route.sorted())
    }

    fn count(&self, family: Family) -> usize {
        self.frr.count(name(family))
    }

    fn watches(&self) -> bool {
        self.frr.watches(&self.node)
    }

    fn log(&self) -> String {
        self.frr.logs()
    }

    /// Its lines have their level. FRR 8.4 misses a link-local address at each IPv6 session, also one that it has just
    /// heard of; the zebra of FRR 10 misses the daemon of management, which nobody needs here, and its BFD starts sessions of BGP
    /// that are under way.
    fn is_trouble(&self, line: &str) -> bool {
        let usual: &[&str] = match self.frr.edition {
            Edition::Usual => &["does not have a v6 LL address associated with it"],
            Edition::Newer => &[
                "does not have a v6 LL address associated with it",
                "[FSM] Ignoring event BGP_Start in state Connect, ",
                "ZEBRA: [YKHB9-ND03T] BE-client: ",
                "ZEBRA: [GK6BW-E28RD] NB_OP_CHANGE: ",
                "ZEBRA: [X0ASY-1BHSQ] NB_OP_CHANGE: ",
            ],
        };
        if usual.iter().any(|known| line.contains(known)) {
            return false;
        }
        let levels = [
            "emergencies: ",
            "alerts: ",
            "critical: ",
            "errors: ",
            "warnings: ",
        ];
        levels.iter().any(|level| line.contains(level))
    }
}

fn name(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

/// By what it knows the node.
fn node(session: &Session) -> String {
    match session.unnumbered {
        true => "eth0".to_owned(),
        false => session.node.to_string(),
    }
}

fn lines(session: &Session) -> String {
    let (node, remote) = (node(session), session.remote);
    let how = if session.unnumbered { "interface " } else { "" };
    let mut lines = format!(" neighbor {node} {how}remote-as {remote}\n neighbor {node} passive\n");
    let mut add = |line: &str| lines += &format!(" {line}\n");
    if let Some(password) = &session.password {
        add(&format!("neighbor {node} password {password}"));
    }
    match session.hops {
        Hops::One => (),
        Hops::Proven => add(&format!("neighbor {node} ttl-security hops 1")),
        Hops::Several { .. } => add(&format!("neighbor {node} ebgp-multihop 8")),
    }
    if session.bfd {
        add(&format!("neighbor {node} bfd"));
        add(&format!("neighbor {node} bfd profile usual"));
    }
    if session.graceful_restart {
        add("bgp graceful-restart");
    }
    for family in &session.families {
        let name = name(*family);
        add(&format!("address-family {name} unicast"));
        add(&format!(" neighbor {node} activate"));
        add("exit-address-family");
    }
    lines
}
