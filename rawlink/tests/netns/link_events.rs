//! The table of the interfaces follows what happens to them.

use std::net::IpAddr;

use ferrolb_rawlink::links::{Link, LinkTable, watch};
use libtest_mimic::Trial;
use tokio::sync::watch::Receiver;

use crate::space::{Cable, Namespace};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "the_first_table_has_every_interface",
            the_first_table_has_every_interface,
        ),
        trial("going_down_and_up_is_seen", going_down_and_up_is_seen),
        trial("a_lost_carrier_is_seen", a_lost_carrier_is_seen),
        trial(
            "addresses_are_seen_to_come_and_go",
            addresses_are_seen_to_come_and_go,
        ),
        trial(
            "a_changed_hardware_address_is_seen",
            a_changed_hardware_address_is_seen,
        ),
        trial(
            "joining_and_leaving_a_bridge_is_seen",
            joining_and_leaving_a_bridge_is_seen,
        ),
        trial(
            "a_recreated_interface_has_a_new_index",
            a_recreated_interface_has_a_new_index,
        ),
        trial("lost_events_are_made_up_for", lost_events_are_made_up_for),
        trial(
            "the_socket_is_closed_once_nobody_listens",
            the_socket_is_closed_once_nobody_listens,
        ),
    ]
}

/// Runs a test in the right end of a new cable.
fn at_right(test: impl AsyncFnOnce(&Cable, Receiver<LinkTable>) + Send) {
    let cable = Cable::new();
    cable
        .right
        .run(async || test(&cable, watch().await.unwrap()).await);
}

fn named<'a>(table: &'a LinkTable, name: &str) -> Option<&'a Link> {
    table.values().find(|link| link.name == name)
}

/// Waits until the table shows the interface like this; the deadline is that of the trial.
async fn shows(links: &mut Receiver<LinkTable>, name: &str, condition: impl Fn(&Link) -> bool) -> Link {
    let matching = |table: &LinkTable| named(table, name).filter(|link| condition(link)).cloned();
    let table = links.wait_for(|table| matching(table).is_some()).await.unwrap();
    matching(&table).expect("it was there")
}

fn the_first_table_has_every_interface() {
    at_right(async |cable, _| {
        cable.right.ip("address add 192.0.2.1/24 dev right");
        cable.right.ip("address add 2001:db8::1/64 dev right nodad");
        cable.right.ip("link set right address 02:00:00:00:00:05");
        let links = watch().await.unwrap();
        let table = links.borrow().clone();
        let lo = named(&table, "lo").expect("every namespace has one");
        assert!(lo.loopback && !lo.broadcast && lo.mac.is_none() && !lo.up && !lo.carrier);
        let right = named(&table, "right").expect("the cable has this end");
        assert_eq!(table[&right.index], *right);
        let expected = Link {
            index: right.index,
            name: "right".to_owned(),
            mac: Some([2, 0, 0, 0, 0, 5]),
            mtu: 1500,
            up: true,
            carrier: true,
            loopback: false,
            noarp: false,
            broadcast: true,
            master: None,
            addresses: vec![address("192.0.2.1", 24), address("2001:db8::1", 64)],
        };
        assert_eq!(*right, expected);
    });
}

fn address(address: &str, prefix: u8) -> (IpAddr, u8) {
    (address.parse().unwrap(), prefix)
}

fn going_down_and_up_is_seen() {
    at_right(async |cable, mut links| {
        cable.right.ip("link set right down");
        shows(&mut links, "right", |link| !link.up && !link.carrier).await;
        cable.right.ip("link set right arp off up");
        shows(&mut links, "right", |link| link.up && link.carrier && link.noarp).await;
    });
}

fn a_lost_carrier_is_seen() {
    at_right(async |cable, mut links| {
        cable.left.ip("link set left down");
        shows(&mut links, "right", |link| link.up && !link.carrier).await;
        cable.left.ip("link set left up");
        shows(&mut links, "right", |link| link.up && link.carrier).await;
    });
}

fn addresses_are_seen_to_come_and_go() {
    at_right(async |cable, mut links| {
        cable.right.ip("address add 192.0.2.1/24 dev right");
        shows(&mut links, "right", |link| {
            link.addresses == [address("192.0.2.1", 24)]
        })
        .await;
        cable.right.ip("address add 2001:db8::1/64 dev right");
        shows(&mut links, "right", |link| {
            link.addresses.contains(&address("2001:db8::1", 64))
        })
        .await;
        cable.right.ip("address del 192.0.2.1/24 dev right");
        shows(&mut links, "right", |link| {
            link.addresses == [address("2001:db8::1", 64)]
        })
        .await;
        cable
            .right
            .ip("address add 192.0.2.1 peer 192.0.2.2/32 dev right");
        shows(&mut links, "right", |link| {
            link.addresses.contains(&address("192.0.2.1", 32))
        })
        .await;
    });
}

fn a_changed_hardware_address_is_seen() {
    at_right(async |cable, mut links| {
        cable.right.ip("link set right address 02:00:00:00:00:07");
        shows(&mut links, "right", |link| link.mac == Some([2, 0, 0, 0, 0, 7])).await;
    });
}

fn joining_and_leaving_a_bridge_is_seen() {
    at_right(async |cable, mut links| {
        cable.right.ip("link add bridge0 type bridge");
        let bridge = shows(&mut links, "bridge0", |_| true).await;
        cable.right.ip("link set right master bridge0");
        shows(&mut links, "right", |link| link.master == Some(bridge.index)).await;
        cable.right.ip("link set right nomaster");
        shows(&mut links, "right", |link| link.master.is_none()).await;
    });
}

fn a_recreated_interface_has_a_new_index() {
    at_right(async |cable, mut links| {
        let old = shows(&mut links, "right", |_| true).await;
        cable.right.ip("link del right");
        links
            .wait_for(|table| named(table, "right").is_none())
            .await
            .unwrap();
        cable.right.ip("link add right type veth peer name other");
        let new = shows(&mut links, "right", |_| true).await;
        assert!(new.index != old.index && !links.borrow().contains_key(&old.index));
    });
}

/// The runtime stands still while more events come than its socket can hold.
fn lost_events_are_made_up_for() {
    const ADDRESSES: u32 = 3_000;
    at_right(async |cable, mut links| {
        let before = dropped_messages();
        let batch: Vec<String> = (0..ADDRESSES)
            .map(|nth| format!("address add 10.96.{}.{}/32 dev right\n", nth / 250, 1 + nth % 250))
            .collect();
        cable.right.ip_batch(&batch.concat());
        assert!(dropped_messages() > before, "the socket was meant to overflow");
        shows(&mut links, "right", |link| {
            link.addresses.len() == ADDRESSES as usize
        })
        .await;
        cable.right.ip("address flush dev right");
        shows(&mut links, "right", |link| link.addresses.is_empty()).await;
    });
}

/// Netlink messages that sockets of this namespace were too full for.
fn dropped_messages() -> u64 {
    netlink_sockets()
        .iter()
        .map(|line| line[8].parse::<u64>().unwrap())
        .sum()
}

/// Lines of the rtnetlink sockets of this namespace.
fn netlink_sockets() -> Vec<Vec<String>> {
    let table = std::fs::read_to_string("/proc/thread-self/net/netlink").unwrap();
    let lines = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().map(str::to_owned).collect());
    // Port 0 is the kernel.
    lines
        .filter(|line: &Vec<String>| line[1] == "0" && line[2] != "0")
        .collect()
}

fn the_socket_is_closed_once_nobody_listens() {
    let space = Namespace::new();
    space.run(async || {
        let links = watch().await.unwrap();
        let other = links.clone();
        drop(links);
        assert_eq!(netlink_sockets().len(), 1);
        drop(other);
        while !netlink_sockets().is_empty() {
            tokio::task::yield_now().await;
        }
    });
}
