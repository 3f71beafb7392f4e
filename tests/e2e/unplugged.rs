//! The only interface on which an address may be announced loses its carrier, and is switched off.

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Machine};

use crate::everywhere::{Wrong, everywhere, well};
use crate::examining::on_node;
use crate::page;
use crate::scene::{SOON, Scene, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "an_interface_without_carrier_and_one_that_is_switched_off_are_named_everywhere_in_the_same_words",
        unplugged,
    )]
}

const NODE: u8 = 2;
const NAME: &str = "unplugged";

/// A pool of the second segment, and the interface to it.
const ANNOUNCED: &str = "
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: unplugged, namespace: metallb-system}
spec: {autoAssign: false, addresses: [198.51.100.205/32]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: unplugged, namespace: metallb-system}
spec: {ipAddressPools: [unplugged], interfaces: [eth1]}
";

fn unplugged(lab: &Lab) -> Outcome {
    let forward = page::forward(lab)?;
    let segment = lab.second_segment()?;
    // A node that hears nobody at all announces nothing.
    let client = segment.plug(Machine::Client(1), "eth1")?;
    let nic = segment.plug(Machine::Node(NODE), "eth1")?;
    let _scene = Scene::new(lab, ANNOUNCED.to_owned() + &service(NAME, NAME, ""))?;
    lab.assigned(NAME, 1, SOON)?;
    well(lab, NAME)?;

    nic.connect(false)?;
    let unheard = Wrong {
        service: NAME,
        reason: "NoCarrier",
        event: "NoCarrier",
        number: "FD03",
        series: "ferrolb_speaker_doubtful_addresses{reason=\"no_carrier\"}",
        words: "eth1 has no carrier: nobody hears the node there".to_owned(),
    };
    everywhere(lab, &unheard)?;
    nic.connect(true)?;
    well(lab, NAME)?;

    // The interface goes with the trial.
    on_node(lab, NODE, "ip link set eth1 down")?;
    let nowhere = Wrong {
        reason: "NoEligibleNode",
        event: "NoEligibleNode",
        number: "FD02",
        series: "ferrolb_speaker_silent_addresses{reason=\"no_eligible_node\"}",
        words: "has no interface that an L2Advertisement allows".to_owned(),
        ..unheard
    };
    everywhere(lab, &nowhere)?;
    on_node(lab, NODE, "ip link set eth1 up")?;
    well(lab, NAME)?;
    drop((nic, client));
    forward.kill();
    Ok(())
}
