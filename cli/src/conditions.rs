//! What the conditions of a Service say, beyond their words.

use ferrolb_crds::api::Condition;

/// The reason of condition Assigned of a Service that has its addresses, and nothing is odd about them.
pub(crate) const ASSIGNED: &str = "Assigned";
/// The reason of condition Assigned of a Service whose status another controller keeps writing.
pub(crate) const STATUS_DISPUTED: &str = "StatusDisputed";
/// The reason of condition Announced of a Service that no node tells over a session that is up.
pub(crate) const NO_SESSION: &str = "NoSession";

/// The reasons of condition Announced of a Service that a node announces, and the wire does not agree.
const OF_THE_WIRE: [&str; 2] = ["WireSilent", "WireDisputed"];

/// The reason of condition Announced of a Service with an address that another station has.
pub(crate) const TAKEN: &str = "WireTaken";

/// The reasons of condition Announced of a Service that a node announces, and that is out of reach there for sure.
const OF_THE_HOLDER: [&str; 3] = ["NoCarrier", "Ipv6Off", "NoLinkLocal"];

/// Whether a node announces the Service, although the condition does not hold.
pub(crate) fn is_announced_all_the_same(announced: &Condition) -> bool {
    wire(Some(announced)).is_some() || OF_THE_HOLDER.contains(&announced.reason.as_str())
}

/// What the speakers found on the wire, if condition Announced says so.
pub(crate) fn wire(announced: Option<&Condition>) -> Option<String> {
    let reason = &announced?.reason;
    OF_THE_WIRE.contains(&reason.as_str()).then(|| reason.clone())
}

/// Whether condition `Announced` says what BGP does.
pub(crate) fn tells_of_bgp(condition: &Condition) -> bool {
    condition.message.contains("announced by BGP")
}
