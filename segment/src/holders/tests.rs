use std::net::Ipv4Addr;

use super::*;
use crate::message::{Boot, Hold, NodeId};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const LATER: Moment = Moment::after_origin(UNNEEDED);
const INSTANCE: Instance = Instance {
    node: NodeId([1; 16]),
    boot: Boot(1),
};

fn hold() -> Entry {
    Entry::Hold(Hold {
        epoch: Epoch(7),
        backed: true,
        yield_to: None,
    })
}

/// Somebody held the address.
fn held() -> Holders {
    let mut holders = Holders::default();
    let change = Change {
        address: ADDRESS,
        before: None,
        after: Some(hold()),
    };
    holders.change(INSTANCE, &change);
    holders
}

/// The epoch of a claim after two looks that are so far apart.
fn next_epoch(mut holders: Holders, needs: [bool; 2], later: Moment) -> u64 {
    holders.forget_epochs(Moment::ORIGIN, |_| needs[0]);
    holders.forget_epochs(later, |_| needs[1]);
    holders.next_epoch(ADDRESS).0
}

fn nobody_holds() -> Holders {
    let mut holders = held();
    holders.forget(INSTANCE, [(ADDRESS, &hold())].into_iter());
    holders
}

/// Rules C12, C14.
#[test]
fn an_epoch_that_nobody_needs_is_forgotten_after_ten_minutes() {
    let before = Moment::after_origin(UNNEEDED - Duration::from_millis(1));
    assert_eq!(next_epoch(nobody_holds(), [false, false], before), 8);
    assert_eq!(next_epoch(nobody_holds(), [false, false], LATER), 1);
}

/// Rules C12, C14.
#[test]
fn an_epoch_of_an_address_that_is_claimed_is_kept() {
    assert_eq!(next_epoch(held(), [false, false], LATER), 8);
}

#[test]
fn an_epoch_of_an_address_in_the_view_is_kept() {
    assert_eq!(next_epoch(nobody_holds(), [true, true], LATER), 8);
}

#[test]
fn ten_minutes_begin_when_nobody_needs_it_any_more() {
    assert_eq!(next_epoch(nobody_holds(), [true, false], LATER), 8);
}

#[test]
fn what_was_forgotten_leaves_nothing_behind() {
    let mut holders = nobody_holds();
    holders.forget_epochs(Moment::ORIGIN, |_| false);
    holders.forget_epochs(LATER, |_| false);
    assert!(holders.epochs.is_empty() && holders.unneeded.is_empty() && holders.by_address.is_empty());
}
