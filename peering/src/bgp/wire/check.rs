//! UPDATE, as it is received: checked as RFC 7606 asks, counted, dropped.

mod rules;

use super::notification::{Notification, update_error};
use super::refresh::family;
use crate::prefix::Family;
use rules::{MP_REACH, MP_UNREACH, NEXT_HOP, Wrong};

/// What decides how an UPDATE reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reading {
    /// The peer is in the same AS.
    pub internal: bool,
    /// AS numbers have four octets.
    pub four_octets: bool,
}

/// What came of an UPDATE.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    /// Nothing is wrong with it.
    Good,
    /// The peer has said all of its routes of this family (RFC 4724).
    EndOfRib(Family),
    /// An attribute of this type was ignored.
    Discarded(u8),
    /// The routes count as withdrawn, because of an attribute of this type.
    Withdrawn(u8),
    /// Prefixes could not be read. What the peer says of their family is of no use any more ("AFI/SAFI disable"), and since
    /// nothing is done with it anyway, the session goes on.
    Unreadable,
}

/// An UPDATE that was received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Received {
    /// The worst that was found.
    pub found: Found,
    /// Prefixes announced in it.
    pub announced: usize,
    /// Prefixes withdrawn in it.
    pub withdrawn: usize,
}

/// Checks a body.
///
/// # Errors
///
/// If its lengths contradict each other, or there are two of MP_REACH or MP_UNREACH (RFC 7606 section 3, a and g).
pub fn check(body: &[u8], reading: Reading) -> Result<Received, Notification> {
    let malformed = || Notification::new(update_error::MALFORMED_ATTRIBUTES);
    let (withdrawn, rest) = sized(body).ok_or_else(malformed)?;
    let (attributes, nlri) = sized(rest).ok_or_else(malformed)?;
    let mut checking = Checking {
        reading,
        found: Found::Good,
        seen: [false; 256],
        announced: 0,
        withdrawn: 0,
    };
    checking.withdrawn += checking.count(withdrawn, Family::V4);
    checking.announced += checking.count(nlri, Family::V4);
    let mp_is_empty = checking.walk(attributes)?;
    checking.mandatory(!nlri.is_empty());
    let Checking {
        found,
        announced,
        withdrawn: count,
        ..
    } = checking;
    let end = match (body.len(), mp_is_empty) {
        (4, _) => Some(Family::V4),
        (_, Some(family)) if withdrawn.is_empty() && nlri.is_empty() => Some(family),
        _ => None,
    };
    let found = match (found, end) {
        (Found::Good, Some(family)) => Found::EndOfRib(family),
        (found, _) => found,
    };
    Ok(Received {
        found,
        announced,
        withdrawn: count,
    })
}

/// Splits off what has its length in two octets in front.
pub(super) fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

struct Checking {
    reading: Reading,
    found: Found,
    seen: [bool; 256],
    announced: usize,
    withdrawn: usize,
}

impl Checking {
    /// The worst counts, and of equal ones the first.
    fn note(&mut self, found: Found) {
        let severity = |found| match found {
            Found::Good | Found::EndOfRib(_) => 0,
            Found::Discarded(_) => 1,
            Found::Withdrawn(_) => 2,
            Found::Unreadable => 3,
        };
        if severity(found) > severity(self.found) {
            self.found = found;
        }
    }

    /// The number of prefixes of a family; those up to the first that cannot be read.
    fn count(&mut self, mut bytes: &[u8], family: Family) -> usize {
        let mut count = 0;
        while let [length, rest @ ..] = bytes {
            let octets = usize::from(length.div_ceil(8));
            match rest.split_at_checked(octets) {
                Some((_, rest)) if *length <= family.bits() => bytes = rest,
                _ => {
                    self.note(Found::Unreadable); // RFC 7606 section 5.3
                    return count;
                }
            }
            count += 1;
        }
        count
    }

    /// Goes through the attributes. Returns the family of an empty MP_UNREACH that is the only one.
    fn walk(&mut self, mut bytes: &[u8]) -> Result<Option<Family>, Notification> {
        let (mut empty, mut count) = (None, 0);
        while !bytes.is_empty() {
            // RFC 7606 section 4: what is left is too short for an attribute, or for this one.
            let Some((flags, kind, value, rest)) = attribute(bytes) else {
                self.note(match bytes.get(1).copied() {
                    // Nor can the prefixes in it be read (section 3, j).
                    Some(MP_REACH | MP_UNREACH) => Found::Unreadable,
                    kind => Found::Withdrawn(kind.unwrap_or(0)),
                });
                break;
            };
            bytes = rest;
            count += 1;
            if std::mem::replace(&mut self.seen[usize::from(kind)], true) {
                // RFC 7606 section 3, g
                if matches!(kind, MP_REACH | MP_UNREACH) {
                    return Err(Notification::new(update_error::MALFORMED_ATTRIBUTES));
                }
                self.note(Found::Discarded(kind));
                continue;
            }
            match rules::judge(kind, flags, value, self.reading) {
                Ok(()) => {}
                Err(Wrong::Discard) => self.note(Found::Discarded(kind)),
                Err(Wrong::Withdraw) => self.note(Found::Withdrawn(kind)),
            }
            match kind {
                MP_REACH => self.reach(value),
                MP_UNREACH => empty = self.unreach(value),
                _ => {}
            }
        }
        Ok(empty.filter(|_| count == 1))
    }

    // RFC 7606 section 7.11
    fn reach(&mut self, value: &[u8]) {
        let [high, low, safi, length, rest @ ..] = value else {
            return self.note(Found::Unreadable);
        };
        let Some((_, [_, nlri @ ..])) = rest.split_at_checked(usize::from(*length)) else {
            return self.note(Found::Unreadable);
        };
        if let Some(family) = family([*high, *low], *safi) {
            self.announced += self.count(nlri, family);
            let fits = match family {
                Family::V4 => matches!(length, 4 | 16 | 32),
                Family::V6 => matches!(length, 16 | 32),
            };
            if !fits {
                self.note(Found::Unreadable);
            }
        }
    }

    // RFC 7606 section 7.12
    fn unreach(&mut self, value: &[u8]) -> Option<Family> {
        let [high, low, safi, nlri @ ..] = value else {
            self.note(Found::Unreadable);
            return None;
        };
        let family = family([*high, *low], *safi)?;
        self.withdrawn += self.count(nlri, family);
        Some(family).filter(|_| nlri.is_empty())
    }

    /// Those that must be there with a route (RFC 7606 section 3, d).
    fn mandatory(&mut self, plain: bool) {
        let announces = plain || self.seen[usize::from(MP_REACH)];
        let missing = |kind: &&u8| !self.seen[usize::from(**kind)];
        let needed = rules::mandatory(self.reading.internal);
        let missing = needed.iter().find(missing).copied();
        let next_hop = Some(NEXT_HOP).filter(|kind| plain && !self.seen[usize::from(*kind)]);
        if let Some(kind) = missing.or(next_hop).filter(|_| announces) {
            self.note(Found::Withdrawn(kind));
        }
    }
}

/// Flags, type, value, and what follows.
pub(super) fn attribute(bytes: &[u8]) -> Option<(u8, u8, &[u8], &[u8])> {
    let [flags, kind, rest @ ..] = bytes else {
        return None;
    };
    let (value, rest) = if flags & rules::EXTENDED_LENGTH != 0 {
        sized(rest)?
    } else {
        let (length, rest) = rest.split_first()?;
        rest.split_at_checked(usize::from(*length))?
    };
    Some((*flags, *kind, value, rest))
}
