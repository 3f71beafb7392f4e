//! The answer for people, in tables.

use itertools::Itertools;
use k8s_openapi::jiff::Timestamp;

use super::rows::{AddressRow, Health, NodeRow, PoolRow, ServiceRow, SessionRow, Status};
use crate::age::age;
use crate::holding::Holder;
use crate::plan::aligned;

/// How the tables look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Further columns.
    pub(super) wide: bool,
    pub(super) colour: bool,
    /// What ages are counted to.
    pub(super) now: Timestamp,
}

const NONE: &str = "-";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// All tables, and what cannot be read.
pub(super) fn render(status: &Status, look: Look) -> String {
    let mut text = services(&status.services, look);
    if status.services.is_empty() {
        text = "no Services of type LoadBalancer\n".to_owned();
    }
    text += &format!("\n{}", pools(&status.pools, look));
    text += &format!("\n{}", nodes(&status.nodes, look));
    if !status.sessions.is_empty() {
        text += &format!("\n{}", sessions(&status.sessions, look));
    }
    for problem in &status.problems {
        text += &format!("\n{}: {}", problem.object, problem.message);
    }
    if !status.problems.is_empty() {
        text.push('\n');
    }
    text
}

fn services(services: &[ServiceRow], look: Look) -> String {
    let rows = services.iter().flat_map(|service| rows_of(service, look));
    let (rows, healths): (Vec<[String; 11]>, Vec<Health>) = rows.unzip();
    let header = [
        "NAMESPACE",
        "NAME",
        "ADDRESS",
        "POOL",
        "HOLDER",
        "INTERFACE",
        "MAC",
        "SINCE",
        "POLICY",
        "WIRE",
        "STATE",
    ];
    let text = match look.wide {
        true => aligned(header, rows),
        false => {
            let narrow = |[a, b, c, d, e, f, g, h, _, _, k]: [String; 11]| [a, b, c, d, e, f, g, h, k];
            let [a, b, c, d, e, f, g, h, _, _, k] = header;
            aligned([a, b, c, d, e, f, g, h, k], rows.into_iter().map(narrow))
        }
    };
    let colours = healths.into_iter().map(|health| match health {
        Health::Good => GREEN,
        Health::Odd => YELLOW,
        Health::Bad => RED,
    });
    coloured(&text, colours, look)
}

fn rows_of(service: &ServiceRow, look: Look) -> Vec<([String; 11], Health)> {
    let row = |address: Option<&AddressRow>| {
        let holders = address.map(|one| one.holders.as_slice()).unwrap_or_default();
        let wire = address.and_then(|one| one.wire.clone());
        let cells = [
            service.namespace.clone(),
            service.name.clone(),
            address.map(|one| one.address.to_string()).unwrap_or_else(none),
            address
                .and_then(|one| one.pool.as_ref())
                .map_or_else(none, ToString::to_string),
            listed(holders_of(address, look)),
            listed(holders.iter().flat_map(interfaces)),
            listed(holders.iter().flat_map(macs)),
            since(holders, look.now),
            format!("{:?}", service.policy),
            wire.unwrap_or_else(none),
            service.state.clone(),
        ];
        (cells, service.health)
    };
    match service.addresses.as_slice() {
        [] => vec![row(None)],
        addresses => addresses.iter().map(|address| row(Some(address))).collect(),
    }
}

/// Nodes that tell an address by BGP are many, and are counted where there is little room.
fn holders_of(address: Option<&AddressRow>, look: Look) -> impl Iterator<Item = String> {
    let holders = address.map(|one| one.holders.as_slice()).unwrap_or_default();
    let tellers = address.map(|one| one.tellers.as_slice()).unwrap_or_default();
    let by_bgp: Vec<String> = match (tellers.len(), look.wide) {
        (0, _) => Vec::new(),
        (count, false) => vec![format!("{count} by BGP")],
        (_, true) => tellers
            .iter()
            .map(|teller| format!("{}(BGP)", teller.node))
            .collect(),
    };
    holders.iter().map(|holder| holder.node.to_string()).chain(by_bgp)
}

fn sessions(sessions: &[SessionRow], look: Look) -> String {
    let number = |number: Option<i64>| number.map_or_else(none, |number| number.to_string());
    let row = |session: &SessionRow| {
        [
            session.node.clone(),
            session.peer.clone(),
            session.address.clone(),
            number(session.sent_ipv4),
            number(session.sent_ipv6),
            session.bfd.clone(),
            session
                .since
                .as_ref()
                .map_or_else(none, |since| age(since.0, look.now)),
            session.state.clone(),
        ]
    };
    let header = [
        "NODE", "PEER", "ROUTER", "SENT4", "SENT6", "BFD", "SINCE", "SESSION",
    ];
    let text = aligned(header, sessions.iter().map(row));
    let colours = sessions
        .iter()
        .map(|session| if session.up { GREEN } else { RED });
    let mut text = coloured(&text, colours, look);
    for session in sessions
        .iter()
        .filter(|session| !session.up && !session.last_error.is_empty())
    {
        text += &format!("{} with {}: {}\n", session.node, session.peer, session.last_error);
    }
    text
}

fn none() -> String {
    NONE.to_owned()
}

fn listed(words: impl Iterator<Item = String>) -> String {
    Some(words.unique().join(","))
        .filter(|all| !all.is_empty())
        .unwrap_or_else(none)
}

fn interfaces(holder: &Holder) -> impl Iterator<Item = String> + '_ {
    holder.interfaces.iter().map(|one| one.name.to_string())
}

fn macs(holder: &Holder) -> impl Iterator<Item = String> + '_ {
    holder
        .interfaces
        .iter()
        .filter_map(|one| Some(one.mac?.to_string()))
}

/// That of the node that took over last.
fn since(holders: &[Holder], now: Timestamp) -> String {
    let since = holders.first().and_then(|holder| holder.since.as_ref());
    since.map_or_else(none, |since| age(since.0, now))
}

fn pools(pools: &[PoolRow], look: Look) -> String {
    let number = |number: Option<i64>| match number {
        Some(i64::MAX) => "many".to_owned(),
        Some(number) => number.to_string(),
        None => none(),
    };
    let rows: Vec<[String; 7]> = pools
        .iter()
        .map(|pool| {
            [
                pool.name.clone(),
                number(pool.used_ipv4),
                number(pool.free_ipv4),
                number(pool.used_ipv6),
                number(pool.free_ipv6),
                pool.auto_assign.to_string(),
                pool.addresses.join(","),
            ]
        })
        .collect();
    let header = ["POOL", "USED4", "FREE4", "USED6", "FREE6"];
    if look.wide {
        let [a, b, c, d, e] = header;
        return aligned([a, b, c, d, e, "AUTO-ASSIGN", "ADDRESSES"], rows);
    }
    aligned(
        header,
        rows.into_iter().map(|[a, b, c, d, e, _, _]| [a, b, c, d, e]),
    )
}

fn nodes(nodes: &[NodeRow], look: Look) -> String {
    let links = |node: &NodeRow| {
        let link = |(name, link): (&_, &ferrolb_crds::domain::NodeLink)| {
            let mac = link.mac.map(|mac| format!("={mac}")).unwrap_or_default();
            let carrier = if link.carrier { "" } else { "(no carrier)" };
            format!("{name}{mac}{carrier}")
        };
        listed(node.links.iter().map(link))
    };
    let rows: Vec<[String; 6]> = nodes
        .iter()
        .map(|node| {
            [
                node.name.to_string(),
                node.ready.to_string(),
                node.addresses.to_string(),
                node.speaker.problems.len().to_string(),
                links(node),
                node.speaker.state.to_string(),
            ]
        })
        .collect();
    let text = match look.wide {
        true => aligned(
            ["NODE", "READY", "ADDRESSES", "PROBLEMS", "LINKS", "SPEAKER"],
            rows,
        ),
        false => {
            let narrow = rows.into_iter().map(|[a, b, c, d, _, f]| [a, b, c, d, f]);
            aligned(["NODE", "READY", "ADDRESSES", "PROBLEMS", "SPEAKER"], narrow)
        }
    };
    let colours = nodes
        .iter()
        .map(|node| if node.speaker.is_ready() { GREEN } else { RED });
    let mut text = coloured(&text, colours, look);
    if look.wide {
        for node in nodes {
            for problem in &node.speaker.problems {
                text += &format!("{}: {problem}\n", node.name);
            }
        }
    }
    text
}

/// Colours the last cell of each row. After the columns are aligned, as a terminal shows no width for a colour.
fn coloured(text: &str, colours: impl Iterator<Item = &'static str>, look: Look) -> String {
    if !look.colour {
        return text.to_owned();
    }
    let mut lines = text.lines();
    let mut coloured = lines
        .next()
        .map(|header| format!("{header}\n"))
        .unwrap_or_default();
    for (line, colour) in lines.zip(colours) {
        let at = line.rfind("  ").map_or(0, |at| at + 2);
        coloured += &format!("{}{colour}{}{PLAIN}\n", &line[..at], &line[at..]);
    }
    coloured
}
