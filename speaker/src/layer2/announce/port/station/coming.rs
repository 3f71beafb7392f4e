//! What comes to this node, and why; written down once everybody was told.

use std::net::IpAddr;
use std::time::Duration;

use ferrolb_crds::domain::NodeName;
use ferrolb_segment::message::NodeId;
use ferrolb_segment::{Before, Event, SegmentView};
use tokio::time::Instant;

use super::Station;
use crate::history::{Cause, Happened, What};

/// An address that was claimed, of which nobody was told yet.
#[derive(Debug)]
pub(super) struct Coming {
    cause: Cause,
    from: Option<NodeId>,
    /// When nobody answered for it any more.
    since: Instant,
}

impl Coming {
    /// The move of `address` that begins with this event, if one does. `before` had the address.
    fn of(
        event: &Event,
        before: Option<Before>,
        view: &SegmentView,
        me: NodeId,
        now: Instant,
    ) -> Option<(IpAddr, Self)> {
        let (address, cause, gone_for) = match (event, before) {
            (Event::Claimed(address, waited), None) => (*address, Cause::New, *waited),
            (Event::Claimed(address, waited), Some(before)) => {
                let cause = match before {
                    Before { is_leaving: true, .. } => Cause::SpeakerEnded,
                    Before { is_up: false, .. } => Cause::SpeakerDown,
                    Before { .. } => Cause::NotEligible,
                };
                let silent = !before.is_up && !before.is_leaving;
                (*address, cause, if silent { before.silence } else { *waited })
            }
            (Event::TookOver(address), before) => {
                (*address, yielded(*address, before, view, me), Duration::ZERO)
            }
            _ => return None,
        };
        let coming = Self {
            cause,
            from: before.map(|before| before.node),
            since: now.checked_sub(gone_for).unwrap_or(now),
        };
        Some((address, coming))
    }
}

/// Why the holder, which is up, yields the address to this node.
fn yielded(address: IpAddr, before: Option<Before>, view: &SegmentView, me: NodeId) -> Cause {
    let fit = |node| view.groups.get(&address).and_then(|group| group.fit.get(&node));
    let Some(before) = before else {
        return Cause::Balanced;
    };
    match (fit(before.node), fit(me)) {
        _ if before.is_leaving => Cause::SpeakerEnded,
        _ if view.moves.get(&address) == Some(&me) => Cause::Rebalanced,
        (None, _) => Cause::NotEligible,
        (Some(there), Some(here)) if there.against > here.against => Cause::Drained,
        _ => Cause::Balanced,
    }
}

impl Station {
    /// Remembers what comes, until everybody is told.
    pub(super) fn expect(&mut self, event: &Event) {
        let (Event::Claimed(address, _) | Event::TookOver(address)) = event else {
            return;
        };
        let views = self.protocol.views.borrow();
        let Some(view) = views.get(&self.interface) else {
            return;
        };
        let before = self.core.before(*address, self.now());
        self.coming
            .extend(Coming::of(event, before, view, self.protocol.me, Instant::now()));
    }

    /// Everybody was told of the address: the move is over.
    pub(super) fn arrived(&mut self, address: IpAddr) {
        let Some(Coming { cause, from, since }) = self.coming.remove(&address) else {
            return;
        };
        self.write_down(Happened {
            other: from.map(|from| self.name(from)),
            took: Some(since.elapsed()),
            ..Happened::new(What::Took, cause).of(address)
        });
    }

    /// What happened on this interface.
    pub(super) fn write_down(&self, happened: Happened) {
        self.protocol.history.add(Happened {
            interface: Some(self.interface.clone()),
            ..happened
        });
    }

    /// The name of a node, or what stands for it where the cluster does not know it any more.
    pub(super) fn name(&self, node: NodeId) -> NodeName {
        let views = self.protocol.views.borrow();
        let name = views.get(&self.interface).and_then(|view| view.nodes.get(&node));
        name.cloned().unwrap_or_else(|| format!("{node:?}").into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use ferrolb_segment::{Fitness, GroupView};
    use rstest::rstest;

    use super::*;

    fn id(name: &str) -> NodeId {
        NodeId::of(&NodeName::from(name))
    }

    fn before(is_up: bool, is_leaving: bool) -> Option<Before> {
        Some(Before {
            node: id("n1"),
            silence: Duration::from_millis(700),
            is_up,
            is_leaving,
        })
    }

    /// What is told of an address that comes to `n2`, and for how long nobody had it.
    fn told(event: Event, before: Option<Before>, view: &SegmentView) -> (&'static str, u128) {
        let now = Instant::now() + Duration::from_secs(60);
        let (_, coming) = Coming::of(&event, before, view, id("n2"), now).unwrap();
        (coming.cause.word(), (now - coming.since).as_millis())
    }

    #[rstest]
    #[case::nobody_had_it(None, "New", 20)]
    #[case::its_speaker_died(before(false, false), "SpeakerDown", 700)]
    #[case::its_speaker_said_goodbye(before(false, true), "SpeakerEnded", 20)]
    #[case::it_may_not_any_more(before(true, false), "NotEligible", 20)]
    fn what_nobody_holds_is_claimed_because(
        #[case] before: Option<Before>,
        #[case] cause: &str,
        #[case] gone_for_ms: u128,
    ) {
        let event = Event::Claimed([192, 0, 2, 1].into(), Duration::from_millis(20));
        assert_eq!(told(event, before, &SegmentView::default()), (cause, gone_for_ms));
    }

    #[rstest]
    #[case::it_ends(before(true, true), &[("n1", 0)], None, "SpeakerEnded")]
    #[case::asked_for(before(true, false), &[("n1", 0)], Some("n2"), "Rebalanced")]
    #[case::may_not(before(true, false), &[], None, "NotEligible")]
    #[case::cordoned(before(true, false), &[("n1", 1)], None, "Drained")]
    #[case::better(before(true, false), &[("n1", 0)], Some("n3"), "Balanced")]
    fn what_another_node_yields_is_taken_over_because(
        #[case] before: Option<Before>,
        #[case] fit: &[(&str, u8)],
        #[case] move_to: Option<&str>,
        #[case] cause: &str,
    ) {
        let address = IpAddr::from([192, 0, 2, 1]);
        let fit = fit.iter().chain(&[("n2", 0)]).map(|(name, against)| {
            let fitness = Fitness {
                against: *against,
                ..Fitness::default()
            };
            (id(name), fitness)
        });
        let group = GroupView {
            first: address,
            addresses: [address].into(),
            fit: Arc::new(fit.collect()),
            near: Box::default(),
        };
        let view = SegmentView {
            groups: BTreeMap::from([(address, Arc::new(group))]),
            moves: Arc::new(move_to.map(|node| (address, id(node))).into_iter().collect()),
            ..SegmentView::default()
        };
        assert_eq!(told(Event::TookOver(address), before, &view), (cause, 0));
    }
}
