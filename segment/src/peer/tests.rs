use super::*;
use crate::message::{Boot, NodeId};

/// Rule L10.
#[test]
fn a_peer_that_is_not_up_is_old_ten_minutes_after_its_last_frame() {
    let instance = Instance {
        node: NodeId([1; 16]),
        boot: Boot(1),
    };
    let peer = Peer::new(instance, Moment::ORIGIN);
    let is_old = |seconds| peer.is_old(Moment::ORIGIN + Duration::from_secs(seconds));
    assert_eq!((is_old(599), is_old(600)), (false, true));
}
