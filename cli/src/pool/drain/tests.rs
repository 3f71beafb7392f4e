use rstest::rstest;
use serde_json::json;

use super::*;
use crate::objects::Objects;

#[rstest]
#[case::unknown(
    Standing::Unknown,
    "nothing to drain: there is no pool old, and no Service has an address of it"
)]
#[case::empty(
    Standing::Regular(0),
    "nothing to drain: no Service has an address of pool old"
)]
#[case::in_use(
    Standing::Regular(3),
    "nothing to drain: 3 Services use pool old as they may; to drain it, delete it, take addresses out of its \
     spec.addresses, or set its spec.autoAssign to false"
)]
fn nothing_to_drain_says_what_to_do(#[case] standing: Standing, #[case] expected: &str) {
    assert_eq!(nothing_to_drain(&"old".into(), &standing), expected);
}

#[rstest]
#[case::a_typing_error(&["192.0.2.0-"], true)]
#[case::a_typing_error_in_one_entry(&["192.0.2.0/28", "198.51.100.0-"], true)]
#[case::no_error(&["192.0.2.0/28"], false)]
fn a_pool_that_is_skipped_is_not_taken_for_one_that_was_deleted(
    #[case] addresses: &[&str],
    #[case] skipped: bool,
) {
    let pool =
        json!({"metadata": {"name": "old", "namespace": "metallb-system"}, "spec": {"addresses": addresses}});
    let objects = Objects {
        pools: vec![serde_json::from_value(pool).unwrap()],
        ..Objects::default()
    };
    let mut problems = Vec::new();
    let world = objects.world(None, &mut problems);
    assert_eq!(invalid(&"old".into(), &world, &problems).is_some(), skipped);
}
