//! What BFD says of a peer, and what that means for BGP (RFC 5882).

use std::time::Duration;

use crate::Moment;
use crate::bfd;

/// What BFD says of a peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Liveness {
    /// The session is up.
    Up,
    /// Nothing came for the detection time.
    Expired,
    /// The peer says that it is down.
    Signalled {
        /// The detection time.
        detection: Duration,
    },
    /// BFD is switched off, at either end, or was never up: it says nothing about the peer.
    Unknown,
}

/// What BGP has to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Judgement {
    /// Go on.
    GoOn,
    /// End the session: CEASE 6/10 (RFC 9384).
    End,
    /// End it if BFD is not up by then.
    EndAt(Moment),
}

/// A Down that the peer signals is no failure if it is up again by then, on top of the detection time.
const GRACE: Duration = Duration::from_secs(1);
/// Nor is it while BGP is younger than this.
const YOUNG: Duration = Duration::from_secs(5);

impl Liveness {
    /// What a report of a BFD session says of the peer; none if nothing new.
    pub fn of(report: &bfd::Report) -> Option<Self> {
        let &bfd::Report::State {
            from,
            to,
            cause,
            detection,
        } = report
        else {
            return None;
        };
        match (to, cause) {
            (bfd::State::Up, _) => Some(Self::Up),
            (_, bfd::Cause::PeerAdminDown | bfd::Cause::Admin) => Some(Self::Unknown),
            // From Down to Init and back it was not up.
            _ if from != bfd::State::Up => None,
            (_, bfd::Cause::Expired) => Some(Self::Expired),
            _ => Some(Self::Signalled { detection }),
        }
    }

    /// What it means for a BGP session that is established since then.
    ///
    /// A Down of the own timer ends it. A Down that the peer signals does so only if it lasts: FRR registers its BFD session
    /// anew when BGP comes up, and thereby takes it down for a moment (frr#17337). An administrator's Down leaves BGP alone
    /// (RFC 5882 section 3.2).
    pub fn judge(self, established: Moment, now: Moment) -> Judgement {
        match self {
            Self::Up | Self::Unknown => Judgement::GoOn,
            Self::Expired => Judgement::End,
            Self::Signalled { detection } => {
                Judgement::EndAt((now + detection + GRACE).max(established + YOUNG))
            }
        }
    }
}

#[cfg(test)]
mod tests;
