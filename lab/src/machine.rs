//! The switch and the machines' cables: one namespace holds a bridge, every machine is a namespace with one `eth0`
//! whose other end is a port of the bridge.

use std::fmt::Write;

use crate::error::Result;
use crate::netns;
use crate::plan::{Machine, NO_ROUTER, Plan, pod_network4, pod_network6};

/// A switch has no addresses of its own: its ports stay silent.
const SWITCH_SETTINGS: [(&str, &str); 2] = [
    ("net/ipv6/conf/all/disable_ipv6", "1"),
    ("net/ipv6/conf/default/disable_ipv6", "1"),
];

/// Without duplicate address detection, on `eth0` and later on the pods' bridge: an address that is still being
/// checked cannot be used for 1 to 2 s. The kernel takes the larger of `all` and the interface's own value, which is
/// born from `default`, so both are set before the interface exists.
const MACHINE_SETTINGS: [(&str, &str); 5] = [
    ("net/ipv6/conf/all/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_ra", "0"),
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv6/conf/all/forwarding", "1"),
];

/// Makes the switch.
pub(crate) fn switch_on(plan: &Plan) -> Result<()> {
    let switch = plan.switch();
    netns::add(&switch)?;
    netns::set(&switch, &SWITCH_SETTINGS)?;
    netns::ip(
        &switch,
        "link add br0 type bridge stp_state 0 mcast_snooping 0\nlink set br0 up\n",
    )
}

/// Makes the machine's network and plugs it in.
pub(crate) fn connect(plan: &Plan, machine: Machine) -> Result<()> {
    let namespace = plan.full_name(machine);
    netns::add(&namespace)?;
    netns::set(&namespace, &MACHINE_SETTINGS)?;
    netns::ip(&namespace, &cable(plan, machine))?;
    netns::ip(
        &plan.switch(),
        &format!("link set {} master br0 up\n", machine.port()),
    )?;
    netns::ip(&namespace, &addresses(plan, machine))
}

/// Removes the machine's network, the cable first, as when power is cut: a namespace whose processes are dead would
/// still answer ARP for its addresses.
pub(crate) fn disconnect(plan: &Plan, machine: Machine) -> Result<()> {
    unplug(plan, machine)?;
    netns::ip(&plan.switch(), &format!("link del {}\n", machine.port()))?;
    netns::delete(&plan.full_name(machine))
}

/// Takes the switch port down: the machine loses its carrier and keeps its addresses and routes.
pub(crate) fn unplug(plan: &Plan, machine: Machine) -> Result<()> {
    netns::ip(&plan.switch(), &format!("link set {} down\n", machine.port()))
}

/// Takes the switch port up again.
pub(crate) fn plug(plan: &Plan, machine: Machine) -> Result<()> {
    netns::ip(&plan.switch(), &format!("link set {} up\n", machine.port()))
}

fn cable(plan: &Plan, machine: Machine) -> String {
    let (mac, port, switch) = (machine.mac(), machine.port(), plan.switch());
    format!("link set lo up\nlink add eth0 address {mac} type veth peer name {port} netns {switch}\n")
}

fn addresses(plan: &Plan, machine: Machine) -> String {
    let mut lines = format!(
        "addr add {}/24 dev eth0\naddr add {}/64 dev eth0 nodad\nlink set eth0 up\n\
         route add default via {}\nroute add ::/0 via {}\n",
        machine.ipv4(),
        machine.ipv6(),
        NO_ROUTER.0,
        NO_ROUTER.1
    );
    for i in plan.nodes().filter(|i| machine != Machine::Node(*i)) {
        let node = Machine::Node(i);
        let _ = writeln!(lines, "route add {} via {}", pod_network4(i), node.ipv4());
        let _ = writeln!(lines, "route add {} via {}", pod_network6(i), node.ipv6());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_routes_to_the_pods_of_all_others_and_none_to_its_own() {
        let lines = addresses(&Plan::new("dev", 3, 1).unwrap(), Machine::Node(2));
        assert!(
            lines.contains("route add 10.244.1.0/24 via 192.0.2.11"),
            "{lines}"
        );
        assert!(
            lines.contains("route add fd00:10:244:3::/64 via 2001:db8:1::13"),
            "{lines}"
        );
        assert!(!lines.contains("10.244.2.0"), "{lines}");
    }
}
