//! An address is announced, and something is wrong all the same.

use ferrolb_crds::api::ServiceL2Status;
use rstest::rstest;
use serde_json::json;

use super::fixture::*;

#[rstest]
#[case::for_some("True", "OffSubnet")]
#[case::for_sure("False", "Ipv6Off")]
#[case::unheard("False", "NoCarrier")]
fn what_the_holder_says_of_packets_is_doubtful(#[case] status: &str, #[case] reason: &str) {
    let said = "192.0.2.200 announced from node n1 on eth0, but packets do not get on";
    let first_line = headline(|it| it.announced(status, reason, said));
    assert_eq!(
        first_line,
        format!("shop/web is announced, but may not be reached ({reason}): {said}")
    );
}

#[test]
fn nodes_that_may_announce_and_do_not_say_that_they_do_are_named() {
    let first_line = headline(|it| {
        it.objects.statuses.clear();
        it.of_service(json!({"status": {"conditions": [condition("Assigned", "True", "Assigned", "")]}}));
    });
    assert_eq!(
        first_line,
        "shop/web is not announced (NotHeld): no node says that it announces it (ServiceL2Status), although n1, n2 may"
    );
}

#[rstest]
#[case::another_node(vec![held_by("n2")], "n2")]
#[case::no_node(vec![], "no node")]
fn a_condition_that_the_objects_contradict_is_doubtful(
    #[case] statuses: Vec<ServiceL2Status>,
    #[case] named: &str,
) {
    let first_line = headline(|it| it.objects.statuses = statuses);
    assert_eq!(
        first_line,
        format!(
            "shop/web is announced, but may not be reached (SaysOtherwise): condition ferrolb.io/Announced says \
             \"192.0.2.200 announced from node n1 on eth0\", but ServiceL2Status names {named}"
        )
    );
}

#[test]
fn several_holders_are_what_the_condition_says() {
    let message = "192.0.2.200 announced from node n1 on eth0; also announced, by its own word, from node n2, which node n1 does not hear";
    let first_line = headline(|it| {
        it.objects.statuses.push(held_by("n2"));
        it.announced("True", "SeveralHolders", message);
    });
    assert_eq!(
        first_line,
        format!("shop/web is announced, but may not be reached (SeveralHolders): {message}")
    );
}

#[test]
fn a_holder_whose_speaker_is_not_ready_is_doubtful() {
    let first_line = headline(|it| {
        it.live().pods = Some(vec![object(pod("n1", "False")), object(pod("n2", "True"))]);
    });
    assert_eq!(
        first_line,
        "shop/web is announced, but may not be reached (SpeakerNotReady): node n1 announces it, and its speaker is not ready"
    );
}

#[test]
fn what_the_speakers_say_stands_where_nothing_else_speaks_against_it() {
    let message = "192.0.2.200 not announced: something that only they know";
    let first_line = headline(|it| it.announced("False", "Unheard", message));
    assert!(first_line.ends_with(message), "{first_line}");
}

#[test]
fn what_the_witness_finds_on_the_wire_is_doubtful() {
    let message = "192.0.2.200 announced from node n1, and node n2 gets no answer";
    let first_line = headline(|it| it.announced("False", "WireSilent", message));
    assert_eq!(
        first_line,
        format!("shop/web is announced, but may not be reached (WireSilent): {message}")
    );
}
