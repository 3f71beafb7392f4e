//! A search tree over ranges, as code.

use std::ops::RangeInclusive;

use super::code::Block;

/// Ranges compared one after the other; below this a comparison to halve them costs more than it saves.
const LEAF: usize = 4;

/// Accepts the frame if the loaded value is in one of these ranges, which are in order and do not overlap.
pub(super) fn accept_within(ranges: &[RangeInclusive<u32>]) -> Block {
    if ranges.len() <= LEAF {
        return leaf(ranges);
    }
    let (below, above) = ranges.split_at(ranges.len() / 2);
    let pivot = *above[0].start();
    let mut block = Block::default();
    block.unless_at_least(pivot, accept_within(below));
    // After the lower half was searched in vain the value is still below the pivot, and this is passed over.
    block.when_at_least(pivot, accept_within(above));
    block
}

fn leaf(ranges: &[RangeInclusive<u32>]) -> Block {
    let mut block = Block::default();
    for range in ranges {
        if range.start() == range.end() {
            block.when_equal(*range.start(), Block::acceptance());
        } else {
            block.when_at_least(*range.start(), accept_up_to(*range.end()));
        }
    }
    block
}

fn accept_up_to(last: u32) -> Block {
    match last.checked_add(1) {
        Some(beyond) => {
            let mut block = Block::default();
            block.unless_at_least(beyond, Block::acceptance());
            block
        }
        None => Block::acceptance(),
    }
}
