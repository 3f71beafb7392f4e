//! Lists of any length as pages that fit into frames (F12).

use std::collections::BTreeMap;

use thiserror::Error;

use super::body::{CLAIMS_HEAD, HEARD_HEAD};
use super::{HEAD, MESSAGE_MAX, entry};
use crate::message::{ClaimsPage, HeardPage, Part, Tag, Version};

/// A message as long as this fits into a datagram over IPv6 too, on an Ethernet with an MTU of 1,500 bytes.
const PAGE_MAX: usize = MESSAGE_MAX - 48;
/// Tags in a page.
const TAGS: usize = (PAGE_MAX - HEAD - HEARD_HEAD) / 4;
/// Bytes of entries in a page.
const ENTRIES: usize = PAGE_MAX - HEAD - CLAIMS_HEAD;

/// A list that 255 pages have no room for: more than 88,230 tags, or more than 6,630 of the longest entries in a bucket.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{0} parts, and there can be 255")]
pub struct TooManyParts(
    /// How many there would be.
    pub usize,
);

/// The pages of a list of the instances that one hears, and whether it knows that they hear it: at least one page,
/// which may be empty (F5).
///
/// # Errors
///
/// If there would be more parts than can be counted.
pub fn heard_pages(version: Version, tags: &BTreeMap<Tag, bool>) -> Result<Vec<HeardPage>, TooManyParts> {
    let pages = parts(tags.iter(), TAGS, |_| 1)?;
    let page = |(part, tags): (Part, Vec<(&Tag, &bool)>)| {
        let of = |mutual: bool| {
            tags.iter()
                .filter(move |(_, both)| **both == mutual)
                .map(|(tag, _)| **tag)
        };
        HeardPage {
            version,
            part,
            mutual: of(true).collect(),
            one_way: of(false).collect(),
        }
    };
    Ok(pages.into_iter().map(page).collect())
}

/// A page of claims of any length, as pages that fit: at least one, which may be empty (F6).
///
/// # Errors
///
/// If there would be more parts than can be counted.
pub fn claims_pages(mut whole: ClaimsPage) -> Result<Vec<ClaimsPage>, TooManyParts> {
    let mut scratch = Vec::with_capacity(entry::LONGEST);
    let entries = std::mem::take(&mut whole.entries).into_iter();
    let pages = parts(entries, ENTRIES, |(address, entry)| {
        scratch.clear();
        entry::bytes(*address, entry.as_ref(), &mut scratch);
        scratch.len()
    })?;
    let page = |(part, entries)| ClaimsPage {
        part,
        entries,
        ..whole
    };
    Ok(pages.into_iter().map(page).collect())
}

/// Fills pages one after the other, each up to `room`.
fn parts<T>(
    list: impl Iterator<Item = T>,
    room: usize,
    mut size: impl FnMut(&T) -> usize,
) -> Result<Vec<(Part, Vec<T>)>, TooManyParts> {
    let (mut pages, mut left) = (vec![Vec::new()], room);
    for one in list {
        let size = size(&one);
        if size > left {
            pages.push(Vec::new());
            left = room;
        }
        left -= size;
        pages.last_mut().expect("there is one page at least").push(one);
    }
    let of = u8::try_from(pages.len()).map_err(|_| TooManyParts(pages.len()))?;
    let part = |index| Part { index, of };
    Ok((0..of).map(part).zip(pages).collect())
}
