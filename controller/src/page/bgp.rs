//! What BGP does: sessions as rows, and how many nodes tell of each Service.

use std::collections::BTreeMap;

use ferrolb_crds::api::{BGPSessionStateStatus, ServiceBGPStatus};
use ferrolb_crds::domain::{NodeName, ServiceKey};
use maud::html;

use super::rows::{Row, Shown, State, head, lines, problem, text, time, word};

/// The nodes that say that they tell of each Service.
pub(super) type Tellers = BTreeMap<ServiceKey, Vec<NodeName>>;

/// Adds what one object says.
pub(super) fn add(tellers: &mut Tellers, object: &ServiceBGPStatus) {
    if let Some(status) = &object.status {
        let service = ServiceKey::new(&*status.service_namespace, &*status.service_name);
        tellers
            .entry(service)
            .or_default()
            .push(status.node.as_str().into());
    }
}

/// The session of a node with a peer.
pub(super) fn session(status: &BGPSessionStateStatus) -> Shown {
    let name = format!("{} with {}", status.node, status.bgp_peer);
    let id = format!("session/{}/{}", status.node, status.bgp_peer);
    let state = State {
        word: &status.bgp_status,
        problem: (!status.is_up()).then_some(match status.last_error.as_str() {
            "" => "not up yet",
            why => why,
        }),
    };
    let sent = status.prefixes_sent.as_ref();
    let sent = sent.map(|sent| [(sent.ipv4, "IPv4"), (sent.ipv6, "IPv6")]);
    let sent = sent.into_iter().flatten().filter(|(count, _)| *count > 0);
    let cells = html! {
        (head(&id, &name))
        td { (text(&status.peer)) }
        td { (lines(sent.map(|(count, family)| text(format!("{count} {family}"))))) }
        td { (text(&status.bfd_status)) }
        td { (lines(status.since.as_ref().map(|since| time(since.0)))) }
        td { (word(&state)) }
    };
    Shown {
        row: Row::new(name.clone(), &id, &cells),
        problem: problem(&state, id.clone(), &head(&id, &name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: &str) -> BGPSessionStateStatus {
        BGPSessionStateStatus {
            node: "n1".to_owned(),
            bgp_peer: "tor".to_owned(),
            peer: "192.0.2.1".to_owned(),
            bgp_status: state.to_owned(),
            bfd_status: "N/A".to_owned(),
            last_error: "cease".to_owned(),
            ..BGPSessionStateStatus::default()
        }
    }

    #[test]
    fn a_session_that_is_not_up_is_a_problem_in_the_words_of_its_end() {
        let Shown { row, problem } = session(&status("Active"));
        assert!(row.html.contains("data-key=\"n1 with tor\""), "{}", row.html);
        let problem = problem.unwrap().html;
        assert!(
            problem.contains("n1 with tor") && problem.contains("cease"),
            "{problem}"
        );
    }

    #[test]
    fn a_session_that_is_up_is_none_whatever_ended_before() {
        assert!(session(&status("Established")).problem.is_none());
    }
}
