//! Frames that go out, and lines in the log.

use std::net::IpAddr;

use tokio::time::Instant;

use super::super::{PortTask, neighbours};
use super::Membership;
use crate::segment::message::{Body, Message};
use crate::segment::seal::{self, GROUP};
use crate::segment::{Effect, Event};

/// Lines of the log that are written before the socket is looked at again.
const LINES_AT_ONCE: usize = 64;

impl Membership {
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
        if let Ok(frame) = seal::seal(keys, port.port.mac, GROUP, &message) {
            let _lost = port.socket.try_send(&frame);
        }
    }

    pub(super) fn ask(&mut self, port: &PortTask) {
        let links = port.announcer.links.borrow();
        let own = links
            .get(&port.index)
            .into_iter()
            .flat_map(|link| &link.addresses);
        let own = own.filter_map(|(address, _)| match address {
            IpAddr::V4(v4) => Some(*v4),
            IpAddr::V6(_) => None,
        });
        let sender = own.clone().next();
        self.asked = neighbours::known(&port.port.interface);
        self.asked
            .retain(|address| !self.held.contains(&IpAddr::V4(*address)));
        // Answers pass the filter only for addresses that it names.
        let named = self
            .held
            .iter()
            .copied()
            .chain(self.asked.iter().copied().map(IpAddr::V4))
            .collect();
        if port.socket.replace_filter(&port.filter(&named)).is_ok() {
            for target in &self.asked {
                let question = neighbours::question(port.port.mac, sender, *target);
                let _lost = port.socket.try_send(&question.emit());
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

    /// When to log what there is to log.
    pub(super) fn lines_due(&self) -> Option<Instant> {
        (!self.events.is_empty()).then(Instant::now)
    }

    /// Logs some: frames that come do not wait for a thousand lines.
    pub(super) fn tell_some(&mut self, port: &PortTask) {
        let some = self.events.len().min(LINES_AT_ONCE);
        let events: Vec<Event> = self.events.drain(..some).collect();
        events.into_iter().for_each(|event| self.tell(port, event));
    }

    fn tell(&mut self, port: &PortTask, event: Event) {
        self.news = true;
        let interface = &port.port.interface;
        let names = self.protocol.views.borrow();
        let nodes = names
            .get(interface)
            .map(|view| view.nodes.clone())
            .unwrap_or_default();
        let name = |node| {
            nodes
                .get(&node)
                .map_or_else(|| format!("{node:?}"), ToString::to_string)
        };
        match event {
            Event::Joined => tracing::info!(%interface, event = "segment", step = "join", "takes part"),
            Event::Up(peer) => {
                tracing::info!(%interface, event = "segment", step = "up", node = name(peer.node), "a speaker is up");
            }
            Event::Suspected(peer, silence) => {
                let (node, silence_ms) = (name(peer.node), silence.as_millis());
                tracing::debug!(%interface, event = "segment", step = "suspect", node, silence_ms, "a speaker is silent");
            }
            Event::Down(peer, silence) => {
                self.protocol.metrics.detect.observe(silence.as_secs_f64());
                let (node, silence_ms) = (name(peer.node), silence.as_millis());
                tracing::info!(%interface, event = "segment", step = "detect", node, silence_ms, "a speaker is down");
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
                let heir = heir.map(name);
                tracing::info!(%interface, event = "segment", step = "yield", %address, heir, "gave up an address");
            }
            Event::Lost(address, winner) => {
                let node = name(winner);
                tracing::warn!(%interface, event = "segment", step = "lose", %address, node, "another has a stronger claim");
            }
            Event::Stunned(late) => {
                let late_ms = late.as_millis();
                tracing::warn!(%interface, event = "segment", step = "stun", late_ms, "was held up for so long that others may have taken over");
            }
        }
    }
}
