//! What the usual tools of an operator say about an address.

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Mac, wait};

use crate::scene::{SOON, Scene, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "arping_and_ndisc6_find_the_announcing_node_however_they_ask",
        tools,
    )]
}

fn tools(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("tooled", r#"192.0.2.212/32, "2001:db8:1::212/128""#)
            + &service("tooled", "tooled", "ipFamilyPolicy: RequireDualStack"),
    )?;
    let addresses = lab.assigned("tooled", 2, SOON)?;
    // Two nodes may claim one each before they come together.
    let node = wait::until_seen("one node to announce both", SOON, || {
        let one = lab.announced(addresses[0], SOON, |_| true)?;
        let other = lab.announced(addresses[1], SOON, |_| true)?;
        Ok((one == other)
            .then_some(one)
            .ok_or_else(|| format!("n{one} and n{other}")))
    })?;
    let (mac, v4, v6) = (
        lab.node_mac(node),
        addresses[0].to_string(),
        addresses[1].to_string(),
    );
    let unicast = ["-t", &mac.to_string()];
    for how in [&[][..], &["-0"], &unicast] {
        let arping = ["arping", "-r", "-c", "3", "-C", "1", "-i", "eth0"];
        finds(lab, &[&arping, how, &[&v4]].concat(), mac)?;
    }
    // as long and as often as arping asks: once for 300 ms is less than a busy machine pauses
    finds(
        lab,
        &["ndisc6", "-q", "-m", "-w", "1000", "-r", "3", &v6, "eth0"],
        mac,
    )
}

/// Runs a tool on the client; it is to print this MAC and no other.
fn finds(lab: &Lab, command: &[&str], mac: Mac) -> Outcome {
    let printed = lab.client(command)?;
    let macs: Vec<Mac> = printed
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect();
    assert!(
        !macs.is_empty() && macs.iter().all(|found| *found == mac),
        "{command:?}: {printed}"
    );
    Ok(())
}
