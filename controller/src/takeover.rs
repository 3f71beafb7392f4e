//! The beginning of a term: nothing is decided before the watch shows all that the last leader wrote.
//!
//! A watch lags. Who decides on it right after taking over may give away an address that the last leader gave a moment
//! before. So the versions of all Services are listed once, after the Lease was won, and waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ferrolb_crds::domain::ServiceKey;
use tokio::time::Instant;

/// A list that failed, or that the watch does not catch up with because what it shows is gone again, is made anew.
const AGAIN: Duration = Duration::from_secs(1);

/// All Services as they were listed.
pub(crate) type Versions = BTreeMap<ServiceKey, Listed>;

/// What the list says of a Service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Listed {
    pub(crate) version: String,
    /// Whether our field manager owns anything of it.
    pub(crate) is_written_by_us: bool,
}

/// What is still waited for.
#[derive(Debug)]
pub(crate) struct Takeover {
    listed: Option<Versions>,
    listing: bool,
    again: Instant,
}

impl Takeover {
    pub(crate) fn begin(now: Instant) -> Self {
        Self {
            listed: None,
            listing: false,
            again: now,
        }
    }

    /// Whether to list now; counts as under way if so.
    pub(crate) fn should_list(&mut self, now: Instant) -> bool {
        let should = !self.listing && now >= self.again;
        self.listing |= should;
        should
    }

    /// Notes what was listed; none if that failed.
    pub(crate) fn listed(&mut self, versions: Option<Versions>, now: Instant) {
        self.listing = false;
        self.again = now + AGAIN;
        if versions.is_some() {
            self.listed = versions;
        }
    }

    /// Whether the watch has passed everything that was listed. `seen` is what it shows of a Service: its version, which
    /// is not known of one that cannot be decoded.
    pub(crate) fn is_over(&self, seen: impl Fn(&ServiceKey) -> Option<Option<String>>) -> bool {
        let passed = |(service, listed): (&ServiceKey, &Listed)| {
            let version = seen(service);
            version
                .is_some_and(|version| version.is_none_or(|version| is_at_least(&version, &listed.version)))
        };
        self.listed
            .as_ref()
            .is_some_and(|listed| listed.iter().all(passed))
    }

    /// The Services on which we wrote, as far as they are asked for.
    pub(crate) fn written_by_us(&self, asked: impl Fn(&ServiceKey) -> bool) -> BTreeSet<ServiceKey> {
        let listed = self.listed.iter().flatten();
        let ours = listed.filter(|(service, listed)| listed.is_written_by_us && asked(service));
        ours.map(|(service, _)| service.clone()).collect()
    }

    /// When to list again; none while a list is under way.
    pub(crate) fn next_list(&self) -> Option<Instant> {
        (!self.listing).then_some(self.again)
    }
}

/// Versions of one resource can be compared as numbers (Kubernetes promises it since 1.35 and has always done so); what
/// is no number is only equal to itself.
fn is_at_least(seen: &str, listed: &str) -> bool {
    match (seen.parse::<u64>(), listed.parse::<u64>()) {
        (Ok(seen), Ok(listed)) => seen >= listed,
        _ => seen == listed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn listed(versions: &[(&str, &str)]) -> Versions {
        let one = |(name, version): &(&str, &str)| {
            let listed = Listed {
                version: (*version).to_owned(),
                is_written_by_us: true,
            };
            (ServiceKey::new("shop", *name), listed)
        };
        versions.iter().map(one).collect()
    }

    #[rstest]
    #[case::the_same("10", Some(Some("10")), true)]
    #[case::newer("9", Some(Some("10")), true)]
    #[case::older("11", Some(Some("10")), false)]
    #[case::not_seen_yet("11", None, false)]
    #[case::another_text("x", Some(Some("y")), false)]
    #[case::unreadable("11", Some(None), true)]
    fn a_term_begins_when_the_watch_shows_at_least_what_was_listed(
        #[case] version: &str,
        #[case] seen: Option<Option<&str>>,
        #[case] over: bool,
    ) {
        let now = Instant::now();
        let mut takeover = Takeover::begin(now);
        takeover.listed(Some(listed(&[("a", version)])), now);
        assert_eq!(
            takeover.is_over(|_| seen.map(|version| version.map(str::to_owned))),
            over
        );
    }

    #[test]
    fn nothing_is_over_before_anything_was_listed() {
        assert!(!Takeover::begin(Instant::now()).is_over(|_| Some(None)));
    }

    #[test]
    fn no_services_means_nothing_to_wait_for() {
        let now = Instant::now();
        let mut takeover = Takeover::begin(now);
        takeover.listed(Some(Versions::new()), now);
        assert!(takeover.is_over(|_| None));
    }

    #[test]
    fn one_list_at_a_time_and_another_when_it_does_not_come_true() {
        let now = Instant::now();
        let mut takeover = Takeover::begin(now);
        assert!(takeover.should_list(now));
        assert!(!takeover.should_list(now + AGAIN), "one is under way");
        takeover.listed(None, now);
        assert!(!takeover.should_list(now));
        assert!(takeover.should_list(now + AGAIN));
    }
}
