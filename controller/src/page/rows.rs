//! One object as one row. The words are those of its conditions.

use std::fmt::Display;
use std::sync::Arc;

use ferrolb_crds::api::core::Service;
use ferrolb_crds::api::{Condition, ConfigurationResult, ConfigurationState, IPAddressPool};
use ferrolb_crds::domain::{NodeName, Origins, ServiceKey};
use ferrolb_crds::names::{CONDITION_ANNOUNCED, CONDITION_ASSIGNED};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use maud::{Markup, html};

use super::moves::Holding;

/// An object that is shown.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) html: Arc<str>,
    /// The row among the problems, if there is something wrong with it.
    pub(super) problem: Option<Arc<str>>,
}

/// A Service of ours, and the nodes that say that they announce it.
pub(super) fn service(key: &ServiceKey, service: &Service, holdings: &[Holding]) -> Row {
    let id = format!("service/{key}");
    let addresses = service.ingress().iter().filter_map(|entry| entry.ip.as_deref());
    let origins = service.metadata.annotations.as_ref().map(Origins::read);
    let origins = origins.unwrap_or_default();
    let state = state(service);
    let html = html! {
        tr id=(id) data-key=(text(key)) {
            th scope="row" { a href=(format!("#{id}")) { (text(key)) } }
            td { (lines(addresses.map(text))) }
            td { (lines([origins.first, origins.second].iter().flatten().map(text))) }
            td { (lines(holdings.iter().map(|one| text(&one.node)))) }
            td { (lines(holdings.iter().map(|one| time(one.since)))) }
            td { (word(&state)) }
        }
    };
    let problem = state
        .problem
        .map(|message| problem(key, &id, state.word, message));
    Row {
        html: html.into_string().into(),
        problem,
    }
}

/// What is to be said of an object.
struct State<'a> {
    word: &'a str,
    /// What is wrong.
    problem: Option<&'a str>,
}

/// The first condition that does not hold; while the controller or a speaker has said nothing yet, there is none.
fn state(service: &Service) -> State<'_> {
    let conditions = [CONDITION_ASSIGNED, CONDITION_ANNOUNCED].map(|type_| service.condition(type_));
    let is_broken = |condition: &&&Condition| condition.status == "False";
    let broken = conditions.iter().flatten().find(is_broken);
    match (broken, conditions) {
        (Some(broken), _) => State {
            word: &broken.reason,
            problem: Some(&broken.message),
        },
        (None, [_, Some(announced)]) => State {
            word: &announced.reason,
            problem: None,
        },
        (None, [Some(assigned), None]) => State {
            word: &assigned.reason,
            problem: None,
        },
        (None, [None, None]) => State {
            word: "Pending",
            problem: None,
        },
    }
}

/// A pool, and how much of it is given out.
pub(super) fn pool(pool: &IPAddressPool) -> Row {
    let name = pool.name_any();
    let id = format!("pool/{name}");
    let used = pool.status.clone().unwrap_or_default();
    let families = [
        ("IPv4", used.assigned_ipv4, used.available_ipv4),
        ("IPv6", used.assigned_ipv6, used.available_ipv6),
    ];
    let there = families
        .iter()
        .filter(|(_, assigned, available)| assigned + available > 0);
    let html = html! {
        tr id=(id) data-key=(name) {
            th scope="row" { a href=(format!("#{id}")) { (name) } }
            td { (lines(pool.spec.addresses.iter().map(text))) }
            td { (if pool.spec.auto_assign { "yes" } else { "only if asked for" }) }
            td { (lines(there.clone().map(|(family, assigned, _)| text(format!("{assigned} {family}"))))) }
            td { (lines(there.map(|(family, _, available)| text(format!("{available} {family}"))))) }
        }
    };
    Row {
        html: html.into_string().into(),
        problem: None,
    }
}

/// A node: how many Services it announces, and what its speaker says of its configuration.
pub(super) fn node(name: &NodeName, speaker: Option<&ConfigurationState>, services: usize) -> Row {
    let id = format!("node/{name}");
    let state = configuration(speaker);
    let html = html! {
        tr id=(id) data-key=(text(name)) {
            th scope="row" { a href=(format!("#{id}")) { (text(name)) } }
            td { (services) }
            td { (word(&state)) }
        }
    };
    let problem = state
        .problem
        .map(|message| problem(name, &id, state.word, message));
    Row {
        html: html.into_string().into(),
        problem,
    }
}

/// What the controller that leads says of its configuration.
pub(super) fn controller(state: &ConfigurationState) -> Option<Arc<str>> {
    let state = configuration(Some(state));
    let message = state.problem?;
    Some(problem("controller", "", state.word, message))
}

fn configuration(state: Option<&ConfigurationState>) -> State<'_> {
    let Some(status) = state.and_then(|state| state.status.as_ref()) else {
        return State {
            word: "NoSpeaker",
            problem: None,
        };
    };
    match status.result {
        ConfigurationResult::Valid => State {
            word: "Valid",
            problem: None,
        },
        ConfigurationResult::Unknown => State {
            word: "Unknown",
            problem: None,
        },
        ConfigurationResult::Invalid => State {
            word: "Invalid",
            problem: Some(&status.error_summary),
        },
    }
}

/// A Service that a node announces since then.
pub(super) fn holding(service: &ServiceKey, holding: &Holding) -> (Arc<str>, Arc<str>) {
    // The youngest comes first in the order of keys.
    let key = format!(
        "{:020} {service} {}",
        i64::MAX - holding.since.as_millisecond(),
        holding.node
    );
    let html = html! {
        tr data-key=(key) {
            td { (time(holding.since)) }
            th scope="row" { a href=(format!("#service/{service}")) { (text(service)) } }
            td { (text(&holding.node)) }
        }
    };
    (key.into(), html.into_string().into())
}

fn problem(subject: impl Display, id: &str, word: &str, message: &str) -> Arc<str> {
    let html = html! {
        tr {
            th scope="row" {
                @if id.is_empty() { (text(subject)) } @else { a href=(format!("#{id}")) { (text(subject)) } }
            }
            td { (word) }
            td { (lines(message.lines().map(text))) }
        }
    };
    html.into_string().into()
}

fn word(state: &State<'_>) -> Markup {
    html! { span class=(if state.problem.is_some() { "bad" } else { "good" }) { (state.word) } }
}

fn time(at: Timestamp) -> Markup {
    html! { time datetime=(text(at)) { (text(at.strftime("%Y-%m-%d %H:%M:%S UTC"))) } }
}

fn text(of: impl Display) -> Markup {
    html! { (maud::display(of)) }
}

fn lines(all: impl IntoIterator<Item = Markup>) -> Markup {
    html! {
        @for (number, one) in all.into_iter().enumerate() {
            @if number > 0 { br; }
            (one)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn web(conditions: &Value) -> Service {
        serde_json::from_value(json!({
            "metadata": {"annotations": {"metallb.io/ip-allocated-from-pool": "lan"}},
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.2"}]}, "conditions": conditions},
        }))
        .unwrap()
    }

    fn holdings() -> Vec<Holding> {
        vec![Holding {
            since: "2026-01-01T00:00:00Z".parse().unwrap(),
            node: "n1".into(),
        }]
    }

    fn row(conditions: &Value) -> Row {
        service(&ServiceKey::new("default", "web"), &web(conditions), &holdings())
    }

    #[test]
    fn a_service_that_is_announced_has_its_address_pool_holder_and_since_when() {
        let row = row(&json!([
            {"type": "ferrolb.io/Assigned", "status": "True", "reason": "Assigned"},
            {"type": "ferrolb.io/Announced", "status": "True", "reason": "Announced"},
        ]));
        let shown = row
            .html
            .split('<')
            .filter_map(|tag| tag.split_once('>'))
            .map(|(_, text)| text);
        let shown: Vec<&str> = shown.filter(|text| !text.is_empty()).collect();
        let expected = [
            "default/web",
            "192.0.2.2",
            "lan",
            "n1",
            "2026-01-01 00:00:00 UTC",
            "Announced",
        ];
        assert_eq!(shown, expected);
        assert!(row.problem.is_none());
    }

    #[test]
    fn a_condition_that_does_not_hold_is_a_problem_in_its_own_words() {
        let row = row(&json!([
            {"type": "ferrolb.io/Assigned", "status": "True", "reason": "Assigned"},
            {"type": "ferrolb.io/Announced", "status": "False", "reason": "NoEndpoint", "message": "no node has one"},
        ]));
        assert!(row.html.contains("NoEndpoint"));
        let problem = row.problem.unwrap();
        assert!(
            problem.contains("NoEndpoint") && problem.contains("no node has one"),
            "{problem}"
        );
    }

    #[test]
    fn what_others_write_is_text_and_no_markup() {
        let row = row(&json!([
            {"type": "ferrolb.io/Announced", "status": "False", "reason": "<i>", "message": "<script>alert(1)</script>"},
        ]));
        let all = format!("{}{}", row.html, row.problem.unwrap());
        assert!(!all.contains("<script") && !all.contains("<i>"), "{all}");
    }
}
