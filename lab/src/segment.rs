//! Interfaces of machines: the `eth0` that each has on the LAN, and others that a test plugs in, into the LAN or into
//! a second segment. All of it goes with the lab at the latest.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Deref;
use std::time::Duration;

use crate::error::Result;
use crate::lab::Lab;
use crate::mac::Mac;
use crate::netns;
use crate::plan::{Machine, lan4, lan6, mac_of, second4, second6};
use crate::wait;

const LAN: &str = "br0";
const SECOND: &str = "br1";
/// What is added to a machine's number for its second interface on the LAN.
const ANOTHER: u8 = 50;

/// A second, and as much again for a busy machine.
const FORWARDS: Duration = Duration::from_secs(5);

/// An interface of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// The machine that it belongs to.
    pub machine: Machine,
    /// Its name inside the machine.
    pub name: String,
    /// Its MAC; names the machine and the segment.
    pub mac: Mac,
    /// Its IPv4 address, in a /24.
    pub ipv4: Ipv4Addr,
    /// Its IPv6 address, in a /64.
    pub ipv6: Ipv6Addr,
}

impl Machine {
    /// The machine's `eth0`.
    #[must_use]
    pub fn nic(self) -> Nic {
        Nic {
            machine: self,
            name: "eth0".into(),
            mac: self.mac(),
            ipv4: self.ipv4(),
            ipv6: self.ipv6(),
        }
    }
}

/// Machines that hear each other.
#[derive(Debug)]
pub struct Segment<'a> {
    lab: &'a Lab,
    bridge: &'static str,
}

impl Lab {
    /// The segment that every machine is on: 192.0.2.0/24 and 2001:db8:1::/64.
    #[must_use]
    pub fn lan(&self) -> Segment<'_> {
        Segment {
            lab: self,
            bridge: LAN,
        }
    }

    /// A second segment, 198.51.100.0/24 and 2001:db8:2::/64, that no machine is on yet. It ends with the returned
    /// value.
    ///
    /// # Errors
    /// If there is one already.
    pub fn second_segment(&self) -> Result<Segment<'_>> {
        netns::ip(
            &self.plan().switch(),
            &format!("link add {SECOND} type bridge stp_state 0 mcast_snooping 0\nlink set {SECOND} up\n"),
        )?;
        Ok(Segment {
            lab: self,
            bridge: SECOND,
        })
    }
}

impl<'a> Segment<'a> {
    /// Gives a machine one more interface and plugs it in. It is taken away with the returned value.
    ///
    /// # Errors
    /// If the machine has an interface of this name, or one more on this segment.
    pub fn plug(&self, machine: Machine, name: &str) -> Result<Plugged<'a>> {
        let nic = self.nic(machine, name);
        let (plan, port) = (self.lab.plan(), port(&nic));
        let (namespace, switch) = (plan.full_name(machine), plan.switch());
        let Nic { mac, ipv4, ipv6, .. } = nic;
        netns::ip(
            &namespace,
            &format!(
                "link add {name} address {mac} type veth peer name {port} netns {switch}\n\
                 addr add {ipv4}/24 dev {name}\naddr add {ipv6}/64 dev {name} nodad\n"
            ),
        )?;
        let plugged = Plugged { lab: self.lab, nic };
        netns::ip(&switch, &format!("link set {port} master {} up\n", self.bridge))?;
        netns::ip(&namespace, &format!("link set {name} up\n"))?;
        Ok(plugged)
    }

    fn nic(&self, machine: Machine, name: &str) -> Nic {
        let (ipv4, ipv6) = if self.bridge == LAN {
            let number = machine.number() + ANOTHER;
            (lan4(number), lan6(number))
        } else {
            (second4(machine.number()), second6(machine.number()))
        };
        Nic {
            machine,
            name: name.to_owned(),
            mac: mac_of(ipv4),
            ipv4,
            ipv6,
        }
    }
}

impl Drop for Segment<'_> {
    fn drop(&mut self) {
        if self.bridge == SECOND {
            remove(&self.lab.plan().switch(), SECOND);
        }
    }
}

/// An interface that is there as long as this lives.
#[derive(Debug)]
pub struct Plugged<'a> {
    lab: &'a Lab,
    nic: Nic,
}

impl Plugged<'_> {
    /// Takes its switch port down, or up again: it loses its carrier and keeps its addresses and routes.
    ///
    /// # Errors
    /// If the interface is gone.
    pub fn connect(&self, connected: bool) -> Result<()> {
        let state = if connected { "up" } else { "down" };
        let line = format!("link set {} {state}\n", port(&self.nic));
        netns::ip(&self.lab.plan().switch(), &line)
    }

    /// Waits until the switch forwards to the interface: it learns of a carrier as late as a second after it is there.
    ///
    /// # Errors
    /// It does not within a few seconds, or the interface is gone.
    pub fn until_forwards(&self) -> Result<()> {
        let (switch, port) = (self.lab.plan().switch(), port(&self.nic));
        wait::until(&format!("the switch to forward to {port}"), FORWARDS, || {
            let shown = netns::shown(&switch, &["-d", "link", "show", "dev", &port])?;
            Ok(shown.contains("state forwarding").then_some(()))
        })
    }
}

impl Deref for Plugged<'_> {
    type Target = Nic;

    fn deref(&self) -> &Nic {
        &self.nic
    }
}

impl Drop for Plugged<'_> {
    fn drop(&mut self) {
        remove(&self.lab.plan().switch(), &port(&self.nic));
    }
}

/// The switch's end of the cable; both ends go together.
fn port(nic: &Nic) -> String {
    format!("{}-{}", nic.machine.port(), nic.name)
}

fn remove(switch: &str, link: &str) {
    // it is gone already if its machine's power was cut
    let _ = netns::ip(switch, &format!("link del {link}\n"));
}
