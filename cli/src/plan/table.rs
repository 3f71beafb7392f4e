//! The answer for people.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use ferrolb_crds::domain::{InterfaceName, PoolName, Problem};

use super::against::Changes;
use super::report::{Announced, Reason, Report, ServicePlan};
use super::score;

/// A line for each address, then scores if they are asked for, then why Services have none, then what is wrong with the manifests.
pub(super) fn render(report: &Report) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_header(["NAMESPACE", "NAME", "ADDRESS", "POOL", "NODE", "INTERFACES"]);
    for service in &report.services {
        rows(service).into_iter().for_each(|row| {
            table.add_row(row);
        });
    }
    let mut text = table.trim_fmt() + "\n";
    if let Some(scores) = score::render(report) {
        text += &format!("\n{scores}");
    }
    let reasons: Vec<String> = report.services.iter().flat_map(reasons).collect();
    section(&mut text, "Why not:", &reasons);
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

fn section(text: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        *text += &format!("\n{title}\n");
        lines.iter().for_each(|line| *text += &format!("  {line}\n"));
    }
}
