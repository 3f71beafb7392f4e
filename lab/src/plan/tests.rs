use std::collections::BTreeSet;

use rstest::rstest;

use super::*;

fn largest() -> Plan {
    Plan::new("dev", MOST_NODES, MOST_CLIENTS).unwrap()
}

#[test]
fn no_two_machines_share_an_address_a_mac_or_a_name() {
    let all: Vec<Machine> = largest().machines().collect();
    let distinct = |values: Vec<String>| values.into_iter().collect::<BTreeSet<_>>().len();
    assert_eq!(
        distinct(all.iter().map(|m| m.ipv4().to_string()).collect()),
        all.len()
    );
    assert_eq!(
        distinct(all.iter().map(|m| m.ipv6().to_string()).collect()),
        all.len()
    );
    assert_eq!(
        distinct(all.iter().map(|m| m.mac().to_string()).collect()),
        all.len()
    );
    assert_eq!(
        distinct(all.iter().map(|m| largest().full_name(*m)).collect()),
        all.len()
    );
}

#[test]
fn numbers_from_200_belong_to_no_machine() {
    assert!(largest().machines().all(|machine| machine.number() < 200));
}

#[test]
fn both_addresses_of_a_machine_read_alike() {
    assert_eq!(Machine::Node(3).ipv4().to_string(), "192.0.2.13");
    assert_eq!(Machine::Node(3).ipv6().to_string(), "2001:db8:1::13");
    assert_eq!(lan6(200).to_string(), "2001:db8:1::200");
}

#[test]
fn the_mac_of_a_machine_holds_its_address() {
    assert_eq!(Machine::Node(1).mac().to_string(), "02:00:c0:00:02:0b");
}

#[rstest]
#[case("2", Machine::Node(2))]
#[case("n2", Machine::Node(2))]
#[case("fl-dev-n2", Machine::Node(2))]
#[case("client", Machine::Client(1))]
#[case("client2", Machine::Client(2))]
#[case("cp", Machine::ControlPlane)]
fn a_machine_is_found_by_any_of_its_names(#[case] said: &str, #[case] meant: Machine) {
    assert_eq!(largest().machine(said).unwrap(), meant);
}

#[test]
fn an_unknown_machine_is_refused_with_the_names_there_are() {
    let refused = Plan::new("dev", 2, 1)
        .unwrap()
        .machine("n3")
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("n3") && refused.contains("cp, client, n1, n2"),
        "{refused}"
    );
}

#[rstest]
#[case("", 1, 1)]
#[case("Dev", 1, 1)]
#[case("a-b", 1, 1)]
#[case("aaaaaaaaaaaaaaaaa", 1, 1)]
#[case("dev", 81, 1)]
#[case("dev", 1, 0)]
fn a_plan_that_cannot_be_built_is_refused(#[case] name: &str, #[case] nodes: u8, #[case] clients: u8) {
    assert!(Plan::new(name, nodes, clients).is_err());
}

#[test]
fn the_prefix_of_one_lab_never_starts_that_of_another() {
    assert!(!prefix("dev2").starts_with(&prefix("dev")));
}
