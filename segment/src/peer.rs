//! Another instance: whether it is alive, and what it says.

use std::time::Duration;

use super::Moment;
use super::clock::PeerClock;
use super::copy::ClaimsCopy;
use super::heard::HeardList;
use super::losses::Losses;
use super::message::{Alive, Beacon, Instance, Standing, State, Tag};
use super::profile::Profile;

/// How far apart the questions of a suspicion are.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(10);
/// How many there are.
const QUESTIONS: u8 = 3;
/// How long an instance is remembered that is not up.
const REMEMBERED: Duration = Duration::from_secs(600);
/// How long a testimony holds.
const VOUCHED: Duration = Duration::from_millis(150);

/// Everything that is known of another instance.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) instance: Instance,
    /// How lists name it.
    pub(super) tag: Tag,
    pub(super) beacon: Option<Beacon>,
    pub(super) heard: HeardList,
    pub(super) claims: ClaimsCopy,
    pub(super) link: Link,
    pub(super) clock: PeerClock,
    /// When it was up for the first time after it was down; none if it never was down.
    pub(super) returned: Option<Moment>,
    /// When a frame came in which it said that it hears us.
    pub(super) proof: Option<Moment>,
    /// When all its claims were known last.
    pub(super) synced_last: Option<Moment>,
    /// When it was last reported that it said what cannot be.
    pub(super) refused_last: Option<Moment>,
    /// When it is judged next at the latest, if no frame comes.
    pub(super) due: Option<Moment>,
    /// Something of it came in since it was judged.
    pub(super) is_touched: bool,
    /// It is in the list of those that are heard.
    pub(super) is_listed: bool,
    /// That list says that it hears this instance.
    pub(super) is_mutual: bool,
    /// When it was heard for the first time since it is down.
    heard_again: Option<Moment>,
    /// What is known of its claims is from before it was down.
    outdated: bool,
    pub(super) last_frame: Moment,
    pub(super) losses: Losses,
    /// Silence before this says nothing: nobody listened.
    excused: Moment,
}

/// Whether an instance is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Link {
    /// It is heard, but never said that it hears us.
    OneWay,
    /// Each hears the other.
    Up,
    /// It was up and is silent: the others are asked since then.
    Suspect { since: Moment, questions: u8 },
    /// It was up and is silent here, but somebody hears it.
    Vouched { until: Moment },
    /// It was up and nobody hears it.
    Down,
}

/// How another node is heard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sighting {
    /// What it counts as, in a word: `up`, `one-way` (it does not say that it hears us), `suspected`, `vouched` (silent
    /// here, and another node hears it) or `down`.
    pub state: &'static str,
    /// How long ago its last frame came.
    pub silent: Duration,
    /// Of a thousand frames that it sent of late, those that did not come; none before enough came to tell.
    pub lost_permille: Option<u16>,
}

/// What became of an instance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    /// Nothing.
    None,
    /// Ask whether anybody hears it.
    Ask,
    /// It is up from now on.
    Rose,
    /// It is down from now on.
    Fell,
}

impl Peer {
    pub(super) fn new(instance: Instance, now: Moment) -> Self {
        Self {
            instance,
            tag: instance.tag(),
            beacon: None,
            heard: HeardList::default(),
            claims: ClaimsCopy::new(),
            link: Link::OneWay,
            clock: PeerClock::default(),
            returned: None,
            proof: None,
            synced_last: None,
            refused_last: None,
            due: None,
            is_touched: false,
            is_listed: false,
            is_mutual: false,
            heard_again: None,
            outdated: false,
            last_frame: now,
            losses: Losses::default(),
            excused: Moment::ORIGIN,
        }
    }

    /// Alive as far as its claims are concerned: silence is not death before the others were asked.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.link, Link::Up | Link::Suspect { .. } | Link::Vouched { .. })
    }

    pub(super) fn sighting(&self, now: Moment) -> Sighting {
        Sighting {
            state: match self.link {
                Link::OneWay => "one-way",
                Link::Up => "up",
                Link::Suspect { .. } => "suspected",
                Link::Vouched { .. } => "vouched",
                Link::Down => "down",
            },
            silent: now.since(self.last_frame),
            lost_permille: self.losses.permille(),
        }
    }

    pub(super) fn is_synced(&self) -> bool {
        self.claims.is_synced()
    }

    /// Its claims are known as they are, or as they were shortly before: not only as they were before it was down.
    pub(super) fn is_current(&self) -> bool {
        !self.outdated
    }

    /// Whether its claims became known since it is up again.
    pub(super) fn catch_up(&mut self) -> bool {
        let caught_up = self.outdated && self.is_up() && self.is_synced();
        self.outdated &= !caught_up;
        caught_up
    }

    /// It will end.
    pub(super) fn is_leaving(&self) -> bool {
        let state = self.beacon.map(|beacon| beacon.state);
        matches!(state, Some(State::Leaving | State::Gone))
    }

    /// It takes part, or will in a moment, and is not suspected.
    pub(super) fn is_well(&self) -> bool {
        self.link == Link::Up && !self.is_leaving()
    }

    /// What it says of itself.
    pub(super) fn standing(&self) -> Standing {
        self.beacon.map(|beacon| beacon.standing).unwrap_or_default()
    }

    /// It says of so few that they hear it or not that it has no majority.
    pub(super) fn hears_too_few(&self, electors: usize) -> bool {
        self.link != Link::Up && self.knows_list() && 2 * (1 + self.heard.tags().count()) <= electors
    }

    /// It does not take part yet.
    pub(super) fn is_joining(&self) -> bool {
        self.beacon.is_none_or(|beacon| beacon.state == State::Joining)
    }

    /// A frame of it came; whether it is the first one since the instance is down.
    pub(super) fn frame(&mut self, at: Moment, profile: Profile) -> bool {
        let is_back = self.link == Link::Down
            && self.heard_again.is_none()
            && at.since(self.last_frame) >= self.detection(profile);
        if is_back {
            self.heard_again = Some(at);
        }
        self.last_frame = self.last_frame.max(at);
        is_back
    }

    /// Somebody says that it is there.
    pub(super) fn vouch(&mut self, now: Moment, alive: &Alive, profile: Profile) {
        if matches!(self.link, Link::Suspect { .. }) && alive.age <= profile.testimony() {
            self.link = Link::Vouched { until: now + VOUCHED };
        }
    }

    /// Silence up to now says nothing: nobody listened. A peer that was down before stays so.
    pub(super) fn excuse(&mut self, now: Moment) {
        if self.is_up() {
            self.excused = now;
        }
        if matches!(self.link, Link::Suspect { .. }) {
            self.link = Link::Vouched { until: now + VOUCHED };
        }
    }

    /// Whether a frame of it came a short while ago (L2).
    pub(super) fn is_heard(&self, now: Moment, profile: Profile) -> bool {
        now.since(self.silent_since()) < self.detection(profile)
    }

    /// It comes up after it was down, long after the first frame since then: that was a stray one, and announced nothing.
    pub(super) fn is_back_after_stray(&self, now: Moment, profile: Profile) -> bool {
        let stray = |at| now.since(at) >= self.detection(profile);
        self.returned == Some(now) && self.heard_again.is_none_or(stray)
    }

    fn silent_since(&self) -> Moment {
        self.last_frame.max(self.excused)
    }

    fn detection(&self, profile: Profile) -> Duration {
        let own = |beacon: Beacon| beacon.interval * u32::from(beacon.multiplier);
        self.beacon.map_or(profile.detection(), own)
    }

    /// The next step of its life, if one is due. `me` is how its list would name us.
    pub(super) fn judge(&mut self, now: Moment, me: Tag, profile: Profile) -> Turn {
        let both_ways = self.is_heard(now, profile) && self.heard.names(me);
        match self.link {
            _ if self.is_gone() => self.fall(), // L8
            Link::OneWay | Link::Down if both_ways && self.knows_list() => self.rise(now), // L3
            Link::Suspect { .. } | Link::Vouched { .. } if both_ways => {
                self.link = Link::Up;
                Turn::None
            }
            Link::Up if !both_ways => self.suspect(now), // L6
            Link::Suspect { since, .. } if self.last_frame > since && !self.heard.is_empty() => {
                let until = self.last_frame + VOUCHED; // L7
                self.link = Link::Vouched { until };
                Turn::None
            }
            Link::Vouched { until } if now >= until => self.suspect(now),
            Link::Suspect { since, .. } if now >= since + profile.asking() => self.fall(), // L8
            Link::Suspect { since, questions } => self.ask_again(now, since, questions),
            Link::OneWay | Link::Down | Link::Up | Link::Vouched { .. } => Turn::None,
        }
    }

    /// Its list is the one its newest beacon speaks of: an older one may name those it lost since.
    pub(super) fn knows_list(&self) -> bool {
        self.beacon
            .is_some_and(|beacon| self.heard.version >= beacon.heard)
    }

    pub(super) fn is_gone(&self) -> bool {
        self.beacon.is_some_and(|beacon| beacon.state == State::Gone)
    }

    fn rise(&mut self, now: Moment) -> Turn {
        if self.link == Link::Down {
            self.returned = Some(now);
        }
        self.link = Link::Up;
        Turn::Rose
    }

    /// Another instance of its node is up: this one is no more.
    pub(super) fn fall(&mut self) -> Turn {
        let was_up = self.is_up();
        self.outdated = true;
        self.heard_again = None;
        self.link = Link::Down;
        if was_up { Turn::Fell } else { Turn::None }
    }

    fn suspect(&mut self, now: Moment) -> Turn {
        self.link = Link::Suspect {
            since: now,
            questions: 1,
        };
        Turn::Ask
    }

    fn ask_again(&mut self, now: Moment, since: Moment, questions: u8) -> Turn {
        let due = since + BETWEEN_QUESTIONS * u32::from(questions);
        if questions >= QUESTIONS || now < due {
            return Turn::None;
        }
        self.link = Link::Suspect {
            since,
            questions: questions + 1,
        };
        Turn::Ask
    }

    /// When to judge again at the latest, if no frame comes. To be asked after it was judged.
    pub(super) fn next(&self, now: Moment, profile: Profile) -> Option<Moment> {
        let silent = self.silent_since() + self.detection(profile);
        let link = match self.link {
            Link::Up => Some(silent.max(now)),
            Link::Vouched { until } => Some(until),
            Link::Suspect { since, questions } if questions < QUESTIONS => {
                Some(since + BETWEEN_QUESTIONS * u32::from(questions))
            }
            Link::Suspect { since, .. } => Some(since + profile.asking()),
            Link::OneWay | Link::Down => Some(self.last_frame + REMEMBERED),
        };
        let listed = self.is_listed.then_some(silent);
        link.into_iter().chain(listed).min()
    }

    /// It was not up for so long that it may be forgotten (L10).
    pub(super) fn is_old(&self, now: Moment) -> bool {
        !self.is_up() && now.since(self.last_frame) >= REMEMBERED
    }
}

#[cfg(test)]
mod tests;
