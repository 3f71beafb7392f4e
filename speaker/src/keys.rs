//! The keys of the speakers' protocol, from the Secret that all speakers read.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use tokio::time::Instant;

use crate::segment::seal::{KeyRing, SegmentKey};

/// The Secret and the key in it: MetalLB's names.
pub(crate) const SECRET: &str = "memberlist";
const KEY: &str = "secretkey";
/// A key with less than this could be guessed.
const SHORTEST_BYTES: usize = 16;
/// A new key is accepted at once and used after this: until then the others may not know it.
const SPREAD: Duration = Duration::from_secs(10);
/// The last key is accepted for so long after that.
const KEPT: Duration = Duration::from_secs(60);

/// The key that is used, the one before or after it, and since when there are two.
pub(crate) struct Keys {
    cluster: String,
    current: Option<Vec<u8>>,
    other: Option<(Vec<u8>, Instant)>,
}

impl Keys {
    /// No key yet; `cluster` is what tells this cluster from others that have the same key.
    pub(crate) fn new(cluster: String) -> Self {
        Self {
            cluster,
            current: None,
            other: None,
        }
    }

    /// Takes a new key in. Returns the ring if it is another one now.
    pub(crate) fn learn(&mut self, secret: Option<&Secret>, now: Instant) -> Option<KeyRing> {
        let read = secret.and_then(read);
        if let Some(read) = read.filter(|read| self.current.as_ref() != Some(read)) {
            self.other = self.current.replace(read).map(|old| (old, now));
            return self.ring(now);
        }
        None
    }

    /// When the ring changes by time alone.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        let (_, since) = self.other.as_ref()?;
        [*since + SPREAD, *since + KEPT].into_iter().find(|at| *at > now)
    }

    /// The ring as of now.
    pub(crate) fn ring(&self, now: Instant) -> Option<KeyRing> {
        let derive = |key: &Vec<u8>| SegmentKey::derive(key, &self.cluster);
        let current = derive(self.current.as_ref()?);
        let ring = match &self.other {
            Some((old, since)) if now < *since + SPREAD => KeyRing::new(derive(old), Some(current)),
            Some((old, since)) if now < *since + KEPT => KeyRing::new(current, Some(derive(old))),
            _ => KeyRing::new(current, None),
        };
        Some(ring)
    }
}

fn read(secret: &Secret) -> Option<Vec<u8>> {
    let key = &secret.data.as_ref()?.get(KEY)?.0;
    (key.len() >= SHORTEST_BYTES).then(|| key.clone())
}
