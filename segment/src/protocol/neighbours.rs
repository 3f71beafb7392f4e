//! Whether anybody hears this node at all: stations that are no speakers tell, if no speaker does.

use super::{Effect, Segment};
use crate::Moment;

/// Questions to neighbours that are no speakers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Neighbours {
    /// When one last answered.
    pub(super) answered: Option<Moment>,
    asked: Option<Moment>,
}

impl Segment {
    pub(super) fn ask_neighbours(&mut self, now: Moment) {
        let between = self.facts.profile.detection();
        let asked = self.neighbours.asked;
        if asked.is_none_or(|last| now.since(last) >= between) {
            self.neighbours.asked = Some(now);
            self.effects.push(Effect::AskNeighbours); // A1
        }
    }

    /// No known speaker is up, and no neighbour answers either (A2).
    pub(super) fn is_cut_off(&self, now: Moment) -> bool {
        self.facts.roll.is_alone() && !self.has_witness(now)
    }

    /// A neighbour that is no speaker answered a short while ago.
    fn has_witness(&self, now: Moment) -> bool {
        let lasts = self.facts.profile.detection() * 3;
        let answered = self.neighbours.answered;
        answered.is_some_and(|at| now.since(at) <= lasts) // A1
    }

    /// Another speaker hears this node, or a neighbour that answered; or there is no other node (A2).
    pub(super) fn is_in_company(&self, now: Moment) -> bool {
        let facts = &self.facts;
        let heard = facts.roll.is_any_heard(now, facts.profile);
        heard || facts.view.is_only_node() || self.has_witness(now) || self.is_used_to_being_alone(now)
    }

    /// No speaker was ever heard here, for so long that none is to be expected: the only node on its segment. If that is
    /// wrong, its claims are without backing and give way (A3).
    fn is_used_to_being_alone(&self, now: Moment) -> bool {
        let profile = self.facts.profile;
        let patience = profile.joining() + profile.interval * 10;
        self.facts.roll.met_nobody() && now.since(self.started) >= patience
    }
}
