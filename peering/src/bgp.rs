//! BGP-4 (RFC 4271) as an announcer speaks it.

mod asn;
mod attributes;
mod routes;
mod session;
pub mod wire;

pub use asn::Asn;
pub use attributes::{Attributes, Bandwidth, Communities, Community, Interner, LargeCommunity};
pub use routes::{ExportTable, OUTGOING_MAX};
pub use session::{
    Close, Counters, Down, Ending, Endpoint, Hold, Input, Negotiated, NextHops, Output, Password, PeerAsn,
    PeerSpec, Report, ResetCause, Session, Start, State, Status, Stop, V6NextHop, reset_causes,
    waits_for_reset,
};
