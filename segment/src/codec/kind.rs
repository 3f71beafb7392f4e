//! What a body is, as the envelope of a frame says it.

use crate::message::Body;

pub(super) const BEACON: u8 = 1;
pub(super) const HEARD: u8 = 2;
pub(super) const CLAIMS: u8 = 3;
pub(super) const BUCKETS: u8 = 4;
pub(super) const REQUEST: u8 = 5;
pub(super) const QUERY: u8 = 6;
pub(super) const ALIVE: u8 = 7;
pub(super) const RETURNED: u8 = 8;

/// The kind of a body.
pub fn kind_of(body: &Body) -> u8 {
    match body {
        Body::Beacon(_) => BEACON,
        Body::Heard(_) => HEARD,
        Body::Claims(_) => CLAIMS,
        Body::Buckets(_) => BUCKETS,
        Body::Request(_) => REQUEST,
        Body::Query(_) => QUERY,
        Body::Alive(_) => ALIVE,
        Body::Returned(_) => RETURNED,
    }
}
