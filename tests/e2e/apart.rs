//! Speakers that do not understand each other: the switch drops their frames, or they have different keys.

use std::net::{IpAddr, Ipv4Addr};

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result};

use crate::doctor::until_found;
use crate::everywhere::{Wrong, everywhere, well};
use crate::examining::on_node;
use crate::page;
use crate::scene::{PODS, SOON, Scene, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "where_the_switch_drops_the_frames_of_the_speakers_everything_says_that_several_nodes_announce",
            dropped,
        ),
        trial(
            "a_speaker_with_another_key_is_named_by_doctor_and_the_address_that_it_announces_too_by_everything",
            keyed,
        ),
    ]
}

/// Local Experimental 1: the speakers' frames.
const FRAMES: u16 = 0x88b5;

fn dropped(lab: &Lab) -> Outcome {
    let forward = page::forward(lab)?;
    let _scene = Scene::new(
        lab,
        pool("apart", "192.0.2.228/32") + &service("apart", "apart", ""),
    )?;
    let address = lab.assigned("apart", 1, SOON)?[0];
    lab.announced(address, SOON, |_| true)?;
    let fault = lab.drop_ether_type(FRAMES)?;
    everywhere(
        lab,
        &Wrong {
            service: "apart",
            reason: "SeveralHolders",
            event: "SeveralHolders",
            number: "FD03",
            series: "ferrolb_speaker_contested_services",
            words: "; also announced, by its own word, from node ".to_owned(),
        },
    )?;
    // Doctor alone can name the cause beside: who drops the frames, no speaker knows.
    let deaf = |from, to| {
        let [from, to] = [from, to].map(|node| lab.node_name(node));
        format!("FD15 Node/{from}: its speaker does not hear node {to} on eth0")
    };
    let pairs = [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)];
    until_found(lab, 2, &pairs.map(|(from, to)| deaf(from, to)))?;
    fault.heal()?;
    well(lab, "apart")?;
    lab.announced(address, SOON, |_| true)?;
    until_found(lab, 0, &[])?;
    forward.kill();
    Ok(())
}

const KEYED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 229);
/// The node that goes on with the old key.
const ODD: u8 = 3;
/// Those that read the new one.
const OTHERS: [u8; 2] = [1, 2];

/// A node whose speaker hears nothing of the API server, as long as this lives. Its kubelet does, which asks directly: it has to
/// know who may forward ports. So do pods with networks of their own: a controller there shows the page. At this priority what the
/// Service of the API server answers bears its port again.
struct Deaf<'a>(&'a Lab, u8);

impl<'a> Deaf<'a> {
    fn make(lab: &'a Lab, node: u8) -> std::result::Result<Self, libtest_mimic::Failed> {
        let deaf = Self(lab, node);
        on_node(
            lab,
            node,
            "nft 'table inet deaf { chain in { type filter hook input priority 300; tcp sport 443 drop; }; }'",
        )?;
        Ok(deaf)
    }
}

impl Drop for Deaf<'_> {
    fn drop(&mut self) {
        if let Err(failed) = on_node(self.0, self.1, "nft delete table inet deaf") {
            eprintln!("a node stays deaf: {failed:?}");
        }
    }
}

/// A speaker that starts knows the key of now alone; one that runs and cannot read it goes on with its own.
fn keyed(lab: &Lab) -> Outcome {
    let forward = page::forward(lab)?;
    let _scene = Scene::new(
        lab,
        pool("keyed", &format!("{KEYED}/32")) + &service("keyed", "keyed", ""),
    )?;
    assert_eq!(lab.assigned("keyed", 1, SOON)?, [IpAddr::from(KEYED)]);
    lab.announced(KEYED.into(), SOON, |_| true)?;
    until_found(lab, 0, &[])?;
    let deaf = Deaf::make(lab, ODD)?;
    let done = apart_by_key(lab);
    drop(deaf);
    // Started again it reads the key that the others have, and does not wait for what was lost to come again.
    lab.kill_speaker(ODD)?;
    done?;
    well(lab, "keyed")?;
    lab.announced(KEYED.into(), PODS, |_| true)?;
    until_found(lab, 0, &[])?;
    forward.kill();
    Ok(())
}

fn apart_by_key(lab: &Lab) -> Result<()> {
    let key = r#"{"stringData": {"secretkey": "another key of the speakers, for a trial"}}"#;
    lab.kubectl(&["patch", "secret", "memberlist", "-n", "metallb-system", "-p", key])?;
    OTHERS.iter().try_for_each(|node| lab.kill_speaker(*node))?;
    let [odd, one, other] = [ODD, OTHERS[0], OTHERS[1]].map(|node| lab.node_name(node));
    let number = "FD16";
    let sentence = format!(
        "{number} Node/{odd}: its speaker has another key than {one}, {other}, and they ignore each other"
    );
    until_found(lab, 2, &[sentence])?;
    everywhere(
        lab,
        &Wrong {
            service: "keyed",
            reason: "WireDisputed",
            event: "WireDisputed",
            number: "FD03",
            series: "ferrolb_vip_wire_state{ip=\"192.0.2.229\",state=\"several\"}",
            words: format!("node {odd} (MAC address {})", lab.node_mac(ODD)),
        },
    )
}
