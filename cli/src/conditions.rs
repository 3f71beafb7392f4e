//! What the conditions of a Service say, beyond their words.

use ferrolb_crds::api::Condition;

/// The reason of condition Assigned of a Service that has its addresses, and nothing is odd about them.
pub(crate) const ASSIGNED: &str = "Assigned";
/// The reason of condition Assigned of a Service whose status another controller keeps writing.
pub(crate) const STATUS_DISPUTED: &str = "StatusDisputed";
/// The reason of condition Announced of a Service that is announced as it should be.
pub(crate) const ANNOUNCED: &str = "Announced";
/// The reasons of condition Announced of a Service that a node announces, and the wire does not agree.
const OF_THE_WIRE: [&str; 2] = ["WireSilent", "WireDisputed"];

/// What the speakers found on the wire, if condition Announced says so.
pub(crate) fn wire(announced: Option<&Condition>) -> Option<String> {
    let reason = &announced?.reason;
    OF_THE_WIRE.contains(&reason.as_str()).then(|| reason.clone())
}

/// Whether condition `Announced` says what BGP does.
pub(crate) fn tells_of_bgp(condition: &Condition) -> bool {
    condition.message.contains("announced by BGP")
}
