//! Filters in the kernel.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

use ferrolb_rawlink::PacketSocket;
use ferrolb_rawlink::filter::{Interest, MAX_COMPARISONS, MAX_ETHER_TYPES, program};
use libtest_mimic::Trial;
use tokio::sync::Semaphore;

use crate::frames::*;
use crate::space::{Cable, Namespace};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "only_what_is_of_interest_passes_the_kernel",
            only_what_is_of_interest_passes_the_kernel,
        ),
        trial(
            "a_flood_for_others_never_wakes_the_reader",
            a_flood_for_others_never_wakes_the_reader,
        ),
        trial(
            "no_unwanted_frame_slips_in_while_a_socket_is_opened",
            no_unwanted_frame_slips_in_while_a_socket_is_opened,
        ),
        trial(
            "exchanging_the_filter_loses_no_wanted_frame",
            exchanging_the_filter_loses_no_wanted_frame,
        ),
        trial(
            "the_new_filter_drops_what_only_the_old_one_wanted",
            the_new_filter_drops_what_only_the_old_one_wanted,
        ),
        trial(
            "two_filters_at_the_limit_fit_into_the_memory_of_old_kernels",
            two_filters_at_the_limit_fit,
        ),
    ]
}

fn only_what_is_of_interest_passes_the_kernel() {
    let interest = Interest {
        ipv4: BTreeSet::from([VIP]),
        ipv6: BTreeSet::from([VIP6]),
        ether_types: BTreeSet::from([BEACON]),
        datagrams: None,
    };
    let wanted = [
        request(CLIENT, VIP),
        reply(VIP, CLIENT),
        request(VIP, OTHER),
        neighbour(135, VIP6),
        neighbour(136, VIP6),
        beacon(1),
    ];
    let unwanted = [
        request(CLIENT, OTHER),
        reply(CLIENT, VIP),
        reply(OTHER, CLIENT),
        neighbour(135, OTHER6),
        neighbour(134, VIP6),
        ethernet(BROADCAST, BEACON + 1, &[0; 50]),
        request(CLIENT, VIP)[..41].to_vec(),
    ];
    let last = beacon(u32::MAX);
    let cable = Cable::new();
    let passed = cable.right.run(async || {
        let reader = cable.right.open("right", &program(&interest));
        let sender = cable.left.open("left", &nothing());
        for frame in unwanted.iter().chain(&wanted).chain(&unwanted).chain([&last]) {
            sender.send(frame).await.unwrap();
        }
        until(&reader, &last).await
    });
    assert_eq!(passed, wanted);
}

/// Frames before this one.
async fn until(reader: &PacketSocket, last: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    loop {
        let (_, frame) = receive(reader).await;
        if frame == last {
            return frames;
        }
        frames.push(frame);
    }
}

fn a_flood_for_others_never_wakes_the_reader() {
    const FLOOD: u32 = 20_000;
    let cable = Cable::new();
    cable.right.run(async || {
        let reader = cable.right.open("right", &about(&[VIP]));
        let witness = cable.right.open("right", &of_types(&[0x0806]));
        let sender = cable.left.open("left", &nothing());
        let polls = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(counted(reader, Arc::clone(&polls)));
        while polls.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        for nth in 0..FLOOD {
            let stranger = Ipv4Addr::from_bits(0xc633_6400 + nth % 256);
            sender.send(&request(CLIENT, stranger)).await.unwrap();
        }
        let (_, seen) = receive(&witness).await;
        assert_eq!(
            seen,
            request(CLIENT, Ipv4Addr::new(198, 51, 100, 0)),
            "the flood came"
        );
        // Both sockets are in one set of the runtime: what woke the witness would have woken the reader.
        tokio::task::yield_now().await;
        assert_eq!(polls.load(Ordering::Relaxed), 1, "the flood woke the reader");
        sender.send(&request(CLIENT, VIP)).await.unwrap();
        assert_eq!(task.await.unwrap(), request(CLIENT, VIP));
        assert_eq!(
            polls.load(Ordering::Relaxed),
            2,
            "only the wanted frame woke the reader"
        );
    });
}

/// Receives one frame and counts how often that was tried.
async fn counted(reader: PacketSocket, polls: Arc<AtomicUsize>) -> Vec<u8> {
    let mut receiving = pin!(receive(&reader));
    std::future::poll_fn(|context| {
        polls.fetch_add(1, Ordering::Relaxed);
        match receiving.as_mut().poll(context) {
            Poll::Ready((_, frame)) => Poll::Ready(frame),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

fn no_unwanted_frame_slips_in_while_a_socket_is_opened() {
    const SOCKETS: usize = 200;
    let cable = Cable::new();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            cable.left.run(async || {
                let sender = cable.left.open("left", &nothing());
                while !done.load(Ordering::Relaxed) {
                    sender.send(&request(CLIENT, OTHER)).await.unwrap();
                }
            });
        });
        let first_frames = cable.right.run(async || {
            let sender = cable.left.open("left", &nothing());
            let mut frames = BTreeSet::new();
            for _ in 0..SOCKETS {
                let reader = cable.right.open("right", &about(&[VIP]));
                sender.send(&request(CLIENT, VIP)).await.unwrap();
                frames.insert(receive(&reader).await.1);
            }
            done.store(true, Ordering::Relaxed);
            frames
        });
        assert_eq!(first_frames, BTreeSet::from([request(CLIENT, VIP)]));
    });
}

fn exchanging_the_filter_loses_no_wanted_frame() {
    const FRAMES: u32 = 5_000;
    let cable = Cable::new();
    let window = Semaphore::new(0);
    let numbers = std::thread::scope(|scope| {
        scope.spawn(|| {
            cable.left.run(async || {
                let sender = cable.left.open("left", &nothing());
                for number in 0..FRAMES {
                    window.acquire().await.unwrap().forget();
                    sender.send(&request(numbered(number), VIP)).await.unwrap();
                }
            });
        });
        cable
            .right
            .run(async || receive_while_exchanging(&cable.right, FRAMES, &window).await)
    });
    assert_eq!(numbers, (0..FRAMES).map(numbered).collect::<Vec<_>>());
}

/// Fits into the receive buffer, so that nothing but the filter can lose a frame.
const IN_FLIGHT: usize = 64;

/// The senders of so many frames, with an exchange before each.
async fn receive_while_exchanging(space: &Namespace, frames: u32, window: &Semaphore) -> Vec<Ipv4Addr> {
    let filters = [about(&[VIP]), about(&[VIP, OTHER]), of_types(&[0x0806])];
    let reader = space.open("right", &filters[0]);
    window.add_permits(IN_FLIGHT);
    let mut senders = Vec::new();
    for filter in filters.iter().cycle().take(frames as usize) {
        reader.replace_filter(filter).unwrap();
        let (_, frame) = receive(&reader).await;
        senders.push(Ipv4Addr::new(frame[28], frame[29], frame[30], frame[31]));
        window.add_permits(1);
    }
    senders
}

/// A sender address that stands for a number.
fn numbered(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(number)
}

fn the_new_filter_drops_what_only_the_old_one_wanted() {
    let cable = Cable::new();
    let passed = cable.right.run(async || {
        let reader = cable.right.open("right", &about(&[VIP]));
        let sender = cable.left.open("left", &nothing());
        reader.replace_filter(&about(&[OTHER])).unwrap();
        sender.send(&request(CLIENT, VIP)).await.unwrap();
        sender.send(&request(CLIENT, OTHER)).await.unwrap();
        until(&reader, &request(CLIENT, OTHER)).await
    });
    assert!(passed.is_empty(), "{passed:x?}");
}

/// What `net.core.optmem_max` was before Linux 6.8.
const OLD_OPTION_MEMORY_BYTES: &str = "20480";

fn two_filters_at_the_limit_fit() {
    let cable = Cable::new();
    cable.right.run(async || {
        match std::fs::write("/proc/sys/net/core/optmem_max", OLD_OPTION_MEMORY_BYTES) {
            // Kernels that have it for the whole machine only are the ones with the old value.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            other => other.unwrap(),
        }
        let reader = cable.right.open("right", &program(&dearest(0)));
        reader.replace_filter(&program(&dearest(1))).unwrap();
    });
}

/// Costs the kernel the most memory that a filter within the limits can: pairs of IPv4 addresses, single IPv6
/// addresses with a prefix each, all with the highest bit set in as many words as possible.
fn dearest(variant: u16) -> Interest {
    let pairs = (0..MAX_COMPARISONS as u32 / 2).flat_map(|nth| [3 * nth, 3 * nth + 1]);
    let prefixes = 0..(MAX_COMPARISONS / 4) as u16;
    Interest {
        ipv4: pairs
            .map(|offset| Ipv4Addr::from_bits(0xc633_6400 + u32::from(variant) + offset))
            .collect(),
        ipv6: prefixes
            .map(|nth| Ipv6Addr::new(0x2001, 0xdb8, 0x8000, nth, 0x8000, 0, 0x8000, variant))
            .collect(),
        ether_types: (0..MAX_ETHER_TYPES as u16).map(|nth| BEACON + 2 * nth).collect(),
        datagrams: None,
    }
}
