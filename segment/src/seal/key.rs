//! The keys that frames are sealed with.

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::SEAL;

/// What the key is for, in front of the UID of the cluster.
const PURPOSE: &[u8] = b"ferrolb segment protocol 1 ";

/// A key of one cluster and one version of the protocol.
#[derive(Clone)]
pub struct SegmentKey {
    /// Says which of two keys it is, and nothing about it.
    tag: u16,
    /// With the key mixed in already, which saves half of the hashing of a beacon.
    keyed: Hmac<Sha256>,
}

impl SegmentKey {
    /// The key that a secret of any length gives for a cluster: HKDF-SHA-256 (RFC 5869) without salt.
    ///
    /// It is as hard to guess as the secret is, and no harder.
    pub fn derive(secret: &[u8], cluster_uid: &str) -> Self {
        let mut material = [0; 34];
        Hkdf::<Sha256>::new(None, secret)
            .expand_multi_info(&[PURPOSE, cluster_uid.as_bytes()], &mut material)
            .expect("34 bytes are fewer than HKDF can give");
        let [key @ .., high, low] = material;
        Self {
            tag: u16::from_be_bytes([high, low]),
            keyed: Hmac::new_from_slice(&key).expect("HMAC takes keys of any length"),
        }
    }

    pub(super) fn tag(&self) -> u16 {
        self.tag
    }

    pub(super) fn seal(&self, bytes: &[u8], more: &[u8]) -> [u8; SEAL] {
        let mac = self.keyed.clone().chain_update(bytes).chain_update(more);
        let whole = mac.finalize().into_bytes();
        *whole.first_chunk().expect("a seal is shorter than a hash")
    }

    /// Takes the same time wherever a seal is wrong.
    pub(super) fn verifies(&self, bytes: &[u8], more: &[u8], seal: &[u8; SEAL]) -> bool {
        let mac = self.keyed.clone().chain_update(bytes).chain_update(more);
        mac.verify_truncated_left(seal).is_ok()
    }
}

impl fmt::Debug for SegmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SegmentKey({:04x})", self.tag)
    }
}

/// The keys that count: one, or several while one is replaced by another.
#[derive(Clone, Debug)]
pub struct KeyRing {
    sealing: SegmentKey,
    others: Vec<SegmentKey>,
}

impl KeyRing {
    /// Seals with the first, opens with any.
    pub fn new(sealing: SegmentKey, others: impl IntoIterator<Item = SegmentKey>) -> Self {
        Self {
            sealing,
            others: others.into_iter().collect(),
        }
    }

    /// The tag of the key that seals: tells two keys apart, and says nothing about them. Every frame shows it.
    pub fn tag(&self) -> u16 {
        self.sealing.tag
    }

    pub(super) fn sealing(&self) -> &SegmentKey {
        &self.sealing
    }

    /// The keys with this tag: tags are short, so two may have the same.
    pub(super) fn named(&self, tag: u16) -> impl Iterator<Item = &SegmentKey> {
        let keys = std::iter::once(&self.sealing).chain(&self.others);
        keys.filter(move |key| key.tag == tag)
    }
}
