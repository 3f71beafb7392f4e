//! Frames that never reached the wire, or were never read from it, as far as the kernel tells.

use std::time::Duration;

use ferrolb_rawlink::{PacketSocket, SocketError};
use prometheus::{IntCounter, IntCounterVec};
use tokio::time::Instant;

/// How often the kernel is asked.
const PERIOD: Duration = Duration::from_secs(1);

/// What is counted of one interface.
pub(in super::super) struct Losses {
    interface: String,
    unsent: IntCounterVec,
    unread: IntCounter,
    next: Instant,
}

impl Losses {
    pub(in super::super) fn new(interface: &str, unsent: IntCounterVec, unread: IntCounter) -> Self {
        Self {
            interface: interface.to_owned(),
            unsent,
            unread,
            next: Instant::now(),
        }
    }

    /// A frame was not sent.
    pub(super) fn unsent(&self, error: &SocketError) {
        let labels = [self.interface.as_str(), error.reason()];
        self.unsent.with_label_values(&labels).inc();
    }

    /// Asks the kernel how many frames it dropped, if it was not asked for a while.
    pub(super) fn count_unread(&mut self, socket: &PacketSocket, now: Instant) {
        if now < self.next {
            return;
        }
        self.next = now + PERIOD;
        // A kernel that does not tell has nothing to be counted.
        self.unread
            .inc_by(socket.take_dropped().unwrap_or_default().into());
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use prometheus::{Opts, core::Collector};

    use super::*;

    #[test]
    fn a_frame_that_is_not_sent_is_counted_by_interface_and_reason() {
        const EMSGSIZE: i32 = 90;
        let unsent = IntCounterVec::new(Opts::new("unsent", "."), &["interface", "reason"]).unwrap();
        let unread = IntCounter::new("unread", ".").unwrap();
        let error = SocketError {
            interface: "eth0".to_owned(),
            operation: "send a frame",
            source: io::Error::from_raw_os_error(EMSGSIZE),
        };
        Losses::new("eth0", unsent.clone(), unread).unsent(&error);
        assert_eq!(unsent.with_label_values(&["eth0", "too_long"]).get(), 1);
        assert_eq!(unsent.collect()[0].get_metric().len(), 1);
    }
}
