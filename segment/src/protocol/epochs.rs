//! Epochs that nobody can have counted to are refused, and those that nobody needs any more are forgotten.

use std::time::Duration;

use super::{Event, Segment};
use crate::Moment;
use crate::message::{ClaimsPage, Entry, Epoch, Instance, State};

/// An epoch may be so much greater than any known, and by as much more for each second since all claims of its sender
/// were known. A claim makes it greater by 1, a change of heirs by 2.
const JUMP: u64 = 1 << 20;
/// The greatest that is believed at all: there must be greater ones for those that claim after it.
const LAST: Epoch = Epoch(1 << 62);
/// A refusal is told again after this, if it goes on.
const TOLD_AGAIN: Duration = Duration::from_secs(10);

impl Segment {
    /// The page without the claims that are refused (C15).
    pub(super) fn credible(&mut self, from: Instance, mut page: ClaimsPage, now: Moment) -> ClaimsPage {
        let last = self.last_credible(from, now);
        let epoch = |entry: &Option<Entry>| entry.as_ref().map(Entry::epoch);
        let wild = page.entries.iter().find(|(_, entry)| epoch(entry) > Some(last));
        if let Some((address, entry)) = wild {
            let event = Event::Incredible(from, *address, epoch(entry).unwrap_or_default());
            page.entries.retain(|(_, entry)| epoch(entry) <= Some(last));
            self.report_refusal(from, event, now);
        }
        page
    }

    /// An instance that joins knows nothing to compare with. One that was out of touch takes more, the longer that was: it
    /// is not shut out by what happened without it (C15).
    fn last_credible(&self, from: Instance, now: Moment) -> Epoch {
        if self.facts.state == State::Joining {
            return LAST;
        }
        let synced = self.facts.roll.get(&from).and_then(|peer| peer.synced_last);
        let seconds = now.since(synced.unwrap_or(self.started)).as_secs();
        let jump = JUMP.saturating_mul(seconds.saturating_add(1));
        let greatest = self.facts.ledger.others.greatest;
        Epoch(greatest.0.saturating_add(jump)).min(LAST)
    }

    fn report_refusal(&mut self, from: Instance, event: Event, now: Moment) {
        let peer = self.facts.roll.get_mut(&from);
        let silent = |last| now.since(last) >= TOLD_AGAIN;
        if let Some(peer) = peer.filter(|peer| peer.refused_last.is_none_or(silent)) {
            peer.refused_last = Some(now);
            self.tell(event);
        }
    }

    pub(super) fn forget_epochs(&mut self, now: Moment) {
        let facts = &mut self.facts;
        if facts.ledger.forget_epochs(&facts.view, now) {
            self.returns.forget_old(now);
        }
    }
}
