//! Interfaces that go down, go away, come back and change.

use std::net::IpAddr;

use ferrolb_lab::plan::second4;
use ferrolb_lab::probe::announcement;
use ferrolb_lab::segment::{Nic, Plugged, Segment};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Mac, Machine, Result};

use crate::heard::{announced_unasked, answered_by};
use crate::marks::{Label, advertised, only_nodes_with};
use crate::scene::{SOON, Scene, pool, service};
use crate::services::says;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "after_the_interface_went_down_and_up_the_address_is_told_and_answers_again",
            flap,
        ),
        trial(
            "an_interface_that_is_made_anew_under_its_name_serves_again",
            recreated,
        ),
        trial("a_changed_mac_is_told_and_answers", mac_changed),
    ]
}

const CLIENT: Machine = Machine::Client(1);

/// A node's `eth0`, switched off until this is dropped.
struct Down<'a> {
    lab: &'a Lab,
    node: u8,
}

impl<'a> Down<'a> {
    /// The kernel forgets routes of an interface that goes down, and IPv6 addresses unless told otherwise; a network
    /// service would set them again.
    fn switch(lab: &'a Lab, node: u8) -> Result<Self> {
        let script = "echo 1 > /proc/sys/net/ipv6/conf/eth0/keep_addr_on_down
            ip -4 route save table main > /run/routes4
            ip -6 route save table main > /run/routes6
            ip link set eth0 down";
        lab.exec(node, &["sh", "-ec", script])?;
        Ok(Self { lab, node })
    }
}

impl Drop for Down<'_> {
    fn drop(&mut self) {
        let script = "ip link set eth0 up
            ip -4 route restore < /run/routes4
            ip -6 route restore < /run/routes6";
        if let Err(failed) = self.lab.exec(self.node, &["sh", "-ec", script]) {
            eprintln!("an interface stays as it is: {failed}");
        }
    }
}

fn flap(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("flaps", r#"192.0.2.207/32, "2001:db8:1::207/128""#)
            + &service("flaps", "flaps", "ipFamilyPolicy: RequireDualStack"),
    )?;
    let addresses = lab.assigned("flaps", 2, SOON)?;
    let first = lab.announced(addresses[0], SOON, |_| true)?;
    lab.announced(addresses[1], SOON, |node| node == first)?;
    let tap = lab.tap(&CLIENT.nic())?;
    let down = Down::switch(lab, first)?;
    // A successor may have announced already; what the node itself said came before its interface went down.
    let own = lab.node_mac(first);
    let successors: Vec<Mac> =
        tap.heard(|frame| announcement(frame, addresses[0]).filter(|mac| *mac != own))?;
    drop(down);
    let now = lab.announced(addresses[0], SOON, |_| true)?;
    lab.announced(addresses[1], SOON, |node| node == now)?;
    if !successors.contains(&lab.node_mac(now)) {
        announced_unasked(&tap, &addresses, lab.node_mac(now))?;
    }
    lab.client(&["ip", "neigh", "flush", "dev", "eth0"])?;
    for address in &addresses {
        lab.fetch(*address, SOON)?;
    }
    Ok(())
}

/// A Service whose addresses are in the second segment, of which only node 1 and a client are a part.
struct Beyond<'a> {
    lab: &'a Lab,
    client: Plugged<'a>,
    segment: Segment<'a>,
    addresses: Vec<IpAddr>,
    _scene: Scene<'a>,
    _label: Label<'a>,
}

impl<'a> Beyond<'a> {
    fn new(lab: &'a Lab, name: &str, label: &'a str) -> Result<Self> {
        let segment = lab.second_segment()?;
        let pool = r#"198.51.100.200/32, "2001:db8:2::200/128""#;
        let scene = Scene::new(
            lab,
            advertised(name, pool, &only_nodes_with(label))
                + &service(name, name, "ipFamilyPolicy: RequireDualStack"),
        )?;
        Ok(Self {
            lab,
            client: segment.plug(CLIENT, "eth1")?,
            addresses: lab.assigned(name, 2, SOON)?,
            segment,
            _scene: scene,
            _label: Label::put(lab, 1, label)?,
        })
    }

    fn plug_node(&self) -> Result<Plugged<'a>> {
        self.segment.plug(Machine::Node(1), "eth1")
    }

    /// Waits until this interface serves and no other.
    fn served_by(&self, nic: &Nic) -> Result<()> {
        answered_by(self.lab, &self.client, &self.addresses, nic.mac)?;
        self.addresses
            .iter()
            .try_for_each(|address| self.lab.fetch(*address, SOON).map(drop))
    }
}

fn recreated(lab: &Lab) -> Outcome {
    let beyond = Beyond::new(lab, "anew", "layer2.test/anew")?;
    let nic = beyond.plug_node()?;
    beyond.served_by(&nic)?;
    drop(nic);
    says(lab, "anew", |_, message| !message.contains("eth1"))?;
    let nic = beyond.plug_node()?;
    beyond.served_by(&nic)?;
    says(lab, "anew", |status, message| {
        status == "True" && message.contains("eth1")
    })?;
    Ok(())
}

fn mac_changed(lab: &Lab) -> Outcome {
    let beyond = Beyond::new(lab, "masked", "layer2.test/masked")?;
    let nic = beyond.plug_node()?;
    beyond.served_by(&nic)?;
    let tap = lab.tap(&beyond.client)?;
    let changed = Nic {
        mac: ferrolb_lab::plan::mac_of(second4(250)),
        ..nic.clone()
    };
    lab.exec(
        1,
        &["ip", "link", "set", "eth1", "address", &changed.mac.to_string()],
    )?;
    announced_unasked(&tap, &beyond.addresses, changed.mac)?;
    beyond.served_by(&changed)?;
    Ok(())
}
