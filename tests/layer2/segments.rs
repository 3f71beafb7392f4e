//! Nodes with more than one interface.

use std::net::IpAddr;

use ferrolb_lab::segment::{Nic, Plugged};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Mac, Machine, Result};

use crate::heard::{answered_by, one_of};
use crate::marks::{Label, advertised, only_nodes_with};
use crate::scene::{SOON, Scene, annotated, event, pool, service};
use crate::services::says;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_node_with_two_interfaces_on_one_segment_answers_with_one_mac",
            two_interfaces,
        ),
        trial(
            "an_address_of_a_second_segment_is_announced_there_alone_by_a_node_that_is_on_it",
            second_segment,
        ),
        trial(
            "without_node_selectors_each_address_is_announced_in_its_own_rack_alone",
            racks,
        ),
        trial(
            "an_interface_that_no_node_has_is_named_as_the_reason",
            missing_interface,
        ),
    ]
}

const BOTH: &str = "ipFamilyPolicy: RequireDualStack";

fn two_interfaces(lab: &Lab) -> Outcome {
    let label = "layer2.test/two-interfaces";
    let witness = format!("interfaces: [eth1], {}", only_nodes_with(label));
    let _scene = Scene::new(
        lab,
        pool("double", r#"192.0.2.208/32, "2001:db8:1::208/128""#)
            + &service("double", "double", BOTH)
            + &advertised("witness", "192.0.2.209/32", &witness)
            + &service("witness", "witness", ""),
    )?;
    let addresses = lab.assigned("double", 2, SOON)?;
    let node = lab.announced(addresses[0], SOON, |_| true)?;
    let _label = Label::put(lab, node, label)?;
    let second = lab.lan().plug(Machine::Node(node), "eth1")?;
    let client = Machine::Client(1).nic();
    // One pass decides over all addresses: once this one is at the second interface, the others were decided with it.
    let witness = lab.assigned("witness", 1, SOON)?[0];
    one_of(lab, &client, witness, &[second.mac])?;
    for address in addresses {
        let answers: Vec<Mac> = lab.answering(address)?.into_iter().collect();
        assert!(
            answers == [lab.node_mac(node)] || answers == [second.mac],
            "{address} is at {answers:?}"
        );
        lab.fetch(address, SOON)?;
    }
    Ok(())
}

fn second_segment(lab: &Lab) -> Outcome {
    let label = "layer2.test/second-segment";
    let segment = lab.second_segment()?;
    let client = segment.plug(Machine::Client(1), "eth1")?;
    let nics: Vec<Plugged<'_>> = [1, 2]
        .into_iter()
        .map(|node| segment.plug(Machine::Node(node), "eth1"))
        .collect::<Result<_>>()?;
    let mut labels = Label::put_on_all(lab, [1, 2], label)?;
    let _scene = Scene::new(
        lab,
        advertised(
            "apart",
            r#"198.51.100.201/32, "2001:db8:2::201/128""#,
            &only_nodes_with(label),
        ) + &service("apart", "apart", BOTH),
    )?;
    let macs: Vec<Mac> = nics.iter().map(|nic| nic.mac).collect();
    let addresses = lab.assigned("apart", 2, SOON)?;
    let first = one_of(lab, &client, addresses[0], &macs)?;
    served_there_alone(lab, &client, &addresses, first)?;
    labels.remove(usize::from(first == macs[1]));
    let second = if first == macs[0] { macs[1] } else { macs[0] };
    served_there_alone(lab, &client, &addresses, second)?;
    Ok(())
}

/// One pool and one advertisement for the subnets of two segments. The third node is on the LAN alone: it must not
/// announce there what belongs to the second segment, nor the other two on that what belongs to the LAN.
fn racks(lab: &Lab) -> Outcome {
    let segment = lab.second_segment()?;
    let client = segment.plug(Machine::Client(1), "eth1")?;
    let nics: Vec<Plugged<'_>> = [1, 2]
        .into_iter()
        .map(|node| segment.plug(Machine::Node(node), "eth1"))
        .collect::<Result<_>>()?;
    let wish = |addresses: &str| format!(r#"metallb.io/loadBalancerIPs: "{addresses}""#);
    let _scene = Scene::new(
        lab,
        pool(
            "racks",
            r#"198.51.100.202/32, 192.0.2.213/32, "2001:db8:2::202/128""#,
        ) + &annotated("second-rack", &wish("198.51.100.202,2001:db8:2::202"), BOTH)
            + &annotated("first-rack", &wish("192.0.2.213"), ""),
    )?;
    let macs: Vec<Mac> = nics.iter().map(|nic| nic.mac).collect();
    let second = lab.assigned("second-rack", 2, SOON)?;
    let holder = one_of(lab, &client, second[0], &macs)?;
    served_there_alone(lab, &client, &second, holder)?;
    let first = lab.assigned("first-rack", 1, SOON)?[0];
    lab.announced(first, SOON, |_| true)?;
    lab.fetch(first, SOON)?;
    assert_eq!(
        lab.answering_at(&client, first)?.len(),
        0,
        "{first} on the second segment"
    );
    Ok(())
}

fn missing_interface(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        advertised("missing", "192.0.2.223/32", "interfaces: [eth9]") + &service("missing", "missing", ""),
    )?;
    let address = lab.assigned("missing", 1, SOON)?[0];
    says(lab, "missing", |status, message| {
        status == "False" && message.contains("has no interface that an L2Advertisement allows")
    })?;
    event(lab, "missing", "announceFailed", &["has no interface"])?;
    lab.silent(address, SOON)?;
    Ok(())
}

/// Waits until this MAC alone answers on the segment of the client's interface, and nobody on the LAN.
fn served_there_alone(lab: &Lab, client: &Nic, addresses: &[IpAddr], mac: Mac) -> Result<()> {
    answered_by(lab, client, addresses, mac)?;
    addresses.iter().try_for_each(|address| {
        lab.silent(*address, SOON)?;
        lab.fetch(*address, SOON).map(drop)
    })
}
