//! What the adversary sends: real frames that it heard, changed in every way that needs no key.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::mac::Mac;

const ETHERTYPE: [u8; 2] = [0x88, 0xb5];
const GROUP: [u8; 6] = [0x03, 0x46, 0x45, 0x52, 0x52, 0x4f];
/// The longest frame without a tag.
const LONGEST: usize = 1514;
/// Where a frame says how long its message is.
const LENGTH: std::ops::Range<usize> = 18..20;
/// Where it has its sequence, and what comes after.
const SEQUENCE: std::ops::Range<usize> = 44..52;
/// Different frames of a kind.
const VARIETY: u32 = 4096;

/// Frames of the speakers.
#[derive(Debug, Default)]
pub(super) struct Recorded(Vec<Vec<u8>>);

impl Recorded {
    /// Keeps it if it is a frame of the protocol and from one of these.
    pub(super) fn take(&mut self, frame: &[u8], macs: &BTreeSet<Mac>) -> Option<()> {
        let source = Mac(frame.get(6..12)?.try_into().ok()?);
        let is_ours = frame.get(12..14)? == ETHERTYPE && frame.len() > SEQUENCE.end;
        if is_ours && macs.contains(&source) {
            self.0.push(frame.to_vec());
        }
        Some(())
    }

    pub(super) fn of(&self, mac: Mac) -> usize {
        self.0.iter().filter(|frame| frame[6..12] == mac.0).count()
    }
}

/// A kind of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attack {
    /// The next frame of a speaker in all but its seal, from the adversary's own address.
    Forged,
    /// The same from the speaker's address.
    ForgedAsPeer,
    /// The same from ever new addresses.
    ForgedAsAnybody,
    /// As it was recorded.
    Replayed,
    /// The same from ever new addresses.
    ReplayedAsAnybody,
    /// Cut off somewhere.
    Truncated,
    /// As long as can be, and said to be longer.
    Oversized,
    /// As long as can be, with a seal to be checked over all of it, from the speaker's address.
    LongAsPeer,
    /// Any bytes after the EtherType.
    Random,
}

impl Attack {
    pub(super) const ALL: [Self; 9] = [
        Self::Forged,
        Self::ForgedAsPeer,
        Self::ForgedAsAnybody,
        Self::Replayed,
        Self::ReplayedAsAnybody,
        Self::Truncated,
        Self::Oversized,
        Self::LongAsPeer,
        Self::Random,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Forged => "forged",
            Self::ForgedAsPeer => "forged in a speaker's name",
            Self::ForgedAsAnybody => "forged in many names",
            Self::Replayed => "replayed",
            Self::ReplayedAsAnybody => "replayed in many names",
            Self::Truncated => "truncated",
            Self::Oversized => "oversized",
            Self::LongAsPeer => "long, forged in a speaker's name",
            Self::Random => "random",
        }
    }

    /// Many frames of this kind.
    pub(super) fn frames(self, recorded: &Recorded, own: Mac) -> Vec<Vec<u8>> {
        let numbered = (0..VARIETY).zip(recorded.0.iter().cycle());
        numbered
            .map(|(number, frame)| self.frame(number, frame, own))
            .collect()
    }

    fn frame(self, number: u32, recorded: &[u8], own: Mac) -> Vec<u8> {
        let chance = chance(number);
        let mut frame = recorded.to_vec();
        let anybody = [2, 0, chance[0], chance[1], chance[2], chance[3]];
        match self {
            Self::Forged => from(own.0, forged(frame)),
            Self::ForgedAsPeer => forged(frame),
            Self::ForgedAsAnybody => from(anybody, forged(frame)),
            Self::Replayed => frame,
            Self::ReplayedAsAnybody => from(anybody, frame),
            Self::Truncated => {
                frame.truncate(14 + usize::from(chance[0]) % (frame.len() - 14));
                frame
            }
            Self::Oversized => lengthened(frame, u16::MAX),
            Self::LongAsPeer => {
                let longest = u16::try_from(LONGEST - 20 - 16).expect("a short frame");
                lengthened(forged(frame), longest)
            }
            Self::Random => {
                let noise = (0..).flat_map(|part| self::chance(number ^ (part << 16)));
                let length = 1 + usize::from(chance[0]);
                let head = [&GROUP[..], &own.0, &ETHERTYPE].concat();
                head.into_iter().chain(noise.take(length)).collect()
            }
        }
    }
}

/// The sequence is that of a frame which is still to come, so that its seal has to be checked.
fn forged(mut frame: Vec<u8>) -> Vec<u8> {
    frame[SEQUENCE].copy_from_slice(&(u64::MAX / 2).to_be_bytes());
    frame
}

fn from(source: [u8; 6], mut frame: Vec<u8>) -> Vec<u8> {
    frame[6..12].copy_from_slice(&source);
    frame
}

fn lengthened(mut frame: Vec<u8>, said: u16) -> Vec<u8> {
    frame.resize(LONGEST, 0x5a);
    frame[LENGTH].copy_from_slice(&said.to_be_bytes());
    frame
}

/// The same for the same number in every run.
fn chance(number: u32) -> [u8; 32] {
    Sha256::digest(number.to_be_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Mac = Mac([2, 0, 0, 0, 0, 9]);
    const PEER: Mac = Mac([2, 0, 0, 0, 0, 1]);

    fn recorded() -> Recorded {
        let mut frame = [&GROUP[..], &PEER.0, &ETHERTYPE].concat();
        frame.resize(107, 1);
        let mut recorded = Recorded::default();
        recorded.take(&frame, &BTreeSet::from([PEER]));
        recorded
    }

    #[test]
    fn frames_of_speakers_are_recorded_and_no_others() {
        let mut recorded = recorded();
        let own = from(OWN.0, recorded.0[0].clone());
        recorded.take(&own, &BTreeSet::from([PEER]));
        recorded.take(&[0; 60], &BTreeSet::from([PEER]));
        assert_eq!((recorded.of(PEER), recorded.0.len()), (1, 1));
    }

    #[test]
    fn each_kind_is_of_the_protocol_and_none_but_a_replay_is_as_recorded() {
        let recorded = recorded();
        for attack in Attack::ALL {
            let frames = attack.frames(&recorded, OWN);
            assert!(
                frames.iter().all(|frame| frame[12..14] == ETHERTYPE),
                "{attack:?}"
            );
            assert!(frames.iter().all(|frame| frame.len() <= LONGEST), "{attack:?}");
            let same = frames.contains(&recorded.0[0]);
            assert_eq!(same, attack == Attack::Replayed, "{attack:?}");
        }
    }

    #[test]
    fn many_names_are_many() {
        let frames = Attack::ForgedAsAnybody.frames(&recorded(), OWN);
        let sources: BTreeSet<&[u8]> = frames.iter().map(|frame| &frame[6..12]).collect();
        assert!(sources.len() > 4000, "{}", sources.len());
    }
}
