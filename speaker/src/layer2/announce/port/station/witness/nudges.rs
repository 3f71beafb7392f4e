//! Addresses of this node that it programs and announces anew, because their witness finds them answered wrongly.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_segment::Moment;

/// An address is nudged no more often: a burst takes 5 s, and a station that fights for the address would be answered by a
/// storm (W6).
const BETWEEN: Duration = Duration::from_secs(10);

/// When each was nudged last.
#[derive(Debug, Default)]
pub(super) struct Nudges {
    last: BTreeMap<IpAddr, Moment>,
    waiting: BTreeSet<IpAddr>,
}

impl Nudges {
    /// The witness finds something wrong with it.
    pub(super) fn ask(&mut self, address: IpAddr) {
        self.waiting.insert(address);
    }

    /// Those that are to be nudged now.
    pub(super) fn take(&mut self, now: Moment) -> Vec<IpAddr> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        self.last.retain(|_, at| now.since(*at) < BETWEEN);
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let due: Vec<IpAddr> = waiting
            .filter(|address| !self.last.contains_key(address))
            .collect();
        self.last.extend(due.iter().map(|address| (*address, now)));
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::after_origin(Duration::from_secs(seconds))
    }

    /// Rule W6.
    #[test]
    fn an_address_is_nudged_at_most_once_in_ten_seconds() {
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let mut nudges = Nudges::default();
        let nudged = (0..60).filter(|second| {
            nudges.ask(address);
            !nudges.take(at(*second)).is_empty()
        });
        assert_eq!(nudged.collect::<Vec<_>>(), [0, 10, 20, 30, 40, 50]);
    }

    #[test]
    fn each_address_waits_for_itself() {
        let [one, other]: [IpAddr; 2] = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap());
        let mut nudges = Nudges::default();
        nudges.ask(one);
        assert_eq!(nudges.take(at(0)), [one]);
        nudges.ask(one);
        nudges.ask(other);
        assert_eq!(nudges.take(at(1)), [other]);
    }
}
