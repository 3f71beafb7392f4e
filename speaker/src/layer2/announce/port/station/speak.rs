//! Frames that go out, and lines in the log.

use std::net::IpAddr;

use ferrolb_rawlink::neighbours as rawlink_neighbours;
use ferrolb_segment::message::{Body, Message};
use ferrolb_segment::seal::{self, GROUP};
use ferrolb_segment::{Effect, Event};

use super::super::{PortTask, neighbours};
use super::Station;
use crate::history::{Cause, Happened, What};

/// Lines of the log that are written before the socket is looked at again.
const LINES_AT_ONCE: usize = 64;

impl Station {
    pub(super) fn send(&mut self, port: &PortTask, body: &Body) {
        self.sequence += 1;
        let message = Message {
            from: self.core.instance(),
            sequence: self.sequence,
            body: body.clone(),
        };
        let keys = self.protocol.keys.borrow();
        let Some(keys) = keys.as_ref() else { return };
        // What others would refuse is not sent; what finds no room is as good as lost on the wire.
        if self.udp.choice.is_raw()
            && let Ok(frame) = seal::seal(keys, [port.port.mac, GROUP], None, &message)
        {
            let _lost = port.send(&frame);
        }
        self.send_datagrams(port, keys, &message);
    }

    pub(super) fn ask(&mut self, port: &mut PortTask) {
        let own = port.own_addresses();
        // What the kernel does not tell is as if nobody were known.
        let mut known = rawlink_neighbours::known(port.index).unwrap_or_default();
        known.retain(|address| !port.held.contains(address));
        port.asked = neighbours::some(&known, self.times_asked);
        self.times_asked = self.times_asked.wrapping_add(1);
        if port.renew_filter().is_ok() {
            let ask = |target: &IpAddr| neighbours::question(port.port.mac, &own, *target);
            for question in port.asked.iter().filter_map(ask) {
                let _lost = port.send(&question);
            }
        }
    }

    /// Said before anything is done about it: what follows takes its time when there are many.
    pub(super) fn tell_decision(&self, effects: &[Effect]) {
        let claimed = |effect: &&Effect| matches!(effect, Effect::Tell(Event::Claimed(..)));
        let (interface, addresses) = (&self.interface, effects.iter().filter(claimed).count());
        if addresses > 0 {
            tracing::info!(%interface, event = "segment", step = "decide", addresses, "claims what nobody holds");
        }
    }

    /// There is something to log.
    pub(super) fn has_lines(&self) -> bool {
        !self.events.is_empty()
    }

    /// Logs some: frames that come do not wait for a thousand lines.
    pub(super) fn tell_some(&mut self, port: &PortTask) {
        let some = self.events.len().min(LINES_AT_ONCE);
        let events: Vec<Event> = self.events.drain(..some).collect();
        events.into_iter().for_each(|event| self.tell(port, event));
    }

    fn tell(&mut self, port: &PortTask, event: Event) {
        let interface = &port.port.interface;
        let name = |node| self.name(node).to_string();
        let noticed = |cause| Happened::new(What::Detected, cause);
        match event {
            Event::Joined => tracing::info!(%interface, event = "segment", step = "join", "takes part"),
            Event::Up(peer) => {
                tracing::info!(%interface, event = "segment", step = "up", node = name(peer.node), "a speaker is up");
                self.write_down(Happened {
                    other: Some(self.name(peer.node)),
                    ..noticed(Cause::SpeakerUp)
                });
            }
            Event::Suspected(peer, silence) => {
                let (node, silence_ms) = (name(peer.node), silence.as_millis());
                tracing::debug!(%interface, event = "segment", step = "suspect", node, silence_ms, "a speaker is silent");
            }
            Event::Down(peer, silence) => {
                self.protocol.metrics.detect.observe(silence.as_secs_f64());
                let (node, silence_ms) = (name(peer.node), silence.as_millis());
                tracing::info!(%interface, event = "segment", step = "detect", node, silence_ms, "a speaker is down");
                self.write_down(Happened {
                    other: Some(self.name(peer.node)),
                    took: Some(silence),
                    ..noticed(Cause::SpeakerDown)
                });
            }
            Event::Claimed(address, waited) => {
                self.protocol.metrics.claim.observe(waited.as_secs_f64());
                let waited_ms = waited.as_millis();
                tracing::info!(%interface, event = "segment", step = "claim", %address, waited_ms, "claimed an address that nobody held");
            }
            Event::TookOver(address) => {
                tracing::info!(%interface, event = "segment", step = "take", %address, "took over an address");
            }
            Event::GaveUp(address, heir) => {
                let to = heir.map(|heir| self.name(heir));
                let heir = to.as_ref().map(ToString::to_string);
                tracing::info!(%interface, event = "segment", step = "yield", %address, heir, "gave up an address");
                let cause = if to.is_some() {
                    Cause::HandedOver
                } else {
                    Cause::NotEligible
                };
                self.write_down(Happened {
                    other: to,
                    ..Happened::new(What::GaveUp, cause).of(address)
                });
            }
            Event::Lost(address, winner) => {
                let node = name(winner);
                tracing::warn!(%interface, event = "segment", step = "lose", %address, node, "another has a stronger claim");
                self.write_down(Happened {
                    other: Some(self.name(winner)),
                    ..Happened::new(What::GaveUp, Cause::StrongerClaim).of(address)
                });
            }
            Event::Majority(true) => {
                tracing::info!(%interface, event = "segment", step = "majority", "more than half of the speakers hear this one");
                self.write_down(noticed(Cause::Majority));
            }
            Event::Majority(false) => {
                tracing::warn!(%interface, event = "segment", step = "minority", "not more than half of the speakers hear this one: it answers for nothing");
                self.write_down(noticed(Cause::Minority));
            }
            Event::Incredible(peer, address, epoch) => {
                self.protocol.metrics.refused.with_label_values(&["epoch"]).inc();
                let (node, epoch) = (name(peer.node), epoch.0);
                tracing::warn!(%interface, event = "segment", step = "refuse", node, %address, epoch, "a claim that cannot be is not heeded");
                self.write_down(Happened {
                    other: Some(self.name(peer.node)),
                    ..noticed(Cause::IncredibleClaim).of(address)
                });
            }
            Event::Stunned(late) => {
                let late_ms = late.as_millis();
                tracing::warn!(%interface, event = "segment", step = "stun", late_ms, "was held up or without a carrier for so long that others may have taken over");
                self.write_down(Happened {
                    took: Some(late),
                    ..noticed(Cause::HeldUp)
                });
            }
        }
    }
}
