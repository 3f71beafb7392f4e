//! Which Services got their holder last.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use ferrolb_crds::domain::{NodeName, ServiceKey};
use k8s_openapi::jiff::Timestamp;

/// So many are shown.
const SHOWN: usize = 50;

/// A node announces a Service since then.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Holding {
    pub(super) since: Timestamp,
    pub(super) node: NodeName,
    /// Why it came there, in the speaker's word, if the speaker knows.
    pub(super) cause: Option<String>,
    /// How long that took, in milliseconds, if the speaker knows.
    pub(super) took_ms: Option<u32>,
}

/// Who announces each Service, as the speakers say.
pub(super) type Holdings = BTreeMap<ServiceKey, Vec<Holding>>;

/// The youngest holdings, the last one first.
pub(super) fn last(holdings: &Holdings) -> Vec<(&ServiceKey, &Holding)> {
    let mut all: Vec<(&ServiceKey, &Holding)> = holdings
        .iter()
        .flat_map(|(service, holdings)| holdings.iter().map(move |one| (service, one)))
        .collect();
    if all.len() > SHOWN {
        all.select_nth_unstable_by_key(SHOWN, |one| Reverse((one.1.since, one.0.clone())));
        all.truncate(SHOWN);
    }
    all.sort_by(|one, other| other.1.since.cmp(&one.1.since).then(one.0.cmp(other.0)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_youngest_come_first_and_old_ones_are_left_out() {
        let holding = |number: usize| {
            let since = Timestamp::from_second(1_000 + i64::try_from(number).unwrap()).unwrap();
            let service = ServiceKey::new("default", format!("web-{number:03}"));
            (
                service,
                vec![Holding {
                    since,
                    node: "n1".into(),
                    cause: None,
                    took_ms: None,
                }],
            )
        };
        let holdings: Holdings = (0..80).map(holding).collect();
        let shown = last(&holdings);
        assert_eq!(shown.len(), SHOWN);
        assert_eq!(&*shown[0].0.name, "web-079");
        assert_eq!(&*shown[SHOWN - 1].0.name, "web-030");
    }
}
