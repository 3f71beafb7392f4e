//! ROUTE-REFRESH (RFC 2918).

use super::frame::{Kind, framed};
use super::notification::{Notification, refresh_error};
use crate::prefix::Family;

const UNICAST: u8 = 1;

pub(super) const fn afi(family: Family) -> u16 {
    match family {
        Family::V4 => 1,
        Family::V6 => 2,
    }
}

/// The family of an AFI and a SAFI; none for those that are not spoken here.
pub(super) fn family(afi: [u8; 2], safi: u8) -> Option<Family> {
    match (u16::from_be_bytes(afi), safi) {
        (1, UNICAST) => Some(Family::V4),
        (2, UNICAST) => Some(Family::V6),
        _ => None,
    }
}

/// Appends a request for all routes of a family.
pub fn refresh(family: Family, out: &mut Vec<u8>) {
    framed(out, Kind::RouteRefresh, |out| {
        out.extend_from_slice(&afi(family).to_be_bytes());
        out.extend_from_slice(&[0, UNICAST]);
    });
}

/// The family of which a body asks for all routes; none if nothing is to be done. The other subtypes of RFC 7313 come only
/// to those who offered its capability, and the filters of RFC 5291 too; both are ignored.
///
/// # Errors
///
/// If its length is wrong (RFC 7313 section 5).
pub fn refreshed(body: &[u8]) -> Result<Option<Family>, Notification> {
    let Some(&[high, low, subtype, safi]) = body.first_chunk::<4>() else {
        return Err(Notification::with(refresh_error::BAD_LENGTH, body.to_vec()));
    };
    let is_plain = subtype == 0;
    if is_plain && body.len() != 4 {
        return Ok(None);
    }
    Ok(family([high, low], safi).filter(|_| is_plain))
}
