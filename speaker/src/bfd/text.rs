//! Sessions in words.

use std::time::Duration;

use ferrolb_crds::domain::BfdProfile;
use ferrolb_peering::bfd::Cause;

/// What was asked for. When a session comes up both ends still go slowly (RFC 5880 section 6.8.3), so that nothing is agreed yet.
pub(super) fn asked(profile: &BfdProfile) -> String {
    format!(
        "BFDProfile {} asks for a packet each {} ms, and the peer finds this node gone after {} that did not come",
        profile.name,
        profile.transmit.as_millis(),
        profile.multiplier
    )
}

/// Why a session is not up any more.
pub(super) fn why(cause: Cause, detection: Duration) -> String {
    match cause {
        Cause::Expired => format!("no packet came for {} ms", detection.as_millis()),
        Cause::Signalled(diagnostic) => format!("the peer says that it is down: {diagnostic}"),
        Cause::PeerAdminDown => "it was switched off at the peer".to_owned(),
        Cause::Admin => "it was switched off here".to_owned(),
        // Packets that were heard take no session down.
        Cause::Heard => "the peer says so".to_owned(),
    }
}
