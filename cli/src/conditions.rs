//! What the conditions of a Service say, beyond their words.

use ferrolb_crds::api::Condition;

/// The reason of condition Assigned of a Service that has its addresses, and nothing is odd about them.
pub(crate) const ASSIGNED: &str = "Assigned";
/// The reason of condition Assigned of a Service whose status another controller keeps writing.
pub(crate) const STATUS_DISPUTED: &str = "StatusDisputed";
/// The reason of condition Announced of a Service that is announced as it should be.
pub(crate) const ANNOUNCED: &str = "Announced";
/// The reason of condition Announced of a Service that nodes announce which do not hear each other.
pub(crate) const SEVERAL_HOLDERS: &str = "SeveralHolders";

/// What the speakers found on the wire, if condition Announced says so: it is True then, as a node announces.
pub(crate) fn wire(announced: Option<&Condition>) -> Option<String> {
    let told = announced.filter(|one| one.status == "True")?;
    (![ANNOUNCED, SEVERAL_HOLDERS].contains(&told.reason.as_str())).then(|| told.reason.clone())
}
