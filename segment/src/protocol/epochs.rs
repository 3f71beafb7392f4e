//! Epochs that nobody can have counted to are refused, and those that nobody needs any more are forgotten.

use std::time::Duration;

use super::{Event, Segment};
use crate::message::{ClaimsPage, Epoch, Instance, State};
use crate::moment::Moment;

/// An epoch may be so much greater than any known, and by as much more for each second since all claims of its sender
/// were known. A claim makes it greater by 1, a change of heirs by 2.
const JUMP: u64 = 1 << 20;
/// The greatest that is believed at all: there must be greater ones for those who claim after it.
const LAST: Epoch = Epoch(1 << 62);
/// A refusal is told again after this, if it goes on.
const TOLD_AGAIN: Duration = Duration::from_secs(10);
/// How often it is looked for epochs that nobody needs.
const PRUNED: Duration = Duration::from_secs(60);

impl Segment {
    /// The page without the claims that are refused.
    pub(super) fn credible(&mut self, from: Instance, mut page: ClaimsPage, now: Moment) -> ClaimsPage {
        let last = self.last_credible(from, now);
        let epoch = |entry: &Option<_>| entry.as_ref().map(crate::holders::epoch);
        let wild = page.entries.iter().find(|(_, entry)| epoch(entry) > Some(last));
        if let Some((address, entry)) = wild {
            let event = Event::Incredible(from, *address, epoch(entry).unwrap_or_default());
            page.entries.retain(|(_, entry)| epoch(entry) <= Some(last));
            self.report_refusal(from, event, now);
        }
        page
    }

    /// Who joins knows nothing to compare with. Who was out of touch takes more, the longer that was: nobody is shut
    /// out by what happened without him.
    fn last_credible(&self, from: Instance, now: Moment) -> Epoch {
        if self.state == State::Joining {
            return LAST;
        }
        let synced = self.peers.get(&from).and_then(|peer| peer.synced_last);
        let seconds = now.since(synced.unwrap_or(self.started)).as_secs();
        let jump = JUMP.saturating_mul(seconds.saturating_add(1));
        Epoch(self.holders.greatest_epoch().0.saturating_add(jump)).min(LAST)
    }

    fn report_refusal(&mut self, from: Instance, event: Event, now: Moment) {
        let Some(peer) = self.peers.get_mut(&from) else {
            return;
        };
        if peer.refused_last.is_none_or(|last| now.since(last) >= TOLD_AGAIN) {
            peer.refused_last = Some(now);
            self.tell(event);
        }
    }

    pub(super) fn forget_epochs(&mut self, now: Moment) {
        if now.since(self.pruned) < PRUNED {
            return;
        }
        self.pruned = now;
        self.returns.forget_old(now);
        let places = self.view.as_ref().map(|view| &view.places);
        let own = &self.own;
        self.holders.forget_epochs(now, |address| {
            own.entry(address).is_some() || places.is_some_and(|places| places.contains_key(&address))
        });
    }
}
