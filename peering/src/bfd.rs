//! BFD, asynchronous (RFC 5880), over one hop (RFC 5881) or several (RFC 5883).

mod packet;
mod session;

pub use packet::{Diagnostic, Malformed, PACKET_LEN, Packet, State};
pub use session::{Cause, Counters, Ignored, Input, Output, Path, Profile, Report, Session, Status};
