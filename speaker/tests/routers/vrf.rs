//! A peer in a VRF; where the kernel has none, this is not tried.

use std::process::Command;

use ferrolb_routers::{Frr, until};

use crate::announcer::{Announcer, external, table};
use crate::netns::Namespace;
use crate::site::{NODE, ROUTER, Site};
use crate::trials::{neighbour, one, plain};

pub(crate) const NAME: &str = "frr_has_a_session_with_a_node_whose_interface_is_in_a_vrf";
const VRF: &str = "link add blue type vrf table 100";

/// Whether this kernel has such devices.
pub(crate) fn kernel_has_it() -> bool {
    let add = || Command::new("ip").args(VRF.split(' ')).output().unwrap();
    nix::unistd::geteuid().is_root() && Namespace::add("vrf").inside(add).status.success()
}

pub(crate) fn session() {
    let site = Site::new();
    site.node.each(&format!(
        "{VRF}
         link set blue up
         link set eth0 master blue"
    ));
    let frr = Frr::start(site.router.name(), &neighbour(NODE[0], 64512, "", &["ipv4"]));
    let node = Announcer::start(&site.node);
    let mut spec = external(ROUTER[0]);
    spec.endpoint.vrf = Some("blue".to_owned());
    node.tell(&spec, &table(one("198.51.100.10/32"), &plain()));
    until("the session", || node.is_up() && frr.count("ipv4") == 1);
}
