//! What is told of the verdicts, and how: events and log lines, `ServiceL2Status`, the condition of Services.

pub(crate) mod bgp_status;
pub(crate) mod condition;
pub(crate) mod events;
pub(crate) mod l2_status;
pub(crate) mod resend;
pub(crate) mod sessions;
pub(crate) mod status_object;
pub(crate) mod write;
