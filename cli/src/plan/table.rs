//! The answer for people.

use ferrolb_crds::domain::PoolName;
use itertools::Itertools;

use super::against::Changes;
use super::report::{Announced, Change, Reason, Report, ServicePlan};
use super::routed::Route;
use super::score;
use crate::problem::Problem;

/// A line for each address, then the routes that BGP peers are told, scores if they are asked for, then why Services have none, what becomes of addresses in use, what is odd
/// about them, and what is wrong with the manifests.
pub(super) fn render(report: &Report) -> String {
    let (balanced, others): (Vec<_>, Vec<_>) = report.services.iter().partition(|one| one.is_load_balancer);
    let header = ["NAMESPACE", "NAME", "ADDRESS", "POOL", "NODE", "INTERFACES"];
    let mut text = aligned(header, balanced.iter().flat_map(|service| rows(service)));
    if !report.routes.is_empty() {
        let header = ["PREFIX", "PEER", "NODES", "LOCALPREF", "COMMUNITIES"];
        text += &format!("\n{}", aligned(header, report.routes.iter().map(route)));
    }
    if let Some(scores) = score::render(report) {
        text += &format!("\n{scores}");
    }
    let mut why_not: Vec<String> = balanced.iter().flat_map(|service| reasons(service)).collect();
    why_not.extend(not_balanced(&others));
    section(&mut text, "Why not:", &why_not);
    let changes: Vec<String> = report.services.iter().filter_map(change).collect();
    section(&mut text, "Addresses in use:", &changes);
    let notes: Vec<String> = report.services.iter().flat_map(notes).collect();
    section(&mut text, "Notes:", &notes);
    problems(&mut text, &report.problems);
    text
}

/// A header and rows in columns.
pub(crate) fn aligned<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let rows: Vec<[String; N]> = [header.map(str::to_owned)].into_iter().chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths);
        let line = cells.map(|(cell, width)| format!(" {cell:<width$}")).join(" ");
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A line for each change, the sessions last, then what is wrong with the objects.
pub(super) fn render_changes(report: &Changes) -> String {
    let changes = report.changes.iter().map(|change| format!("{change}\n"));
    let sessions = report.sessions.iter().map(|change| format!("{change}\n"));
    let mut text: String = changes.chain(sessions).collect();
    if text.is_empty() {
        text = "nothing would change\n".to_owned();
    }
    problems(&mut text, &report.problems);
    text
}

fn problems(text: &mut String, problems: &[Problem]) {
    let line = |problem: &Problem| format!("{}: {}", problem.object, problem.message);
    let lines: Vec<String> = problems.iter().map(line).collect();
    section(text, "Problems:", &lines);
}

fn route(route: &Route) -> [String; 5] {
    let none = || "-".to_owned();
    let bandwidth = route.weight.map(|weight| format!("bandwidth {weight} Mbit/s"));
    let communities = route.communities.iter().chain(&bandwidth).join(",");
    [
        route.prefix.clone(),
        route.peer.to_string(),
        route.nodes.iter().join(","),
        route.local_pref.map_or_else(none, |value| value.to_string()),
        Some(communities)
            .filter(|all| !all.is_empty())
            .unwrap_or_else(none),
    ]
}

fn rows(service: &ServicePlan) -> Vec<[String; 6]> {
    let none = || "-".to_owned();
    let row = |address, pool, node, interfaces| {
        let (namespace, name) = (service.namespace.clone(), service.name.clone());
        [namespace, name, address, pool, node, interfaces]
    };
    if let Some(refused) = &service.refused {
        return vec![row(refused.reason.clone(), none(), none(), none())];
    }
    let announced = |(announced, pool): (&Announced, &PoolName)| {
        let node = announced.node.as_ref().map(ToString::to_string);
        let told = announced.bgp.as_ref();
        let bgp = || {
            told.filter(|told| told.refused.is_none())
                .map(|_| "BGP".to_owned())
        };
        let of_bgp = || told.and_then(|told| told.refused.as_ref());
        let nobody = || {
            announced
                .refused
                .as_ref()
                .or_else(of_bgp)
                .map(|why| why.reason.clone())
        };
        let interfaces = Some(announced.interfaces.iter().join(",")).filter(|all| !all.is_empty());
        row(
            announced.address.to_string(),
            pool.to_string(),
            node.or_else(bgp).or_else(nobody).unwrap_or_else(none),
            interfaces.unwrap_or_else(none),
        )
    };
    let all = service.announced.iter().zip(&service.pools);
    all.map(announced).collect()
}

fn reasons(service: &ServicePlan) -> Vec<String> {
    let name = name(service);
    let of_service = service
        .refused
        .iter()
        .map(|why| format!("{name}: {}", why.message));
    let of_address = |announced: &Announced| {
        let by_bgp = announced.bgp.iter().filter_map(|told| told.refused.clone());
        let all = announced.refused.clone().into_iter().chain(by_bgp);
        let line = |why: Reason| format!("{name} {}: {}", announced.address, why.message);
        all.map(line).collect::<Vec<_>>()
    };
    of_service
        .chain(service.announced.iter().flat_map(of_address))
        .collect()
}

/// One line for all Services that want no address.
fn not_balanced(services: &[&ServicePlan]) -> Option<String> {
    /// As many names as fit a line.
    const NAMED: usize = 3;
    let names = services.iter().take(NAMED).map(|one| name(one)).join(", ");
    let more = match services.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!names.is_empty()).then(|| format!("{names}{more}: not of type LoadBalancer"))
}

fn change(service: &ServicePlan) -> Option<String> {
    let Change { keeps, gains, loses } = &service.change;
    let parts = [("keeps", keeps), ("gains", gains), ("loses", loses)].into_iter();
    let parts = parts.filter(|(_, addresses)| !addresses.is_empty());
    let mut parts = parts.map(|(verb, addresses)| format!("{verb} {}", addresses.iter().format(", ")));
    let is_of_use = service.change.is_of_use();
    is_of_use.then(|| format!("{}: {}", name(service), parts.join("; ")))
}

fn notes(service: &ServicePlan) -> Vec<String> {
    let line = |note: &Reason| format!("{}: {}", name(service), note.message);
    service.notes.iter().map(line).collect()
}

fn name(service: &ServicePlan) -> String {
    format!("{}/{}", service.namespace, service.name)
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        *text += &format!("\n{title}\n");
        lines.iter().for_each(|line| *text += &format!("  {line}\n"));
    }
}
