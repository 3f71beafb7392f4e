//! How this port hears the others, told when somebody asks.

use ferrolb_segment::message::State;

use super::Station;
use crate::facts::{PeerFacts, SegmentFacts};
use crate::layer2::announce::protocol::Survey;

impl Station {
    /// What does not fit is dropped: nobody takes it.
    pub(super) fn answer_survey(&self, survey: &Survey) {
        let peers = self.core.sightings(self.now()).into_iter().map(|(node, seen)| {
            let facts = PeerFacts {
                state: seen.state.to_owned(),
                silent_ms: u64::try_from(seen.silent.as_millis()).unwrap_or(u64::MAX),
                lost_permille: seen.lost_permille,
            };
            (self.name(node), facts)
        });
        let facts = SegmentFacts {
            joined: self.core.state() != State::Joining,
            held: self.core.held().collect(),
            peers: peers.collect(),
        };
        let _dropped = survey.try_send((self.interface.clone(), facts));
    }
}
