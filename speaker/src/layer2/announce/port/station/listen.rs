//! Frames that come in.

use std::net::IpAddr;

use ferrolb_rawlink::SocketError;
use ferrolb_segment::Moment;
use ferrolb_segment::gate::Barred;
use ferrolb_segment::message::{Body, Message};
use ferrolb_segment::seal::{ETHERTYPE, GROUP};
use tokio::time::Instant;

use super::super::{PortTask, neighbours};
use super::{Station, udp};
use crate::layer2::wire::Mac;
use crate::layer2::wire::datagram::Datagram;

/// Frames that are read before anything is judged, if there are so many: what the kernel keeps.
const AT_ONCE: usize = 8192;

impl Station {
    /// Reads what waits on the socket. Whether there is something to judge.
    pub(super) fn drain(&mut self, port: &mut PortTask, buffer: &mut [u8]) -> Result<bool, SocketError> {
        let mut judge = false;
        for _ in 0..AT_ONCE {
            match port.socket.try_recv(buffer) {
                Ok(Some(received)) => judge |= self.take(port, &buffer[..received.length], received.vlan),
                Ok(None) => {
                    self.emptied = self.now();
                    break;
                }
                Err(error) if error.is_link_gone() => port.announce_all(),
                Err(error) => return Err(error),
            }
        }
        Ok(judge)
    }

    /// When a frame came that is read now. A loop that was not held up waited for it; in one that was, it came after
    /// the socket was empty, and nobody knows how long ago.
    fn came(&self, now: Moment) -> Moment {
        let held_up = now.since(self.emptied) > self.protocol.conduct.profile.interval;
        if held_up { self.emptied } else { now }
    }

    /// Takes a frame in or answers it. Whether there is something to judge.
    pub(super) fn take(&mut self, port: &mut PortTask, frame: &[u8], vlan: Option<u16>) -> bool {
        let now = self.now();
        if frame.get(12..14) == Some(&ETHERTYPE.to_be_bytes()) {
            return vlan.is_none() && self.udp.choice.is_raw() && self.hear(port, frame, now);
        }
        if port.datagrams.is_some() && vlan.is_none() {
            if let Some(datagram) = Datagram::parse(frame, udp::PORT) {
                let opened = self.open_datagram(&datagram, self.came(now), now);
                return self.heed(opened, datagram.source_mac, now);
            }
            self.note_answer(frame, port.port.mac, self.came(now));
        }
        if !port.sought.is_empty() && vlan.is_none() && self.hear_claimant(port, frame, now) {
            return true;
        }
        if self.witness.listens()
            && vlan.is_none()
            && let Some(answer) = neighbours::answer(frame, port.port.mac)
            && self.witness.heard(&answer)
            && !port.asked.contains(&answer.address)
        {
            return false;
        }
        if !port.asked.is_empty()
            && let Some(witness) = neighbours::answering(frame, port.port.mac)
            && port.asked.remove(&witness)
        {
            self.core.witnessed(now);
            return true;
        }
        if self.core.may_answer(now) {
            port.answer(frame, vlan);
        }
        false
    }

    fn hear(&mut self, port: &PortTask, frame: &[u8], now: Moment) -> bool {
        if ![Some(GROUP), Some(port.port.mac)].contains(&Mac::read(frame)) {
            return false;
        }
        let opened = self.open(frame, None, now);
        if let Ok(message) = &opened {
            self.udp.choice.heard_raw(message.from.node, now);
        }
        let source = frame.get(6..).and_then(Mac::read).unwrap_or_default();
        self.heed(opened, source, now)
    }

    /// The source is that of the Ethernet frame, which the seal covers.
    fn heed(&mut self, opened: Result<Message, &'static str>, source: Mac, now: Moment) -> bool {
        match opened {
            Ok(message) => {
                self.witness.met(message.from.node, source, now);
                self.reporter.news |= matches!(message.body, Body::Claims(_));
                self.reporter.holders.heard(&message.body);
                self.core.receive(&message, self.came(now), now);
                true
            }
            Err(reason) => {
                self.storm.refused(Instant::now());
                self.protocol.metrics.refused.with_label_values(&[reason]).inc();
                false
            }
        }
    }

    pub(super) fn open(
        &mut self,
        frame: &[u8],
        ip: Option<IpAddr>,
        now: Moment,
    ) -> Result<Message, &'static str> {
        let keys = self.protocol.keys.borrow();
        let keys = keys.as_ref().ok_or("no_key")?;
        self.gate.admit(keys, frame, ip, now).map_err(Barred::label)
    }
}
