//! The addresses, and what makes a speaker hold them.

use std::net::Ipv4Addr;

use crate::command::USUAL;
use crate::error::Result;
use crate::lab::Lab;
use crate::measure::holding::{address, configuration, endpoints, list, service, status};

/// The addresses that are held are the even ones from the beginning of the pool.
pub(super) fn held(number: u16) -> Ipv4Addr {
    address(number * 2)
}

/// All odd addresses of the pool.
pub(super) fn foreign() -> impl Iterator<Item = Ipv4Addr> {
    (0..u16::MAX).filter(|rest| rest % 2 == 1).map(address)
}

/// Makes everything that the speaker of this node needs to hold so many addresses.
pub(super) fn prepare(lab: &Lab, node: u8, count: u16) -> Result<()> {
    lab.apply(&configuration())?;
    let node = lab.node_name(node);
    let objects = (0..count).flat_map(|number| [service(number), endpoints(number, Some(&node))]);
    let kubectl = lab.kubectl_program();
    kubectl.run_with_input(&["create", "-f", "-"], &list(objects), USUAL)?;
    let apply = [
        "apply",
        "--server-side",
        "--subresource=status",
        "--validate=false",
        "-f",
        "-",
    ];
    let statuses = (0..count).map(|number| status(number, held(number)));
    kubectl.run_with_input(&apply, &list(statuses), USUAL).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn nothing_foreign_is_held() {
        let foreign: BTreeSet<Ipv4Addr> = foreign().collect();
        assert_eq!(foreign.len(), 32767);
        assert!((0..1000).all(|number| !foreign.contains(&held(number))));
    }
}
