//! Lists of any length as pages that fit into frames (F12).

use std::collections::BTreeMap;

use super::body::{CLAIMS_HEAD, HEARD_HEAD};
use super::{HEAD, MESSAGE_MAX, entry};
use crate::message::{ClaimsPage, HeardPage, Part, Tag, Version};

/// That of an Ethernet, which no page is longer for.
const MTU_MOST: u32 = 1500;
/// That which IPv6 asks of every link (RFC 8200).
const MTU_LEAST: u32 = 1280;
/// Headers of IPv6 and UDP.
const DATAGRAM: usize = 48;

/// How long a page may be on a segment, in bytes of its message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Room(usize);

impl Room {
    /// Pages that fit into a packet of this many bytes, also in a datagram over IPv6 (F12).
    #[must_use]
    pub fn of_mtu(mtu: u32) -> Self {
        let shorter = MTU_MOST - mtu.clamp(MTU_LEAST, MTU_MOST);
        Self(MESSAGE_MAX - DATAGRAM - shorter as usize)
    }

    /// Tags in a page.
    fn tags(self) -> usize {
        (self.0 - HEAD - HEARD_HEAD) / 4
    }

    /// Bytes of entries in a page.
    fn entries(self) -> usize {
        self.0 - HEAD - CLAIMS_HEAD
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::of_mtu(MTU_MOST)
    }
}

/// The pages of a list of the instances that one hears, and whether it knows that they hear it: at least one page,
/// which may be empty (F5). None if 255 pages have no room for it: with an MTU of 1,500 bytes more than 88,230 tags.
pub fn heard_pages(version: Version, tags: &BTreeMap<Tag, bool>, room: Room) -> Option<Vec<HeardPage>> {
    let pages = parts(tags.iter(), room.tags(), |_| 1)?;
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
    Some(pages.into_iter().map(page).collect())
}

/// A page of claims of any length, as pages that fit: at least one, which may be empty (F6). None if 255 have no
/// room for it: with an MTU of 1,500 bytes more than 6,630 of the longest entries.
pub fn claims_pages(mut whole: ClaimsPage, room: Room) -> Option<Vec<ClaimsPage>> {
    let mut scratch = Vec::with_capacity(entry::LONGEST);
    let entries = std::mem::take(&mut whole.entries).into_iter();
    let pages = parts(entries, room.entries(), |(address, entry)| {
        scratch.clear();
        entry::bytes(*address, *entry, &mut scratch);
        scratch.len()
    })?;
    let page = |(part, entries)| ClaimsPage {
        part,
        entries,
        ..whole
    };
    Some(pages.into_iter().map(page).collect())
}

/// Fills pages one after the other, each up to `room`.
fn parts<T>(
    list: impl Iterator<Item = T>,
    room: usize,
    mut size: impl FnMut(&T) -> usize,
) -> Option<Vec<(Part, Vec<T>)>> {
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
    let of = u8::try_from(pages.len()).ok()?;
    let part = |index| Part { index, of };
    Some((0..of).map(part).zip(pages).collect())
}
