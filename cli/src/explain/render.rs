//! The answer for people, on one screen.

use std::collections::BTreeMap;
use std::fmt::Write;

use ferrolb_crds::api::Condition;
use ferrolb_crds::domain::{NodeName, listed};
use itertools::Itertools;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::Explanation;
use super::chain::{Asking, Candidate, Chain, Link, Reached};
use super::live::Told;
use crate::age::age;
use crate::holding::Holder;
use crate::plan;

/// The cause, what to do, then the chain.
pub(super) fn render(explanation: &Explanation, now: Timestamp) -> String {
    let mut screen = Screen {
        text: format!("{}\n", explanation.headline),
        now,
    };
    let further = explanation.causes.iter().skip(1);
    let further = further.map(|cause| format!("{} ({}): {}", cause.effect, cause.reason, cause.message));
    screen.section("Besides", further);
    let advice = explanation.causes.iter().flat_map(|cause| &cause.advice);
    screen.section("What to do", advice.unique().cloned());
    screen.section("Notes", explanation.notes.iter().cloned());
    if let Some(chain) = &explanation.chain {
        screen.text.push('\n');
        screen.chain(chain);
    }
    let problems = explanation.problems.iter();
    screen.section(
        "Objects that are skipped, in whole or in part",
        problems.map(|one| format!("{}: {}", one.object, one.message)),
    );
    screen.section("What may not be read", explanation.unseen.iter().cloned());
    screen.text
}

struct Screen {
    text: String,
    now: Timestamp,
}

impl Screen {
    fn section(&mut self, title: &str, lines: impl Iterator<Item = String>) {
        for (number, line) in lines.enumerate() {
            if number == 0 {
                self.text += &format!("\n{title}:\n");
            }
            self.text += &format!("  {line}\n");
        }
    }

    /// A line of the chain; further lines of one link have no title.
    fn line(&mut self, title: &str, words: &str) {
        // Writing to a text does not fail.
        let _ = writeln!(self.text, "{title:<13}{words}");
    }

    fn lines(&mut self, title: &str, lines: impl IntoIterator<Item = String>) {
        for (number, words) in lines.into_iter().enumerate() {
            self.line(if number == 0 { title } else { "" }, &words);
        }
    }

    fn chain(&mut self, chain: &Chain) {
        self.line("Service", &service(&chain.service));
        if let Some(asks) = &chain.service.asks {
            self.line("Asks for", asks);
        }
        if let Some(refused) = &chain.refused {
            self.lines("Pools", refused.to_string().split("; ").map(str::to_owned));
        }
        if let Some(endpoints) = &chain.endpoints {
            self.line("Endpoints", &reached(endpoints));
        }
        self.links(&chain.addresses);
        let conditions = [("Assigned", &chain.assigned), ("Announced", &chain.announced)];
        for (title, condition) in conditions {
            if let Some(condition) = condition {
                let words = self.condition(condition);
                self.line(title, &words);
            }
        }
        let events: Vec<String> = chain.events.iter().map(|event| self.event(event)).collect();
        self.lines("Events", events);
    }

    /// Addresses that are alike in all else are shown together.
    fn links(&mut self, links: &[Link]) {
        let mut alike: Vec<(Vec<String>, String)> = Vec::new();
        for link in links {
            let (address, rest) = (link.address.to_string(), self.link(link));
            match alike.iter_mut().find(|(_, known)| *known == rest) {
                Some((addresses, _)) => addresses.push(address),
                None => alike.push((vec![address], rest)),
            }
        }
        for (addresses, rest) in alike {
            self.line("Address", &format!("{}{rest}", addresses.join(", ")));
        }
    }

    /// What there is to say of an address, after the address itself.
    fn link(&self, link: &Link) -> String {
        let pool = link.pool.as_ref();
        let pool = pool.map_or_else(|| "no pool".to_owned(), |pool| format!("pool {pool}"));
        let shared = match link.shared_with.as_slice() {
            [] => String::new(),
            others => format!(", shared with {}", others.iter().join(", ")),
        };
        let mut below = Screen {
            text: String::new(),
            now: self.now,
        };
        let mut by = link
            .advertisements
            .iter()
            .map(|advert| format!("L2Advertisement {advert}"));
        let by = Some(by.join(", ")).filter(|by| !by.is_empty());
        let otherwise = match link.bgp.is_some() || link.by_bgp {
            true => "by BGP alone",
            false => "by nothing",
        };
        below.line("  Advertised", by.as_deref().unwrap_or(otherwise));
        below.lines("  Nodes", nodes(&link.nodes));
        if let Some(node) = &link.would_hold {
            below.line("  Holder", &format!("would be {node}"));
        }
        if let Some(told) = &link.bgp {
            below.line("  BGP", &bgp(told));
        }
        below.lines("  Holder", link.holders.iter().map(|holder| self.holder(holder)));
        if let Some(wire) = &link.wire {
            below.line("  Wire", wire);
        }
        format!(" from {pool}{shared}\n{}", below.text.trim_end())
    }

    fn holder(&self, holder: &Holder) -> String {
        let since = holder
            .since
            .as_ref()
            .map(|since| self.since(since))
            .unwrap_or_default();
        format!("{}{since}", on(holder))
    }

    fn since(&self, since: &Time) -> String {
        format!(", since {} ({} ago)", since.0, age(since.0, self.now))
    }

    fn condition(&self, condition: &Condition) -> String {
        let since = condition.last_transition_time.as_ref();
        let since = since.map(|since| self.since(since)).unwrap_or_default();
        format!(
            "{} {}: {}{since}",
            condition.status, condition.reason, condition.message
        )
    }

    fn event(&self, event: &Told) -> String {
        let ago = event
            .time
            .as_ref()
            .map(|time| format!("{} ago ", age(time.0, self.now)));
        let ago = ago.unwrap_or_default();
        format!("{ago}{} {}: {}", event.type_, event.reason, event.message)
    }
}

/// `from n1, n2 to tor`.
pub(super) fn bgp(told: &plan::Told) -> String {
    match &told.refused {
        Some(why) => why.to_string(),
        None => format!(
            "from {} to {}",
            told.nodes.iter().join(", "),
            told.peers.iter().join(", ")
        ),
    }
}

/// `node n2 on eth0 (02:00:c0:00:02:0c)`.
pub(super) fn on(holder: &Holder) -> String {
    let interfaces = holder.interfaces.iter().map(|one| match one.mac {
        Some(mac) => format!("{} ({mac})", one.name),
        None => one.name.to_string(),
    });
    let interfaces = interfaces.collect::<Vec<_>>();
    match interfaces.as_slice() {
        [] => format!("node {}", holder.node),
        some => format!("node {} on {}", holder.node, some.join(", ")),
    }
}

fn service(asking: &Asking) -> String {
    if !asking.is_load_balancer {
        return "not of type LoadBalancer".to_owned();
    }
    let class = asking.class.as_deref().unwrap_or("none");
    let ours = if asking.is_ours { "" } else { ", which is not ours" };
    format!(
        "type LoadBalancer, class {class}{ours}, externalTrafficPolicy {:?}",
        asking.policy
    )
}

fn reached(endpoints: &Reached) -> String {
    let on_nodes = endpoints
        .ready
        .iter()
        .map(|(node, count)| format!("{node} ({count})"));
    match (endpoints.can_serve, on_nodes.collect::<Vec<_>>().as_slice()) {
        (false, _) => "none can serve".to_owned(),
        (true, []) => "can serve; on which node is not known, or they are terminating".to_owned(),
        (true, nodes) => format!("ready on {}", nodes.join(", ")),
    }
}

/// A line for each thing that is said of nodes.
fn nodes(candidates: &[Candidate]) -> Vec<String> {
    let mut alike: BTreeMap<(bool, String), Vec<&NodeName>> = BTreeMap::new();
    for candidate in candidates {
        // Those that may announce come first.
        let said = (!candidate.may, judged(candidate));
        alike.entry(said).or_default().push(&candidate.node);
    }
    let line =
        |((_, judged), nodes): (&(bool, String), &Vec<&NodeName>)| format!("{}: {judged}", listed(nodes));
    alike.iter().map(line).collect()
}

fn judged(candidate: &Candidate) -> String {
    let judged = match (candidate.may, &candidate.reason) {
        (true, None) => "may announce".to_owned(),
        (true, Some(soft)) => format!("may announce, after others: {soft}"),
        (false, why) => why.iter().join(""),
    };
    let speaker = candidate.speaker.as_ref();
    let speaker = speaker.map(|state| format!("; speaker {state}"));
    format!("{judged}{}", speaker.unwrap_or_default())
}
