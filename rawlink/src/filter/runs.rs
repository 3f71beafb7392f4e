//! Sets of 32-bit words as runs of consecutive ones: addresses are handed out in order, so a full pool is one run.

use std::cmp::Reverse;

use super::Instruction;
use super::code::{ACCEPT, JEQ, JGE, JGT, jump, skip};

/// Consecutive words, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: u32,
    pub(super) last: u32,
}

/// Groups ascending words.
pub(super) fn runs(words: impl IntoIterator<Item = u32>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for word in words {
        match runs.last_mut() {
            Some(run) if run.last.checked_add(1) == Some(word) => run.last = word,
            _ => runs.push(Run {
                first: word,
                last: word,
            }),
        }
    }
    runs
}

/// Comparisons that [`member`] needs for these.
pub(super) fn comparisons(runs: &[Run]) -> usize {
    runs.iter().map(|run| width(*run)).sum()
}

/// Runs that contain all of these and need at most `most` comparisons, which are two or more. Where there are too many,
/// the widest gaps between them stay and the others are closed.
pub(super) fn covering(runs: Vec<Run>, most: usize) -> Vec<Run> {
    if comparisons(&runs) <= most {
        return runs;
    }
    let mut starts: Vec<usize> = (1..runs.len()).collect();
    starts.sort_by_key(|&start| Reverse(runs[start].first - runs[start - 1].last));
    starts.truncate(most / 2 - 1);
    starts.push(0);
    starts.sort_unstable();
    let ends = starts.iter().skip(1).copied().chain([runs.len()]);
    let covered = |(start, end): (&usize, usize)| Run {
        first: runs[*start].first,
        last: runs[end - 1].last,
    };
    starts.iter().zip(ends).map(covered).collect()
}

fn width(run: Run) -> usize {
    if run.first == run.last { 1 } else { 2 }
}

/// Accepts the frame if the accumulator is in one of the runs (ascending), else goes on behind.
///
/// Every jump fits into its eight bits, because the limits keep the comparisons below 254.
pub(super) fn member(runs: &[Run]) -> Vec<Instruction> {
    let miss = comparisons(runs);
    let accept = miss + 1;
    let mut code = Vec::with_capacity(miss + 2);
    for run in runs {
        let here = code.len();
        if run.first == run.last {
            code.push(jump(JEQ, run.first, distance(here, accept), 0));
        } else {
            let next = here + 1;
            code.push(jump(JGT, run.last, 1, 0));
            code.push(jump(JGE, run.first, distance(next, accept), distance(next, miss)));
        }
    }
    code.push(skip(1));
    code.push(ACCEPT);
    code
}

fn distance(from: usize, to: usize) -> u8 {
    u8::try_from(to - from - 1).expect("the limits keep a list short")
}
