//! A Service of policy Local with one pod, which moves.

use std::net::SocketAddr;

use ferrolb_lab::Lab;
use ferrolb_lab::fabric::{Fabric, Tors, objects};
use ferrolb_lab::suite::{Outcome, Trial, trial};

use crate::pod::{self, moving};
use crate::scene::{PODS, SOON, Scene};
use crate::trials::{BUSY, address, forwarded, known, watched};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "the_only_pod_of_a_local_service_moves_and_no_request_is_lost",
        moves,
    )]
}

fn moves(lab: &Lab) -> Outcome {
    let fabric = Fabric::new(lab, Tors::Both)?;
    let _scene = Scene::new(lab, objects() + &moving("bgp", &lab.node_name(1)))?;
    lab.rolled_out("default", "deployment/moving")?;
    let address = address(lab, "moving")?;
    forwarded(&fabric, address, &[1], SOON)?;
    watched(lab, &fabric)?;
    known(lab)?;
    let target = SocketAddr::from((address, 8080));
    let tally = pod::moves(lab, "bgp", target, |node| {
        forwarded(&fabric, address, &[node], PODS)
    })?;
    assert!(tally.lost() <= BUSY, "{tally}");
    Ok(())
}
