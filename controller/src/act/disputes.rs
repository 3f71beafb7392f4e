//! Other field managers that hold the status of a Service.

use std::collections::BTreeMap;
use std::time::Duration;

use ferrolb_crds::domain::ServiceKey;
use ferrolb_runtime::patch::Ownership;
use tokio::time::Instant;

/// Field managers of MetalLB's controller: a migration takes over what they wrote.
const PREDECESSORS: [&str; 2] = ["controller", "metallb-controller"];
/// How often a status is taken from another writer before it is left to that one.
const ROUNDS: u32 = 2;
/// A writer that did not take it back for so long does not keep doing it.
const FORGIVEN: Duration = Duration::from_secs(600);

/// Which writer holds which status, and how often it was taken from it.
#[derive(Debug, Default)]
pub(crate) struct Disputes(BTreeMap<ServiceKey, Dispute>);

#[derive(Debug)]
struct Dispute {
    owners: Vec<String>,
    rounds: u32,
    last: Instant,
    take_next: bool,
}

/// What to do about fields of another manager.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Take them.
    Take,
    /// Leave them to the other; said for the first time.
    GiveUp,
    /// Leave them to the other, as was said before.
    LeaveAlone,
}

impl Disputes {
    /// Notes that these managers hold the status, and says what to do.
    pub(crate) fn met(&mut self, service: &ServiceKey, owners: Vec<String>, now: Instant) -> Verdict {
        let predecessors = owners.iter().all(|owner| PREDECESSORS.contains(&owner.as_str()));
        let dispute = self.0.entry(service.clone()).or_insert(Dispute {
            owners: Vec::new(),
            rounds: 0,
            last: now,
            take_next: false,
        });
        if now.duration_since(dispute.last) > FORGIVEN {
            dispute.rounds = 0;
        }
        dispute.last = now;
        dispute.owners = owners;
        dispute.rounds = if predecessors {
            1
        } else {
            dispute.rounds.saturating_add(1)
        };
        dispute.take_next = dispute.rounds <= ROUNDS;
        match dispute.rounds {
            0..=ROUNDS => Verdict::Take,
            rounds if rounds == ROUNDS + 1 => Verdict::GiveUp,
            _ => Verdict::LeaveAlone,
        }
    }

    /// Whether the next write to this Service takes what others own; the one after it asks again.
    pub(crate) fn ownership(&mut self, service: &ServiceKey) -> Ownership {
        let take = self
            .0
            .get_mut(service)
            .is_some_and(|dispute| std::mem::take(&mut dispute.take_next));
        if take { Ownership::Take } else { Ownership::Respect }
    }

    /// The writer that keeps the status of this Service from us, if it was given up.
    pub(crate) fn given_up_to(&self, service: &ServiceKey) -> Option<String> {
        let dispute = self.0.get(service).filter(|dispute| dispute.rounds > ROUNDS)?;
        Some(dispute.owners.join(", "))
    }

    /// How many Services were given up to another writer.
    pub(crate) fn given_up(&self) -> usize {
        let given_up = self.0.values().filter(|dispute| dispute.rounds > ROUNDS);
        given_up.count()
    }

    /// Notes that everything of ours was written.
    pub(crate) fn settled(&mut self, service: &ServiceKey) {
        if let Some(dispute) = self.0.get_mut(service).filter(|dispute| dispute.rounds > ROUNDS) {
            dispute.rounds = 0;
        }
    }

    /// Forgets Services that are gone.
    pub(crate) fn prune(&mut self, exists: impl Fn(&ServiceKey) -> bool) {
        self.0.retain(|service, _| exists(service));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web() -> ServiceKey {
        ServiceKey::new("shop", "web")
    }

    fn met(disputes: &mut Disputes, owner: &str) -> Verdict {
        disputes.met(&web(), vec![owner.to_owned()], Instant::now())
    }

    #[test]
    fn another_writer_is_overruled_twice_and_then_left_alone() {
        let mut disputes = Disputes::default();
        let verdicts: Vec<Verdict> = (0..4).map(|_| met(&mut disputes, "kube-vip")).collect();
        assert_eq!(
            verdicts,
            [Verdict::Take, Verdict::Take, Verdict::GiveUp, Verdict::LeaveAlone]
        );
        assert_eq!(disputes.ownership(&web()), Ownership::Respect);
        assert_eq!(disputes.given_up_to(&web()), Some("kube-vip".to_owned()));
        assert_eq!(disputes.given_up(), 1);
    }

    #[test]
    fn an_overruling_write_is_one_write() {
        let mut disputes = Disputes::default();
        met(&mut disputes, "kubectl-patch");
        assert_eq!(disputes.ownership(&web()), Ownership::Take);
        assert_eq!(disputes.ownership(&web()), Ownership::Respect);
    }

    #[test]
    fn what_metallb_wrote_is_always_taken_over() {
        let mut disputes = Disputes::default();
        assert!((0..9).all(|_| met(&mut disputes, "controller") == Verdict::Take));
    }

    #[test]
    fn a_dispute_is_over_when_a_write_of_ours_stays() {
        let mut disputes = Disputes::default();
        for _ in 0..3 {
            met(&mut disputes, "kube-vip");
        }
        disputes.settled(&web());
        assert_eq!(disputes.given_up_to(&web()), None);
    }

    #[test]
    fn two_edits_by_hand_with_much_time_between_are_no_dispute() {
        let (mut disputes, mut now) = (Disputes::default(), Instant::now());
        for _ in 0..5 {
            assert_eq!(
                disputes.met(&web(), vec!["kubectl-edit".to_owned()], now),
                Verdict::Take
            );
            now += FORGIVEN + Duration::from_secs(1);
        }
    }
}
