//! A peer that sends what no router sends: it costs its own session at most.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ferrolb_lab::fabric::{Fabric, Tors, objects};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Machine, Result, requests, wait};

use crate::scene::{SOON, Scene, pool};
use crate::trials::{BUSY, address, datagrams, forwarded};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "a_peer_that_storms_costs_no_other_session_no_process_and_no_request_in_layer_2",
        storms,
    )]
}

const AT: Machine = Machine::Client(1);
const PORT: u16 = 1790;
/// How often all three nodes together have dialled.
const ATTEMPTS: usize = 24;
const STORM: Duration = Duration::from_millis(700);

const MARKER: [u8; 16] = [0xff; 16];
/// Version 4, AS 64999, 90 s, a router ID, and no options.
const OPEN: [u8; 13] = [0, 29, 1, 4, 0xfd, 0xe7, 0, 90, 198, 51, 100, 99, 0];
const KEEPALIVE: [u8; 3] = [0, 19, 4];

fn message(rest: &[u8]) -> Vec<u8> {
    [&MARKER, rest].concat()
}

/// What the peer sends, again and again, after this.
fn storm(number: usize) -> (Vec<u8>, Vec<u8>) {
    let greeted = [message(&OPEN), message(&KEEPALIVE)].concat();
    match number % 4 {
        0 => (Vec::new(), vec![0x5a; 65_536]),
        1 => (greeted, message(&KEEPALIVE).repeat(3000)),
        // An UPDATE whose attributes are longer than itself.
        2 => (greeted, message(&[0, 23, 2, 0, 0, 0xff, 0xff]).repeat(2000)),
        // Longer than any message may be.
        _ => (Vec::new(), message(&[0xff, 0xff, 2])),
    }
}

fn send(mut stream: TcpStream, number: usize) {
    let (first, again) = storm(number);
    let began = Instant::now();
    let mut sent = stream.write_all(&first);
    // Until the node has had enough of it.
    while sent.is_ok() && began.elapsed() < STORM {
        sent = stream.write_all(&again);
    }
}

fn bad_peer() -> String {
    format!(
        "
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {{name: bad, namespace: metallb-system}}
spec: {{myASN: 64512, peerASN: 64999, peerAddress: {}, peerPort: {PORT}, connectTime: 1s}}
",
        AT.ipv4()
    )
}

fn storms(lab: &Lab) -> Outcome {
    let fabric = Fabric::new(lab, Tors::Both)?;
    let manifests = objects()
        + &pool("beside", "192.0.2.240-192.0.2.241")
        + &datagrams("beside", "beside")
        + &datagrams("told", "bgp");
    let _scene = Scene::new(lab, manifests)?;
    let (beside, told) = (address(lab, "beside")?, address(lab, "told")?);
    let nodes: Vec<u8> = lab.plan().nodes().collect();
    forwarded(&fabric, told, &nodes, SOON)?;
    let holder = lab.announced(beside.into(), SOON, |_| true)?;
    let pids = || {
        nodes
            .iter()
            .map(|node| lab.speaker_pid(*node))
            .collect::<Result<Vec<_>>>()
    };
    let established = || {
        let of = |node: &u8| fabric.frr.neighbour(&Machine::Node(*node).ipv4().to_string());
        let count = |node: &u8| of(node)["connectionsEstablished"].clone();
        nodes.iter().map(count).collect::<Vec<_>>()
    };
    let before = (pids()?, established());
    let listener = lab
        .in_machine(AT, || TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)))?
        .unwrap();
    listener.set_nonblocking(true).unwrap();
    let (over, attempts) = (AtomicBool::new(false), AtomicUsize::new(0));
    let ((), tally) = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        stream.set_nonblocking(false).unwrap();
                        stream.set_write_timeout(Some(STORM)).unwrap();
                        let number = attempts.fetch_add(1, Ordering::Relaxed);
                        scope.spawn(move || send(stream, number));
                    }
                    Err(_) => thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        let _over = requests::SetWhenDropped(&over);
        let _bad = Scene::new(lab, bad_peer())?;
        requests::in_turn(lab, &[SocketAddr::from((beside, 8080))], || {
            wait::until_seen("the speakers to dial again and again", SOON * 6, || {
                let count = attempts.load(Ordering::Relaxed);
                Ok((count >= ATTEMPTS)
                    .then_some(())
                    .ok_or_else(|| format!("{count} times")))
            })
        })
    })?;
    eprintln!("{} storms; in layer 2 {tally}", attempts.into_inner());
    assert!(tally.lost() <= BUSY, "{tally}");
    assert_eq!(
        (pids()?, established()),
        before,
        "no process and no other session is another"
    );
    assert_eq!(lab.announced(beside.into(), SOON, |_| true)?, holder);
    forwarded(&fabric, told, &nodes, SOON)?;
    Ok(())
}
