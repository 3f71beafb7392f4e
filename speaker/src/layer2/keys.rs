//! The keys of the speakers' protocol, from the Secret that all speakers read.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use tokio::time::Instant;

use ferrolb_segment::seal::{KeyRing, SegmentKey};

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;

    use super::*;
    use crate::layer2::wire::Mac;
    use ferrolb_segment::message::{Body, Boot, Instance, Message, NodeId};
    use ferrolb_segment::seal::{open, seal};

    fn secret(key: &str) -> Secret {
        Secret {
            data: Some(BTreeMap::from([(
                KEY.to_owned(),
                ByteString(key.as_bytes().to_vec()),
            )])),
            ..Secret::default()
        }
    }

    /// Whether what the first ring seals opens with the second.
    fn understands(sealing: &KeyRing, opening: &KeyRing) -> bool {
        let instance = Instance {
            node: NodeId([1; 16]),
            boot: Boot(1),
        };
        let message = Message {
            from: instance,
            sequence: 1,
            body: Body::Query(instance),
        };
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        open(opening, &seal(sealing, [mac, mac], None, &message).unwrap(), None).is_ok()
    }

    #[test]
    fn a_key_that_could_be_guessed_is_none() {
        let mut keys = Keys::new("uid".to_owned());
        assert!(keys.learn(Some(&secret("short")), Instant::now()).is_none());
        assert!(keys.learn(None, Instant::now()).is_none());
    }

    #[test]
    fn during_a_change_of_keys_all_understand_each_other() {
        let (old, new) = (
            secret("an old key of enough bytes"),
            secret("a new key of enough bytes"),
        );
        let start = Instant::now();
        let (mut early, mut late) = (Keys::new("uid".to_owned()), Keys::new("uid".to_owned()));
        early.learn(Some(&old), start);
        late.learn(Some(&old), start);
        early.learn(Some(&new), start);
        let heard_late = start + SPREAD / 2;
        assert!(understands(
            &early.ring(start).unwrap(),
            &late.ring(start).unwrap()
        ));
        late.learn(Some(&new), heard_late);
        for at in [heard_late, start + SPREAD, heard_late + SPREAD, start + KEPT] {
            let (one, other) = (early.ring(at).unwrap(), late.ring(at).unwrap());
            assert!(
                understands(&one, &other) && understands(&other, &one),
                "{:?}",
                at - start
            );
        }
        let after = early.ring(start + KEPT).unwrap();
        let mut of_old = Keys::new("uid".to_owned());
        of_old.learn(Some(&old), start);
        assert!(!understands(&of_old.ring(start).unwrap(), &after));
    }

    #[test]
    fn another_cluster_with_the_same_secret_is_not_understood() {
        let key = secret("a key of enough bytes for anybody");
        let [mut one, mut other] = ["uid", "another"].map(|uid| Keys::new(uid.to_owned()));
        let now = Instant::now();
        let rings = [
            one.learn(Some(&key), now).unwrap(),
            other.learn(Some(&key), now).unwrap(),
        ];
        assert!(!understands(&rings[0], &rings[1]));
    }
}
