//! How quickly a peer is watched by BFD.

use std::ops::RangeInclusive;
use std::time::Duration;

use kube::ResourceExt;

use super::{BfdProfileName, Invalid};
use crate::api::BFDProfile;

/// Milliseconds that a time may have, as in MetalLB.
const INTERVALS: RangeInclusive<i64> = 10..=60_000;
const MULTIPLIERS: RangeInclusive<i64> = 2..=255;
const TTLS: RangeInclusive<i64> = 1..=254;

/// What FRR has, and so MetalLB, where nothing is given.
const INTERVAL_MS: i64 = 300;
const MULTIPLIER: i64 = 3;
const MINIMUM_TTL: i64 = 254;

/// A valid `BFDProfile`.
#[derive(Clone, Debug, PartialEq)]
pub struct BfdProfile {
    /// Its name.
    pub name: BfdProfileName,
    /// Our packets are no closer than this.
    pub transmit: Duration,
    /// The peer's packets shall be no closer than this.
    pub receive: Duration,
    /// The peer declares us down after so many packets that did not come.
    pub multiplier: u8,
    /// Say nothing before the peer has.
    pub passive: bool,
    /// The lowest TTL of packets of a peer that is several hops away.
    pub minimum_ttl: u8,
    /// Fields that ask for what is not done.
    pub unmet: Vec<Invalid>,
}

impl BfdProfile {
    /// Reads the resource.
    ///
    /// # Errors
    /// The first field that is wrong, with its value.
    pub fn parse(resource: &BFDProfile) -> Result<Self, Invalid> {
        let spec = &resource.spec;
        let milliseconds = |field, value: Option<i64>| {
            let value = within(field, value, INTERVAL_MS, INTERVALS)?;
            Ok(Duration::from_millis(value))
        };
        milliseconds("spec.echoInterval", spec.echo_interval)?;
        let unmet = spec.echo_mode.unwrap_or(false).then(|| {
            let why =
                "true: no echo packets are sent; the control packets watch, at the times of this profile";
            Invalid::new("spec.echoMode", why)
        });
        Ok(Self {
            name: resource.name_any().into(),
            transmit: milliseconds("spec.transmitInterval", spec.transmit_interval)?,
            receive: milliseconds("spec.receiveInterval", spec.receive_interval)?,
            multiplier: within(
                "spec.detectMultiplier",
                spec.detect_multiplier,
                MULTIPLIER,
                MULTIPLIERS,
            )?,
            passive: spec.passive_mode.unwrap_or(false),
            minimum_ttl: within("spec.minimumTtl", spec.minimum_ttl, MINIMUM_TTL, TTLS)?,
            unmet: unmet.into_iter().collect(),
        })
    }
}

fn within<T: TryFrom<i64>>(
    field: &str,
    value: Option<i64>,
    default: i64,
    range: RangeInclusive<i64>,
) -> Result<T, Invalid> {
    let value = value.unwrap_or(default);
    let valid = range.contains(&value).then(|| T::try_from(value).ok()).flatten();
    valid.ok_or_else(|| {
        let why = format!("{value} is not within {} to {}", range.start(), range.end());
        Invalid::new(field, why)
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn parse(spec: Value) -> Result<BfdProfile, Invalid> {
        let object = json!({"metadata": {"name": "fast"}, "spec": spec});
        BfdProfile::parse(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn without_a_word_it_is_what_frr_does() {
        let profile = parse(json!({})).unwrap();
        let ms = Duration::from_millis;
        assert_eq!((profile.transmit, profile.receive), (ms(300), ms(300)));
        assert_eq!((profile.multiplier, profile.minimum_ttl), (3, 254));
        assert!(!profile.passive && profile.unmet.is_empty());
    }

    #[test]
    fn echo_packets_are_asked_for_in_vain() {
        let profile = parse(json!({"echoMode": true, "echoInterval": 50})).unwrap();
        let unmet: Vec<&str> = profile.unmet.iter().map(|one| &*one.field).collect();
        assert_eq!(unmet, ["spec.echoMode"]);
    }

    #[rstest]
    #[case(json!({"receiveInterval": 9}), "spec.receiveInterval: 9 is not within 10 to 60000")]
    #[case(json!({"transmitInterval": 60001}), "spec.transmitInterval: 60001 is not within 10 to 60000")]
    #[case(json!({"echoInterval": 0}), "spec.echoInterval: 0 is not within 10 to 60000")]
    #[case(json!({"detectMultiplier": 1}), "spec.detectMultiplier: 1 is not within 2 to 255")]
    #[case(json!({"minimumTtl": 255}), "spec.minimumTtl: 255 is not within 1 to 254")]
    fn names_what_is_wrong(#[case] spec: Value, #[case] message: &str) {
        assert_eq!(parse(spec).unwrap_err().to_string(), message);
    }

    #[test]
    fn the_limits_themselves_are_valid() {
        for (interval, multiplier, ttl) in [(10, 2, 1), (60_000, 255, 254)] {
            let profile = parse(json!({"receiveInterval": interval, "transmitInterval": interval,
                "echoInterval": interval, "detectMultiplier": multiplier, "minimumTtl": ttl, "passiveMode": true}));
            let profile = profile.unwrap();
            assert_eq!(profile.transmit, Duration::from_millis(interval));
            assert_eq!((profile.multiplier, profile.minimum_ttl), (multiplier, ttl));
            assert!(profile.passive);
        }
    }
}
