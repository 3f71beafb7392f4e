//! What a node decides about its claims.

use super::world::{Node, Set};

/// The nodes that may hold each address, and how much each is preferred.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fit(pub(super) [[Option<u8>; 3]; 2]);

/// What may happen how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Faults {
    pub(super) crashes: u8,
    pub(super) restarts: u8,
    /// One node hears nobody and is heard by nobody, and is connected again.
    pub(super) cuts: u8,
    pub(super) losses: u8,
}

impl Faults {
    pub(super) const NONE: Self = Self {
        crashes: 0,
        restarts: 0,
        cuts: 0,
        losses: 0,
    };
}

/// A rule broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mistake {
    None,
    /// The holder lets go as soon as it names an heir.
    ReleasesFirst,
    /// The holder lets go if all refused.
    GivesUpWhenRefused,
    /// The holder of a weaker claim stays.
    KeepsAlways,
    /// An heir takes what it would pass on at once.
    PassesOn,
}

/// What is checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) addresses: usize,
    /// What each node knows at first.
    pub(super) before: [Fit; 3],
    /// What all know in the end.
    pub(super) after: Fit,
    pub(super) faults: Faults,
    pub(super) mistake: Mistake,
}

impl Setting {
    pub(super) fn new(before: Fit, after: Fit, faults: Faults) -> Self {
        Self {
            addresses: 2,
            before: [before; 3],
            after,
            faults,
            mistake: Mistake::None,
        }
    }

    pub(super) fn with_one_address(self) -> Self {
        Self { addresses: 1, ..self }
    }

    /// Each prefers the next.
    pub(super) fn disagreeing() -> Self {
        let next = |node: usize| {
            let mut fit = [Some(0); 3];
            fit[(node + 1) % 3] = Some(1);
            Fit([fit; 2])
        };
        let last = Fit([[Some(0), Some(1), Some(0)]; 2]);
        Self {
            before: [next(0), next(1), next(2)],
            ..Self::new(last, last, Faults::NONE)
        }
    }

    pub(super) fn fit(&self, node: &Node, of: usize, address: usize) -> Option<u8> {
        let fit = if node.learned {
            self.after
        } else {
            self.before[node.id]
        };
        fit.0[address][of]
    }
}

/// What a node says of an address.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) enum Entry {
    #[default]
    None,
    Hold(Hold),
    /// The heir, and the version of its claims.
    Released {
        epoch: u8,
        to: Option<(usize, u8)>,
    },
    Declined {
        epoch: u8,
    },
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Hold {
    pub(super) epoch: u8,
    pub(super) backed: bool,
    pub(super) heir: Option<usize>,
}

type Key = (bool, u8, usize);

impl Node {
    fn key(&self, who: usize, hold: &Hold) -> Key {
        (hold.backed, hold.epoch, who)
    }

    pub(super) fn live_holds(&self, address: usize) -> impl Iterator<Item = (usize, Hold)> + '_ {
        (0..3).filter_map(move |who| match self.live(who)?.entries[address] {
            Entry::Hold(hold) => Some((who, hold)),
            _ => None,
        })
    }

    fn live(&self, who: usize) -> Option<&Set> {
        self.peers[who]
            .as_ref()
            .filter(|peer| peer.up && who != self.id)
            .map(|peer| &peer.set)
    }

    pub(super) fn has_majority(&self) -> bool {
        let up = (0..3).filter(|who| self.live(*who).is_some()).count();
        up > 0 && 2 * (up + 1) > 3
    }

    pub(super) fn may_claim(&self, setting: &Setting, address: usize) -> bool {
        let suits = setting.fit(self, self.id, address).is_some();
        let free = self.own_hold(address).is_none() && !self.has_presumed_holder(address);
        self.joined && suits && free
    }

    pub(super) fn own_hold(&self, address: usize) -> Option<Hold> {
        match self.set.entries[address] {
            Entry::Hold(hold) => Some(hold),
            _ => None,
        }
    }

    fn has_presumed_holder(&self, address: usize) -> bool {
        let coming = |who: usize| match self.live(who).map(|set| set.entries[address]) {
            Some(Entry::Hold(_)) => true,
            Some(Entry::Released {
                to: Some((heir, version)),
                ..
            }) => self.live(heir).is_some_and(|set| set.version < version),
            _ => false,
        };
        (0..3).any(coming)
    }

    pub(super) fn claim(&mut self, address: usize, inherits: bool) {
        self.epochs[address] += 1;
        let (epoch, backed) = (self.epochs[address], inherits || self.has_majority());
        self.say(
            address,
            Entry::Hold(Hold {
                epoch,
                backed,
                heir: None,
            }),
        );
    }

    pub(super) fn say(&mut self, address: usize, entry: Entry) {
        if self.set.entries[address] != entry {
            self.set.entries[address] = entry;
            self.changed = true;
        }
    }

    /// Looks at everything, as after each thing that happens.
    pub(super) fn consider(&mut self, setting: &Setting) {
        for address in 0..setting.addresses {
            match self.own_hold(address) {
                Some(hold) => self.keep_or_give_up(setting, address, hold),
                None if self.joined => self.answer_yield(setting, address),
                None => {}
            }
        }
        if !self.has_majority() {
            self.set_backed(false);
        }
    }

    pub(super) fn set_backed(&mut self, backed: bool) {
        for address in 0..2 {
            if let Some(hold) = self.own_hold(address) {
                self.say(address, Entry::Hold(Hold { backed, ..hold }));
            }
        }
    }

    fn keep_or_give_up(&mut self, setting: &Setting, address: usize, hold: Hold) {
        let strongest = self
            .live_holds(address)
            .map(|(who, hold)| self.key(who, &hold))
            .max();
        match strongest {
            Some(key) if key > self.key(self.id, &hold) && setting.mistake != Mistake::KeepsAlways => {
                let version = self.live(key.2).map_or(0, |set| set.version);
                self.release(address, hold, Some((key.2, version)));
            }
            _ => self.review(setting, address, hold),
        }
    }

    fn release(&mut self, address: usize, hold: Hold, to: Option<(usize, u8)>) {
        self.refused[address] = [false; 3];
        self.say(
            address,
            Entry::Released {
                epoch: hold.epoch,
                to,
            },
        );
    }

    /// The node that should have it instead; the best of those that did not refuse.
    fn heir(&self, setting: &Setting, address: usize) -> Option<usize> {
        let mine = setting.fit(self, self.id, address);
        let better = |who: &usize| {
            let fit = setting.fit(self, *who, address);
            self.is_well(*who) && !self.refused[address][*who] && fit.is_some() && fit > mine
        };
        (0..3)
            .filter(better)
            .max_by_key(|who| setting.fit(self, *who, address))
    }

    fn is_well(&self, who: usize) -> bool {
        self.live(who).is_some_and(|set| set.joined)
    }

    fn review(&mut self, setting: &Setting, address: usize, hold: Hold) {
        if let Some(heir) = hold.heir
            && (self.declined(heir, address, hold.epoch) || self.live(heir).is_none())
        {
            self.refused[address][heir] = true;
        }
        let suits = setting.fit(self, self.id, address).is_some();
        let anybody = (0..3).any(|who| self.is_well(who) && setting.fit(self, who, address).is_some());
        let keeps = anybody && setting.mistake != Mistake::GivesUpWhenRefused;
        match (self.heir(setting, address), hold.heir) {
            (Some(_), Some(current)) if self.is_well(current) && !self.refused[address][current] => {}
            (Some(heir), _) if setting.mistake == Mistake::ReleasesFirst => {
                self.release(address, hold, Some((heir, 0)));
            }
            (Some(heir), before) => self.name(address, hold, Some(heir), before.is_some()),
            (None, _) if !suits && !keeps => self.release(address, hold, None),
            (None, Some(_)) => self.name(address, hold, None, true),
            (None, None) => {}
        }
    }

    fn name(&mut self, address: usize, hold: Hold, heir: Option<usize>, again: bool) {
        let epoch = hold.epoch + if again { 2 } else { 0 };
        self.epochs[address] = self.epochs[address].max(epoch);
        self.say(address, Entry::Hold(Hold { epoch, heir, ..hold }));
    }

    fn declined(&self, heir: usize, address: usize, asked: u8) -> bool {
        let entry = self.live(heir).map(|set| set.entries[address]);
        entry == Some(Entry::Declined { epoch: asked })
    }

    fn answer_yield(&mut self, setting: &Setting, address: usize) {
        let Some((_, hold)) = self
            .live_holds(address)
            .find(|(_, hold)| hold.heir == Some(self.id))
        else {
            return;
        };
        let suits = setting.fit(self, self.id, address).is_some();
        let keeps = self.heir(setting, address).is_none() || setting.mistake == Mistake::PassesOn;
        if suits && keeps {
            self.claim(address, false);
        } else {
            self.say(address, Entry::Declined { epoch: hold.epoch });
        }
    }
}
