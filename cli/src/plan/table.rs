//! The answer for people.

use std::net::IpAddr;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use ferrolb_crds::domain::{InterfaceName, PoolName, Problem};

use super::against::Changes;
use super::report::{Announced, Change, Reason, Report, ServicePlan};
use super::score;

/// A line for each address, then scores if they are asked for, then why Services have none, what becomes of addresses in use, what is odd
/// about them, and what is wrong with the manifests.
pub(super) fn render(report: &Report) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_header(["NAMESPACE", "NAME", "ADDRESS", "POOL", "NODE", "INTERFACES"]);
    let (balanced, others): (Vec<_>, Vec<_>) = report.services.iter().partition(|one| one.is_load_balancer);
    for service in &balanced {
        rows(service).into_iter().for_each(|row| {
            table.add_row(row);
        });
    }
    let mut text = table.trim_fmt() + "\n";
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

/// A line for each change, then what is wrong with the objects.
pub(super) fn render_changes(report: &Changes) -> String {
    let mut text = if report.changes.is_empty() {
        "nothing would change\n".to_owned()
    } else {
        report
            .changes
            .iter()
            .map(|change| format!("{change}\n"))
            .collect()
    };
    problems(&mut text, &report.problems);
    text
}

fn problems(text: &mut String, problems: &[Problem]) {
    let problem = |problem: &Problem| format!("{}: {}", problem.object, problem.message);
    section(
        text,
        "Problems:",
        &problems.iter().map(problem).collect::<Vec<_>>(),
    );
}

fn rows(service: &ServicePlan) -> Vec<[String; 6]> {
    let (namespace, name) = (&service.namespace, &service.name);
    if let Some(refused) = &service.refused {
        let none = "-".to_owned();
        return vec![[
            namespace.clone(),
            name.clone(),
            refused.reason.clone(),
            none.clone(),
            none.clone(),
            none,
        ]];
    }
    let row = |(announced, pool): (&Announced, &PoolName)| {
        let interfaces: Vec<&str> = announced.interfaces.iter().map(InterfaceName::as_str).collect();
        let interfaces = if interfaces.is_empty() {
            "-".to_owned()
        } else {
            interfaces.join(",")
        };
        [
            namespace.clone(),
            name.clone(),
            announced.address.to_string(),
            pool.to_string(),
            announced
                .node
                .as_ref()
                .map_or_else(|| nobody(announced), ToString::to_string),
            interfaces,
        ]
    };
    service.announced.iter().zip(&service.pools).map(row).collect()
}

fn nobody(announced: &Announced) -> String {
    announced
        .refused
        .as_ref()
        .map_or("-", |refused| refused.reason.as_str())
        .to_owned()
}

fn reasons(service: &ServicePlan) -> Vec<String> {
    let of_service = |reason: &Reason| format!("{}/{}: {}", service.namespace, service.name, reason.message);
    let of_address = |announced: &Announced| {
        let refused = announced.refused.as_ref()?;
        Some(format!(
            "{}/{} {}: {}",
            service.namespace, service.name, announced.address, refused.message
        ))
    };
    service
        .refused
        .iter()
        .map(of_service)
        .chain(service.announced.iter().filter_map(of_address))
        .collect()
}

/// One line for all Services that want no address.
fn not_balanced(services: &[&ServicePlan]) -> Option<String> {
    /// As many names as fit a line.
    const NAMED: usize = 3;
    let names: Vec<String> = services.iter().take(NAMED).map(|one| name(one)).collect();
    let more = services.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    (!names.is_empty()).then(|| format!("{}{more}: not of type LoadBalancer", names.join(", ")))
}

fn change(service: &ServicePlan) -> Option<String> {
    let Change { keeps, gains, loses } = &service.change;
    let part = |(verb, addresses): (&str, &Vec<IpAddr>)| {
        let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        (!texts.is_empty()).then(|| format!("{verb} {}", texts.join(", ")))
    };
    let parts: Vec<String> = [("keeps", keeps), ("gains", gains), ("loses", loses)]
        .into_iter()
        .filter_map(part)
        .collect();
    service
        .change
        .is_of_use()
        .then(|| format!("{}: {}", name(service), parts.join("; ")))
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
