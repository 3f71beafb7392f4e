//! What a speaker's process does: it reads what waits, judges, and acts.

use std::net::IpAddr;

use ferrolb_segment::Effect;
use ferrolb_segment::message::{Body, Message};

use super::World;

impl World {
    pub(super) fn arrive(&mut self) {
        let Some((from, to, message)) = self.lan.arrive() else {
            return;
        };
        let now = self.now;
        let node = &mut self.nodes[to];
        if !node.plugged || self.lan.cut.contains(&(from, to)) || node.segment.is_none() {
            return;
        }
        if node.is_frozen(now) && !node.keeps_frames || !node.counts(&message) {
            return;
        }
        let seen = node.frozen_until.map_or(now, |until| until.max(now));
        node.waiting.push((node.clock(seen), message));
        let soon = (now + self.wakeup).min(node.wake);
        if soon > now || node.paused_until.is_some_and(|until| until > now) {
            self.wake(to, soon);
        } else {
            self.act(to);
        }
    }

    /// The process reads what waits, then judges, then acts: as the shell does.
    pub(super) fn act(&mut self, node: usize) {
        let now = self.clock(node);
        let lag = self.nodes[node].lag;
        let one = &mut self.nodes[node];
        self.agenda.remove(&(one.wake, node));
        one.paused_until = None;
        let undone = std::mem::take(&mut one.undone);
        undone.into_iter().for_each(|effect| self.follow(node, effect));
        let (interval, one) = (self.conduct.profile.interval, &mut self.nodes[node]);
        let Some(segment) = &mut one.segment else { return };
        // Nobody knows how long a frame waited that a loop finds which was held up.
        let was_held_up = now.since(one.emptied) > interval;
        let came = |at| if was_held_up { one.emptied } else { at };
        for (at, message) in one.waiting.drain(..) {
            segment.receive(&message, came(at), now);
        }
        one.emptied = now;
        segment.advance(now);
        let (wake, effects) = (segment.next(now) + lag, segment.effects());
        let one = &mut self.nodes[node];
        if let Some(time) = one.stops_amid.take() {
            one.undone = effects;
            self.pause(node, time);
            return;
        }
        self.wake(node, wake);
        effects.into_iter().for_each(|effect| self.follow(node, effect));
    }

    /// A stranger answers at once, if neither the question nor the answer is lost.
    fn ask_strangers(&mut self, node: usize, addresses: &[IpAddr]) {
        for address in addresses {
            self.probes.push((self.now, node, *address));
            let is_lost = self.chance(100) < self.lost_answers_percent;
            if let Some(station) = self.strangers.get(address).copied().filter(|_| !is_lost) {
                let now = self.clock(node);
                self.on_segment(node, |segment| segment.is_in_use(*address, station, now));
            }
        }
    }

    fn follow(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::Send(body) => {
                let one = &mut self.nodes[node];
                one.sequence += 1;
                if let Body::Beacon(beacon) = &body {
                    one.standing = beacon.standing;
                }
                let from = one.segment.as_ref().expect("it acts").instance();
                let message = Message {
                    from,
                    sequence: one.sequence,
                    body,
                };
                if self.records == Some(node) {
                    self.recorded.push(message.clone());
                }
                self.broadcast(node, message);
            }
            Effect::Announce(address) => {
                if self.nodes[node].plugged && self.may_tell(node) {
                    self.cache.insert(address, node);
                }
            }
            Effect::AskNeighbours => {
                if self.neighbours && self.nodes[node].plugged {
                    let now = self.clock(node);
                    self.on_segment(node, |segment| segment.witnessed(now));
                }
            }
            Effect::Probe(addresses) => self.ask_strangers(node, &addresses),
            Effect::Found(from, findings) => self.found.push((node, from, findings)),
            Effect::Tell(event) => self.events.push((self.now, node, event)),
            Effect::Hold(address) => {
                let one = &mut self.nodes[node];
                let group = one.view.groups.get(&address);
                self.unfit += usize::from(!group.is_some_and(|group| group.suits(one.id)));
                one.answers.insert(address);
            }
            Effect::Release(address) => {
                self.nodes[node].answers.remove(&address);
            }
        }
    }
}
