//! What can be read on the wire, before the Ingress controller and behind it.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::plan::Machine;
use crate::probe::Tap;
use crate::wait;

/// What the answer of a pod begins with.
const ANSWER: &[u8] = b"pod=shop-";
const SOON: Duration = Duration::from_secs(30);

/// The client's link shows nothing of an answer that came by HTTPS, although a link between nodes does.
pub(super) fn tls_ends_at_the_ingress(lab: &Lab, address: Ipv4Addr) -> Result<()> {
    let at_client = lab.tap(&Machine::Client(1).nic())?;
    let at_nodes = lab.plan().nodes().map(|node| lab.tap(&Machine::Node(node).nic()));
    let at_nodes = at_nodes.collect::<Result<Vec<_>>>()?;
    let site = format!("shop.example.com:443:{address}");
    wait::until("a plain answer between nodes", SOON, || {
        lab.client(&[
            "curl",
            "--silent",
            "--fail",
            "--max-time",
            "2",
            "--insecure",
            "--resolve",
            &site,
            "https://shop.example.com/",
        ])?;
        let plain = at_nodes.iter().map(read_answer).collect::<Result<Vec<_>>>()?;
        Ok(plain.contains(&true).then_some(()))
    })?;
    if read_answer(&at_client)? {
        return Error::refused("the answer of an HTTPS request can be read on the client's link");
    }
    Ok(())
}

fn read_answer(tap: &Tap) -> Result<bool> {
    let heard = tap.heard(|frame| {
        frame
            .windows(ANSWER.len())
            .any(|part| part == ANSWER)
            .then_some(())
    })?;
    Ok(!heard.is_empty())
}
