//! Faults on the LAN and of single processes.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Mac, Machine, Result, pause, wait};

use crate::workload::{HEARING, SOON};

/// Datagrams by which loss is measured: of 2,000 at 5 %, fewer than 40 or more than 170 are lost once in 10^12 times.
const DATAGRAMS: u16 = 2_000;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "nodes_on_two_sides_of_a_partition_do_not_hear_each_other_and_the_client_hears_all",
            partition,
        ),
        trial(
            "two_nodes_that_do_not_hear_each_other_both_hear_the_third",
            unhear,
        ),
        trial("a_fault_on_the_lan_ends_when_it_is_dropped_or_healed", healing),
        trial("of_the_frames_that_a_node_sends_that_part_is_lost", loss),
        trial("a_speaker_is_found_paused_and_killed", speaker),
    ]
}

fn asked_by(lab: &Lab, asker: u8, asked: u8) -> Result<Vec<Mac>> {
    lab.arp_ask_from(Machine::Node(asker), Machine::Node(asked).ipv4(), HEARING)
}

fn hears(lab: &Lab, asker: u8, asked: u8) -> Result<bool> {
    Ok(asked_by(lab, asker, asked)? == [lab.node_mac(asked)])
}

fn client_hears(lab: &Lab, node: u8) -> Result<bool> {
    Ok(lab.arp_ask(Machine::Node(node).ipv4(), HEARING)? == [lab.node_mac(node)])
}

fn partition(lab: &Lab) -> Outcome {
    let fault = lab.partition(&[1, 2], &[3])?;
    for (asker, asked) in [(1, 3), (3, 1), (2, 3), (3, 2)] {
        assert_eq!(asked_by(lab, asker, asked)?, [], "n{asker} asks n{asked}");
    }
    assert!(hears(lab, 1, 2)? && hears(lab, 2, 1)?);
    for node in 1..=3 {
        assert!(client_hears(lab, node)?, "n{node}");
    }
    fault.heal()?;
    assert!(hears(lab, 1, 3)? && hears(lab, 3, 2)?);
    Ok(())
}

fn unhear(lab: &Lab) -> Outcome {
    let _fault = lab.unhear(1, 2)?;
    assert!(!hears(lab, 1, 2)? && !hears(lab, 2, 1)?);
    assert!(hears(lab, 1, 3)? && hears(lab, 3, 1)? && hears(lab, 2, 3)? && hears(lab, 3, 2)?);
    Ok(())
}

fn healing(lab: &Lab) -> Outcome {
    drop(lab.unhear(1, 2)?);
    assert!(hears(lab, 1, 2)?);
    lab.unhear(1, 2)?.leave();
    assert!(!hears(lab, 1, 2)?);
    lab.heal()?;
    assert!(hears(lab, 1, 2)?);
    assert!(lab.partition(&[1], &[1, 2]).is_err(), "a node on both sides");
    assert!(lab.partition(&[1], &[9]).is_err(), "no such node");
    assert!(lab.loss(101.0).is_err());
    Ok(())
}

/// How many datagrams from one machine arrive at another.
fn arriving(lab: &Lab, from: Machine, to: Machine) -> std::result::Result<u16, Box<dyn std::error::Error>> {
    let bound = |machine: Machine| lab.in_machine(machine, || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)));
    let (sender, receiver) = (bound(from)??, bound(to)??);
    sender.connect((to.ipv4(), receiver.local_addr()?.port()))?;
    let sending = std::thread::spawn(move || {
        for _ in 0..DATAGRAMS {
            // paced, so that the receiver's buffer never overflows
            std::thread::sleep(Duration::from_micros(200));
            sender.send(b"x")?;
        }
        Ok::<(), std::io::Error>(())
    });
    receiver.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut arrived = 0;
    let mut buffer = [0; 16];
    while arrived < DATAGRAMS && receiver.recv(&mut buffer).is_ok() {
        arrived += 1;
    }
    sending.join().expect("sending does not panic")?;
    Ok(arrived)
}

fn loss(lab: &Lab) -> Outcome {
    let (node, client) = (Machine::Node(2), Machine::Client(1));
    let failed = |failed: Box<dyn std::error::Error>| failed.to_string();
    assert_eq!(
        arriving(lab, node, client).map_err(failed)?,
        DATAGRAMS,
        "without loss"
    );
    let fault = lab.loss(5.0)?;
    let lost = DATAGRAMS - arriving(lab, node, client).map_err(failed)?;
    assert!((40..=170).contains(&lost), "{lost} of {DATAGRAMS} lost");
    assert_eq!(
        arriving(lab, client, node).map_err(failed)?,
        DATAGRAMS,
        "the other way"
    );
    Ok(fault.heal()?)
}

/// The state of a process: `S` sleeping, `T` stopped.
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

fn speaker(lab: &Lab) -> Outcome {
    assert!(lab.speaker_pid(1).is_err(), "there is none yet");
    let process = lab.start_speaker(1, "sleep 1000")?;
    // What stands outside the node for it comes first.
    wait::until("the process itself to be found", SOON, || {
        Ok((lab.speaker_pid(1)? == process.pid()).then_some(()))
    })?;
    assert!(lab.speaker_pid(2).is_err(), "it is on another node");
    let pause = pause(lab.speaker_pid(1)?)?;
    let becomes = |wanted: char| {
        wait::until_seen(&format!("state {wanted}"), SOON, || {
            let seen = state(process.pid());
            Ok(if seen == Some(wanted) {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            })
        })
    };
    becomes('T')?;
    drop(pause);
    becomes('S')?;
    lab.kill_speaker(1)?;
    // What stands outside the node for it goes last.
    wait::until("nothing to be found", SOON, || {
        Ok(lab.speaker_pid(1).is_err().then_some(()))
    })?;
    Ok(())
}
