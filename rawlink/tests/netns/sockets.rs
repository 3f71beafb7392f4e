//! Sending and receiving.

use std::io::ErrorKind;

use ferrolb_rawlink::{MacBytes, PacketSocket};
use libtest_mimic::Trial;

use crate::frames::*;
use crate::space::Cable;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_frame_arrives_as_it_was_sent", a_frame_arrives_as_it_was_sent),
        trial(
            "frames_that_the_host_sends_itself_are_not_received",
            own_frames_are_not_received,
        ),
        trial(
            "a_frame_is_cut_off_at_the_end_of_the_buffer",
            a_frame_is_cut_off_at_the_end_of_the_buffer,
        ),
        trial(
            "what_waits_can_be_read_to_its_end",
            what_waits_can_be_read_to_its_end,
        ),
        trial(
            "a_tagged_frame_passes_like_an_untagged_one_and_names_its_vlan",
            a_tagged_frame_names_its_vlan,
        ),
        trial(
            "a_socket_that_is_full_refuses_rather_than_waits",
            a_full_socket_refuses_rather_than_waits,
        ),
        trial(
            "a_frame_that_is_too_long_says_so",
            a_frame_that_is_too_long_says_so,
        ),
        trial(
            "frames_that_found_no_room_are_counted_once",
            frames_that_found_no_room_are_counted_once,
        ),
        trial(
            "a_group_is_received_from_join_to_leave",
            a_group_is_received_from_join_to_leave,
        ),
        trial(
            "a_socket_outlasts_its_interface_being_down",
            a_socket_outlasts_its_interface_being_down,
        ),
        trial(
            "a_deleted_interface_is_told_from_other_errors",
            a_deleted_interface_is_told_from_other_errors,
        ),
        trial(
            "an_interface_that_does_not_exist_cannot_be_opened",
            a_missing_interface_cannot_be_opened,
        ),
    ]
}

fn a_frame_arrives_as_it_was_sent() {
    let cable = Cable::new();
    cable.right.run(async || {
        let reader = cable.right.open("right", &of_types(&[BEACON]));
        let sender = cable.left.open("left", &nothing());
        sender.try_send(&beacon(1)).unwrap();
        sender.send(&beacon(2)).await.unwrap();
        assert_eq!(receive(&reader).await.1, beacon(1));
        assert_eq!(receive(&reader).await.1, beacon(2));
    });
}

fn own_frames_are_not_received() {
    let cable = Cable::new();
    cable.right.run(async || {
        let reader = cable.right.open("right", &of_types(&[BEACON]));
        let neighbour = cable.right.open("right", &nothing());
        let sender = cable.left.open("left", &nothing());
        reader.send(&beacon(1)).await.unwrap();
        neighbour.send(&beacon(2)).await.unwrap();
        sender.send(&beacon(3)).await.unwrap();
        assert_eq!(receive(&reader).await.1, beacon(3));
    });
}

fn a_frame_is_cut_off_at_the_end_of_the_buffer() {
    let cable = Cable::new();
    cable.right.run(async || {
        let reader = cable.right.open("right", &of_types(&[BEACON]));
        let sender = cable.left.open("left", &nothing());
        sender.send(&beacon(1)).await.unwrap();
        sender.send(&beacon(2)).await.unwrap();
        let mut buffer = [0; 14];
        let received = reader.recv(&mut buffer).await.unwrap();
        assert_eq!(received.length, 14);
        assert_eq!(buffer, beacon(1)[..14]);
        assert_eq!(receive(&reader).await.1, beacon(2), "the rest is gone, not next");
    });
}

/// More frames than a task may take in one go before others have their turn.
fn what_waits_can_be_read_to_its_end() {
    const FRAMES: u16 = 400;
    let cable = Cable::new();
    cable.right.run(async || {
        let reader = cable.right.open("right", &of_types(&[BEACON]));
        let sender = cable.left.open("left", &nothing());
        let last = cable.right.open("right", &of_types(&[BEACON]));
        let mut buffer = [0; 2048];
        for number in 0..u32::from(FRAMES) {
            sender.send(&beacon(number)).await.unwrap();
            // what came to another socket has come to all
            last.recv(&mut buffer).await.unwrap();
        }
        let mut waiting: u16 = 0;
        while reader.try_recv(&mut buffer).unwrap().is_some() {
            waiting += 1;
        }
        assert_eq!(waiting, FRAMES, "frames");
    });
}

fn a_tagged_frame_names_its_vlan() {
    const PRIORITY: u16 = 5 << 13;
    let cable = Cable::new();
    cable.right.run(async || {
        let reader = cable.right.open("right", &about(&[VIP]));
        let sender = cable.left.open("left", &nothing());
        let frame = request(CLIENT, VIP);
        for (sent, vlan) in [
            (tagged(&frame, PRIORITY | 7), Some(7)),
            (tagged(&frame, PRIORITY), None),
            (frame.clone(), None),
        ] {
            sender.send(&sent).await.unwrap();
            let (received, bytes) = receive(&reader).await;
            assert_eq!((received.vlan, bytes), (vlan, frame.clone()));
        }
    });
}

/// A queue that hands out one frame per some seconds keeps what was sent in the socket's account.
fn a_full_socket_refuses_rather_than_waits() {
    let cable = Cable::new();
    cable
        .left
        .tc("qdisc replace dev left root tbf rate 8kbit burst 2000 limit 100000000");
    cable.right.run(async || {
        let sender = cable.left.open("left", &nothing());
        let frame = ethernet(BROADCAST, BEACON, &[0; 1400]);
        let error = (0..100_000)
            .find_map(|_| sender.try_send(&frame).err())
            .expect("the queue has an end");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(error.is_queue_full() && !error.is_link_gone());
        assert_eq!(error.to_string(), "cannot send a frame on interface left");
    });
}

fn a_frame_that_is_too_long_says_so() {
    let cable = Cable::new();
    cable.left.ip("link set left mtu 1450");
    cable.right.run(async || {
        let sender = cable.left.open("left", &nothing());
        let error = sender.try_send(&ethernet(BROADCAST, BEACON, &[0; 1452]));
        assert_eq!(error.unwrap_err().reason(), "too_long");
        sender.try_send(&ethernet(BROADCAST, BEACON, &[0; 1450])).unwrap();
    });
}

/// A buffer of a megabyte has no room for so many of the longest frames.
fn frames_that_found_no_room_are_counted_once() {
    const FRAMES: u32 = 4000;
    let cable = Cable::new();
    cable.right.run(async || {
        let reader = cable.right.open("right", &of_types(&[BEACON]));
        let sender = cable.left.open("left", &nothing());
        assert_eq!(reader.take_dropped().unwrap(), 0);
        let frame = ethernet(BROADCAST, BEACON, &[0; 1400]);
        for _ in 0..FRAMES {
            sender.send(&frame).await.unwrap();
        }
        let mut read: u32 = 0;
        while reader.try_recv(&mut [0; 2048]).unwrap().is_some() {
            read += 1;
        }
        let dropped = reader.take_dropped().unwrap();
        assert!(dropped > 0, "{read} were read");
        assert_eq!(dropped + read, FRAMES);
        assert_eq!(reader.take_dropped().unwrap(), 0, "counted once");
    });
}

/// A macvlan is an interface that drops the groups that nobody joined, as network cards do. It tells groups apart by
/// a hash, so one is looked for that does not collide with what it receives anyway.
fn a_group_is_received_from_join_to_leave() {
    let cable = Cable::new();
    cable
        .right
        .ip("link add card link right type macvlan mode bridge");
    cable.right.ip("link set card addrgenmode none up");
    cable.right.run(async || {
        let reader = cable.right.open("card", &of_types(&[BEACON]));
        let sender = cable.left.open("left", &nothing());
        let mut unheard = None;
        for last in 0..32 {
            let group = [0x33, 0x33, 0xff, 0, 0, last];
            if unheard.is_none() && !hears(&reader, &sender, group).await {
                unheard = Some(group);
            }
        }
        let group = unheard.expect("some group is not received unasked");
        reader.join(group).unwrap();
        assert!(hears(&reader, &sender, group).await, "joined");
        cable.right.ip("link set card down");
        assert!(reader.recv(&mut []).await.unwrap_err().is_link_gone());
        cable.right.ip("link set card up");
        assert!(hears(&reader, &sender, group).await, "joined across down and up");
        cable.right.enter();
        assert!(is_member("card", group));
        reader.leave(group).unwrap();
        // Not seen by frames: a macvlan goes on receiving a group until its list changes once more.
        assert!(!is_member("card", group), "left");
    });
}

/// Whether the kernel lists the group for this interface of the thread's namespace.
fn is_member(interface: &str, group: MacBytes) -> bool {
    let hex: String = group.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = std::fs::read_to_string("/proc/thread-self/net/dev_mcast").unwrap();
    list.lines()
        .any(|line| line.contains(interface) && line.ends_with(&hex))
}

/// Whether a frame to the group comes before a later one to everybody.
async fn hears(reader: &PacketSocket, sender: &PacketSocket, group: MacBytes) -> bool {
    let frame = ethernet(group, BEACON, &[0; 46]);
    let end = ethernet(BROADCAST, BEACON, &[1; 46]);
    sender.send(&frame).await.unwrap();
    sender.send(&end).await.unwrap();
    let heard = receive(reader).await.1 == frame;
    if heard {
        assert_eq!(receive(reader).await.1, end);
    }
    heard
}

fn a_socket_outlasts_its_interface_being_down() {
    let cable = Cable::new();
    cable.right.run(async || {
        let reader = cable.right.open("right", &of_types(&[BEACON]));
        let sender = cable.left.open("left", &nothing());
        cable.right.ip("link set right down");
        let error = reader.recv(&mut []).await.unwrap_err();
        assert!(error.is_link_gone(), "{error:?}");
        let error = reader.send(&beacon(1)).await.unwrap_err();
        assert!(error.is_link_gone(), "{error:?}");
        cable.right.ip("link set right up");
        cable.wait_until_ready();
        sender.send(&beacon(2)).await.unwrap();
        assert_eq!(receive(&reader).await.1, beacon(2));
        reader.send(&beacon(3)).await.unwrap();
    });
}

fn a_deleted_interface_is_told_from_other_errors() {
    let cable = Cable::new();
    cable.right.run(async || {
        let reader = cable.right.open("right", &of_types(&[BEACON]));
        cable.right.ip("link del right");
        let error = reader.recv(&mut []).await.unwrap_err();
        assert_eq!(
            (error.operation, error.is_link_gone()),
            ("receive a frame", true),
            "{error:?}"
        );
        let error = reader.try_send(&beacon(1)).unwrap_err();
        assert_eq!(
            (error.operation, error.is_link_gone()),
            ("send a frame", true),
            "{error:?}"
        );
        let error = reader.join([0x33, 0x33, 0xff, 0, 0, 1]).unwrap_err();
        assert_eq!(
            (error.operation, error.is_link_gone()),
            ("join a multicast group", true),
            "{error:?}"
        );
    });
}

fn a_missing_interface_cannot_be_opened() {
    let cable = Cable::new();
    cable.right.run(async || {
        let error = PacketSocket::open(4_000, "none", &nothing()).unwrap_err();
        assert!(error.is_link_gone(), "{error:?}");
        assert_eq!(error.to_string(), "cannot bind a packet socket on interface none");
    });
}
