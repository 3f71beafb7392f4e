//! What is known of the other end (RFC 5880 section 6.8.1).

use std::num::NonZeroU32;
use std::time::Duration;

use crate::bfd::packet::{Diagnostic, Packet, State};

/// What the last packet said.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    pub(super) discriminator: Option<NonZeroU32>,
    pub(super) state: State,
    pub(super) diagnostic: Diagnostic,
    pub(super) demand: bool,
    pub(super) multiplier: u8,
    pub(super) desired_min_tx: Duration,
    pub(super) min_rx: Duration,
}

impl Default for Remote {
    fn default() -> Self {
        Self {
            discriminator: None,
            state: State::Down,
            diagnostic: Diagnostic::None,
            demand: false,
            multiplier: 1,
            desired_min_tx: Duration::ZERO,
            min_rx: Duration::from_micros(1),
        }
    }
}

impl Remote {
    pub(super) fn learn(&mut self, packet: &Packet) {
        *self = Self {
            discriminator: Some(packet.my_discriminator),
            state: packet.state,
            diagnostic: packet.diagnostic,
            demand: packet.demand,
            multiplier: packet.multiplier,
            desired_min_tx: packet.desired_min_tx,
            min_rx: packet.required_min_rx,
        };
    }

    /// It was not heard for the detection time. Why it said that it was down is still of interest.
    pub(super) fn forget(&mut self) {
        *self = Self {
            diagnostic: self.diagnostic,
            ..Self::default()
        };
    }
}
