//! Which addresses come and which go when effects of the protocol are carried out together.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use ferrolb_segment::Effect;

/// What differs afterwards from what is held now.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Turnover {
    pub(super) gained: Vec<IpAddr>,
    pub(super) lost: Vec<IpAddr>,
}

impl Turnover {
    /// An address may be named more than once: the last word counts.
    pub(super) fn of(held: &HashSet<IpAddr>, effects: &[Effect]) -> Self {
        let word = |effect: &Effect| match effect {
            Effect::Hold(address) => Some((*address, true)),
            Effect::Release(address) => Some((*address, false)),
            Effect::Announce(_)
            | Effect::Send(_)
            | Effect::Found(..)
            | Effect::AskNeighbours
            | Effect::Probe(_)
            | Effect::Tell(_) => None,
        };
        let last: BTreeMap<IpAddr, bool> = effects.iter().filter_map(word).collect();
        let mut turnover = Self::default();
        for (address, holds) in last {
            match (held.contains(&address), holds) {
                (false, true) => turnover.gained.push(address),
                (true, false) => turnover.lost.push(address),
                (false, false) | (true, true) => {}
            }
        }
        turnover
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const HELD: &str = "192.0.2.1";
    const OTHER: &str = "192.0.2.2";

    fn hold(address: &str) -> Effect {
        Effect::Hold(address.parse().unwrap())
    }

    fn release(address: &str) -> Effect {
        Effect::Release(address.parse().unwrap())
    }

    #[rstest]
    #[case::nothing(&[], &[], &[])]
    #[case::one_comes_and_one_goes(&[hold(OTHER), release(HELD)], &[OTHER], &[HELD])]
    #[case::what_is_held_already_does_not_come(&[hold(HELD)], &[], &[])]
    #[case::what_is_not_held_does_not_go(&[release(OTHER)], &[], &[])]
    #[case::claimed_and_lost_at_once(&[hold(OTHER), release(OTHER)], &[], &[])]
    #[case::lost_and_claimed_again_at_once(&[release(HELD), hold(HELD)], &[], &[])]
    fn turns_over(#[case] effects: &[Effect], #[case] gained: &[&str], #[case] lost: &[&str]) {
        let addresses = |texts: &[&str]| texts.iter().map(|one| one.parse().unwrap()).collect();
        let held = HashSet::from([HELD.parse().unwrap()]);
        let expected = Turnover {
            gained: addresses(gained),
            lost: addresses(lost),
        };
        assert_eq!(Turnover::of(&held, effects), expected);
    }
}
