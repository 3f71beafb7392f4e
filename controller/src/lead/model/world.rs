//! One state of the world: the Lease as stored, the processes, and what is on its way between them.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;

use crate::lead::Leadership;
use crate::lead::candidate::Candidate;
use crate::lead::record::{Outcome, Record, Version, Write};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    /// The Lease as stored; its version is the number of writes so far.
    pub(super) stored: Option<Record>,
    pub(super) writes: u8,
    /// Whether the present holder took it from one that resigned.
    pub(super) handed_over: bool,
    pub(super) processes: Vec<Process>,
    /// Requests whose sender does not wait any more, but which may still be served.
    pub(super) adrift: Vec<Write>,
    pub(super) losses: u8,
    pub(super) crashes: u8,
    pub(super) resignations: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) candidate: Candidate,
    pub(super) clock: u8,
    /// Counts the processes of this identity.
    pub(super) incarnation: u8,
    pub(super) message: Message,
    /// Until when it believes to lead by mistake.
    pub(super) mistaken: Option<Instant>,
}

/// What is between a process and the API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Message {
    None,
    Write(Write),
    Wrote(Outcome),
}

impl World {
    pub(super) fn version(&self) -> Option<Version> {
        self.stored.as_ref().map(|_| Version(self.writes.to_string()))
    }

    pub(super) fn found(&self) -> Option<(Version, Record)> {
        self.version().zip(self.stored.clone())
    }

    pub(super) fn led_by(&self, who: usize) -> bool {
        self.processes[who].may_write()
    }

    pub(super) fn leaders(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| process.may_write())
    }
}

impl Process {
    pub(super) fn new(candidate: Candidate, clock: u8, incarnation: u8) -> Self {
        Self {
            candidate,
            clock,
            incarnation,
            message: Message::None,
            mistaken: None,
        }
    }

    /// What it believes itself, by its own clock.
    pub(super) fn may_write(&self) -> bool {
        let now = self.now();
        self.candidate.leadership().may_write(now) || self.mistaken.is_some_and(|until| now < until)
    }

    pub(super) fn term(&self) -> Option<u64> {
        match self.candidate.leadership() {
            Leadership::Lead { term, .. } => Some(term),
            Leadership::Follow { .. } => None,
        }
    }

    pub(super) fn now(&self) -> Instant {
        *START + Duration::from_secs(self.clock.into())
    }
}
