//! Messages as bytes (RFC 4271 section 4).
//!
//! Any bytes can be parsed. What is wrong with them is a [`Notification`], as the RFC wants it answered, except in an
//! UPDATE: there RFC 7606 decides, and hardly anything ends a session.

mod capability;
mod check;
mod frame;
mod notification;
mod open;
mod refresh;
mod update;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

pub use capability::{Capabilities, GracefulRestart, KeptFamily};
pub use check::{Found, Reading, Received, check};
pub use frame::{Frame, HEADER, Kind, MESSAGE_MAX, MESSAGE_MAX_EXTENDED, keepalive, split};
pub use notification::{Notification, cease, fsm, header_error, open_error, update_error};
pub use open::Open;
pub use refresh::{refresh, refreshed};
pub use update::{PathStyle, TooLong, announce, end_of_rib, withdraw};
