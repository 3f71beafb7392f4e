//! The timers of a peer.

use std::time::Duration;

use super::said;
use crate::domain::Invalid;

/// RFC 4271 section 10 suggests it, and MetalLB's native mode uses it.
const HOLD: Duration = Duration::from_secs(90);
/// The least hold time that is not 0 (RFC 4271 section 4.2).
const LEAST_HOLD: Duration = Duration::from_secs(3);
/// What the field of the OPEN message can hold.
const MOST: Duration = Duration::from_secs(u16::MAX as u64);
/// FRR waits 120 s, which is what keeps a router without routes that was away for a moment.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a session outlives silence, and how often we break ours. Whole seconds; both 0, or neither.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timers {
    /// What we ask for; the lesser of both ends counts. 0: the session never ends by silence.
    pub hold: Duration,
    /// The longest time between two messages of ours.
    pub keepalive: Duration,
}

impl Timers {
    /// Reads both fields; of one that is not given, a third or the triple of the other.
    pub(super) fn parse(hold: Option<&str>, keepalive: Option<&str>) -> Result<Self, Invalid> {
        let hold = seconds("spec.holdTime", hold)?;
        let keepalive = seconds("spec.keepaliveTime", keepalive)?;
        let (hold, keepalive) = match (hold, keepalive) {
            (None, None) => (HOLD, HOLD / 3),
            (Some(hold), None) => (hold, Duration::from_secs(hold.as_secs() / 3)),
            (None, Some(keepalive)) => ((keepalive * 3).min(MOST), keepalive),
            (Some(hold), Some(keepalive)) => (hold, keepalive),
        };
        let text = |time: Duration| format!("{} s", time.as_secs());
        if (!hold.is_zero() && hold < LEAST_HOLD) || hold > MOST {
            let why = format!("{} is neither 0 nor within 3 s to {}", text(hold), text(MOST));
            return Err(Invalid::new("spec.holdTime", why));
        }
        if keepalive > hold {
            let why = format!(
                "{} is longer than spec.holdTime of {}",
                text(keepalive),
                text(hold)
            );
            return Err(Invalid::new("spec.keepaliveTime", why));
        }
        Ok(Self { hold, keepalive })
    }
}

/// The longest time between two attempts to connect.
pub(super) fn connect(text: Option<&str>) -> Result<Duration, Invalid> {
    let time = seconds("spec.connectTime", text)?.unwrap_or(CONNECT);
    match (Duration::from_secs(1)..=MOST).contains(&time) {
        true => Ok(time),
        false => {
            let why = format!("{} s is not within 1 s to {} s", time.as_secs(), MOST.as_secs());
            Err(Invalid::new("spec.connectTime", why))
        }
    }
}

/// A duration as Kubernetes writes it; fractions of a second are cut, as in MetalLB.
fn seconds(field: &str, text: Option<&str>) -> Result<Option<Duration>, Invalid> {
    let Some(text) = said(text) else {
        return Ok(None);
    };
    let wrong = |why: String| Invalid::new(field, format!("\"{text}\" is no duration: {why}"));
    let parsed: kube::core::Duration = text.parse().map_err(|why| wrong(format!("{why}")))?;
    match parsed.is_negative() {
        true => Err(wrong("it is negative".to_owned())),
        false => Ok(Some(Duration::from_secs(Duration::from(parsed).as_secs()))),
    }
}
