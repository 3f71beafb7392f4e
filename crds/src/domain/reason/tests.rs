use rstest::rstest;
use serde_json::json;

use super::*;
use crate::domain::{Mac, Port};

fn nobody(nodes: impl IntoIterator<Item = (String, Reason)>) -> String {
    let nodes = nodes
        .into_iter()
        .map(|(name, reason)| (NodeName::from(name), reason))
        .collect();
    Reason::NoEligibleNode(Arc::new(nodes)).to_string()
}

#[test]
fn nodes_with_the_same_reason_are_named_together() {
    let web = BTreeSet::from([ServiceKey::new("shop", "web")]);
    let text = nobody([
        ("n1".to_owned(), Reason::NoLocalEndpoint(web.clone())),
        ("n2".to_owned(), Reason::NetworkUnavailable),
        ("n3".to_owned(), Reason::NoLocalEndpoint(web)),
    ]);
    assert_eq!(
        text,
        "no node may announce it: n2: condition NetworkUnavailable; \
         n1, n3: no local endpoint of shop/web can serve (externalTrafficPolicy: Local)"
    );
}

#[test]
fn a_long_list_of_nodes_is_cut() {
    let text = nobody((10..25).map(|number| (format!("n{number}"), Reason::NotAlive)));
    assert!(
        text.contains("n19 and 5 more: not alive") && !text.contains("n20"),
        "{text}"
    );
}

#[rstest]
#[case(Reason::NoPools, "no_pools")]
#[case(
    Reason::SharedWithServiceSelectors { advert: "l2".into() },
    "shared_with_service_selectors"
)]
#[case(Reason::Cordoned, "cordoned")]
#[case(Reason::OutOfService, "out_of_service")]
fn the_label_is_the_word_in_snake_case(#[case] reason: Reason, #[case] label: &str) {
    assert_eq!(reason.label(), label);
}

#[test]
fn a_reason_is_written_as_a_word_and_a_sentence() {
    let port = Port {
        protocol: "TCP".to_owned(),
        number: 80,
    };
    let reason = Reason::InUse {
        address: "192.0.2.1".parse().unwrap(),
        by: ServiceKey::new("shop", "web"),
        why: Unshared::SamePort(port),
    };
    let expected =
        json!({ "reason": "InUse", "message": "192.0.2.1 is in use by shop/web: both serve TCP/80" });
    assert_eq!(serde_json::to_value(&reason).unwrap(), expected);
}

#[test]
fn the_addresses_that_are_taken_are_read_from_the_sentence_that_says_so() {
    let taken = Reason::WireTaken(Box::new(Taken {
        finder: "n1".into(),
        interface: "eth0".into(),
        mac: Mac([0x52, 0x54, 0, 0, 0, 9]),
    }));
    let sentence = format!("192.0.2.5, 2001:db8::5 {NOT_ANNOUNCED}{taken}");
    assert_eq!(
        sentence,
        "192.0.2.5, 2001:db8::5 not announced: another station (MAC address 52:54:00:00:00:09, QEMU/KVM), which is no node, \
         answers when node n1 asks for the address on eth0 before its first use"
    );
    let read = |message: &str| Taken::addresses_in(message).to_string();
    assert_eq!(read(&sentence), "192.0.2.5, 2001:db8::5");
    let beside = format!("192.0.2.4 announced from node n2; 2001:db8::5 {NOT_ANNOUNCED}{taken}");
    assert_eq!(read(&beside), "2001:db8::5");
    let other = format!("192.0.2.4 {NOT_ANNOUNCED}{}", Reason::NoEndpoints);
    assert_eq!(read(&other), "");
}

#[test]
fn without_a_pool_to_try_the_sentence_says_so() {
    assert_eq!(
        Reason::NoAddress(Arc::default()).to_string(),
        "no pool is left to try"
    );
}
