//! Sessions in words.

use std::time::Duration;

use ferrolb_peering::bfd::{Cause, Status};

/// What was agreed with the peer.
pub(super) fn agreed(status: &Status) -> String {
    let transmit = status.transmit.unwrap_or_default();
    let detection = status.detection.unwrap_or_default();
    format!(
        "a packet each {} ms, down after {} ms without one",
        transmit.as_millis(),
        detection.as_millis()
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
