//! One object as one row. The words are those of its conditions.

use std::fmt::Display;
use std::sync::Arc;

use ferrolb_crds::api::core::Service;
use ferrolb_crds::api::{Condition, ConfigurationResult, ConfigurationState, IPAddressPool};
use ferrolb_crds::domain::{NodeName, Origins, ServiceKey};
use ferrolb_crds::names::{ANNOUNCED, CONDITION_ANNOUNCED, CONDITION_ASSIGNED};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use maud::{Markup, html};

use super::moves::Holding;

/// A row with the key by which the script finds it again.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) key: Arc<str>,
    pub(super) html: Arc<str>,
}

impl Row {
    /// `id` is what links to the row name; empty if none do.
    pub(super) fn new(key: String, id: &str, cells: &Markup) -> Self {
        let html = html! { tr id=[(!id.is_empty()).then_some(id)] data-key=(key) { (cells) } };
        Self {
            html: html.into_string().into(),
            key: key.into(),
        }
    }
}

/// An object that is shown.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) row: Row,
    /// The row among the problems, if there is something wrong with it.
    pub(super) problem: Option<Row>,
}

/// A Service of ours, the nodes that say that they announce it, and how many say that they tell of it by BGP.
pub(super) fn service(key: &ServiceKey, service: &Service, holdings: &[Holding], tellers: usize) -> Shown {
    let id = format!("service/{key}");
    let addresses = service.ingress().iter().filter_map(|entry| entry.ip.as_deref());
    let origins = service.metadata.annotations.as_ref().map(Origins::read);
    let origins = origins.unwrap_or_default();
    let state = state(service);
    let by_bgp = (tellers > 0).then(|| text(format!("{tellers} by BGP")));
    let cells = html! {
        (head(&id, key))
        td { (lines(addresses.map(text))) }
        td { (lines([origins.first, origins.second].iter().flatten().map(text))) }
        td { (lines(holdings.iter().map(|one| text(&one.node)).chain(by_bgp))) }
        td { (lines(holdings.iter().map(|one| time(one.since)))) }
        td { (word(&state)) }
    };
    Shown {
        row: Row::new(key.to_string(), &id, &cells),
        problem: problem(&state, id.clone(), &head(&id, key)),
    }
}

/// What is to be said of an object.
pub(super) struct State<'a> {
    pub(super) word: &'a str,
    /// What is wrong.
    pub(super) problem: Option<&'a str>,
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
            problem: (announced.reason != ANNOUNCED).then_some(announced.message.as_str()),
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
    let cells = html! {
        (head(&id, &name))
        td { (lines(pool.spec.addresses.iter().map(text))) }
        td { (if pool.spec.auto_assign { "yes" } else { "only if asked for" }) }
        td { (lines(there.clone().map(|(family, assigned, _)| text(format!("{assigned} {family}"))))) }
        td { (lines(there.map(|(family, _, available)| text(format!("{available} {family}"))))) }
    };
    Row::new(name, &id, &cells)
}

/// A node: how many Services it announces, and what its speaker says of its configuration.
pub(super) fn node(name: &NodeName, speaker: Option<&ConfigurationState>, services: usize) -> Shown {
    let id = format!("node/{name}");
    let state = configuration(speaker);
    let cells = html! {
        (head(&id, name))
        td { (services) }
        td { (word(&state)) }
    };
    Shown {
        row: Row::new(name.to_string(), &id, &cells),
        problem: problem(&state, id.clone(), &head(&id, name)),
    }
}

/// What the controller that leads says of its configuration.
pub(super) fn controller(state: &ConfigurationState) -> Option<Row> {
    let subject = "controller";
    let head = html! { th scope="row" { (subject) } };
    problem(&configuration(Some(state)), subject.to_owned(), &head)
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
pub(super) fn holding(service: &ServiceKey, holding: &Holding) -> Row {
    // The youngest comes first in the order of keys.
    let key = format!(
        "{:020} {service} {}",
        i64::MAX - holding.since.as_millisecond(),
        holding.node
    );
    let cells = html! {
        td { (time(holding.since)) }
        (head(&format!("service/{service}"), service))
        td { (text(&holding.node)) }
        td { (lines(holding.took_ms.map(|took_ms| text(format!("{took_ms} ms"))))) }
        td { (lines(holding.cause.as_ref().map(text))) }
    };
    Row::new(key, "", &cells)
}

/// The row among the problems, if there is one.
pub(super) fn problem(state: &State<'_>, key: String, head: &Markup) -> Option<Row> {
    let message = state.problem?;
    let cells = html! {
        (head)
        td { (state.word) }
        td { (lines(message.lines().map(text))) }
    };
    Some(Row::new(key, "", &cells))
}

/// The name of an object, as a link to its row.
pub(super) fn head(id: &str, name: impl Display) -> Markup {
    html! { th scope="row" { a href=(format!("#{id}")) { (text(name)) } } }
}

pub(super) fn word(state: &State<'_>) -> Markup {
    html! { span class=(if state.problem.is_some() { "bad" } else { "good" }) { (state.word) } }
}

pub(super) fn time(at: Timestamp) -> Markup {
    html! { time datetime=(text(at)) { (text(at.strftime("%Y-%m-%d %H:%M:%S UTC"))) } }
}

pub(super) fn text(of: impl Display) -> Markup {
    html! { (maud::display(of)) }
}

pub(super) fn lines(all: impl IntoIterator<Item = Markup>) -> Markup {
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
            cause: Some("SpeakerDown".to_owned()),
            took_ms: Some(640),
        }]
    }

    fn shown(conditions: &Value) -> Shown {
        service(
            &ServiceKey::new("default", "web"),
            &web(conditions),
            &holdings(),
            2,
        )
    }

    #[test]
    fn a_service_that_is_announced_has_its_address_pool_holder_and_since_when() {
        let Shown { row, problem } = shown(&json!([
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
            "2 by BGP",
            "2026-01-01 00:00:00 UTC",
            "Announced",
        ];
        assert_eq!(shown, expected);
        assert!(problem.is_none());
    }

    #[test]
    fn a_condition_that_does_not_hold_is_a_problem_in_its_own_words() {
        let Shown { row, problem } = shown(&json!([
            {"type": "ferrolb.io/Assigned", "status": "True", "reason": "Assigned"},
            {"type": "ferrolb.io/Announced", "status": "False", "reason": "NoEndpoint", "message": "no node has one"},
        ]));
        assert!(row.html.contains("NoEndpoint"));
        let problem = problem.unwrap().html;
        assert!(
            problem.contains("NoEndpoint") && problem.contains("no node has one"),
            "{problem}"
        );
    }

    #[test]
    fn every_row_bears_the_key_by_which_the_script_finds_it() {
        let broken = json!([{"type": "ferrolb.io/Announced", "status": "False", "reason": "NoEndpoint"}]);
        let Shown { row, problem } = shown(&broken);
        let key = ServiceKey::new("default", "web");
        let state = json!({"apiVersion": "metallb.io/v1beta1", "kind": "ConfigurationState",
            "metadata": {"name": "speaker-n1"}, "status": {"result": "Invalid", "errorSummary": "wrong"}});
        let state: ConfigurationState = serde_json::from_value(state).unwrap();
        let pool_of = json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": {"name": "lan"}, "spec": {"addresses": []}});
        let node = node(&"n1".into(), Some(&state), 1);
        let rows = [
            Some(row),
            problem,
            Some(pool(&serde_json::from_value(pool_of).unwrap())),
            Some(node.row),
            node.problem,
            controller(&state),
            Some(holding(&key, &holdings()[0])),
        ];
        let keys: Vec<Arc<str>> = rows
            .into_iter()
            .map(|row| {
                let Row { key, html } = row.unwrap();
                assert!(html.contains(&format!("data-key=\"{key}\"")), "{key} in {html}");
                key
            })
            .collect();
        let expected = [
            "default/web",
            "service/default/web",
            "lan",
            "n1",
            "node/n1",
            "controller",
        ];
        assert_eq!(keys[..6].iter().map(|key| &**key).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_move_says_how_long_it_took_and_why_where_the_speaker_knows() {
        let key = ServiceKey::new("default", "web");
        let known = holding(&key, &holdings()[0]).html;
        assert!(known.contains("<td>640 ms</td><td>SpeakerDown</td>"), "{known}");
        let unknown = Holding {
            cause: None,
            took_ms: None,
            ..holdings()[0].clone()
        };
        let unknown = holding(&key, &unknown).html;
        assert!(
            unknown.ends_with("<td>n1</td><td></td><td></td></tr>"),
            "{unknown}"
        );
    }

    #[test]
    fn what_others_write_is_text_and_no_markup() {
        let Shown { row, problem } = shown(&json!([
            {"type": "ferrolb.io/Announced", "status": "False", "reason": "<i>", "message": "<script>alert(1)</script>"},
        ]));
        let all = format!("{}{}", row.html, problem.unwrap().html);
        assert!(!all.contains("<script") && !all.contains("<i>"), "{all}");
    }
}
