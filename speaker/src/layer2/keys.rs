//! The keys of the speakers' protocol, from the Secret that all speakers read.

use std::time::Duration;

use ferrolb_crds::names::{KEY_SECRET, KEY_SECRET_ENTRY};
use ferrolb_runtime::reflect::Problem;
use ferrolb_segment::seal::{KeyRing, SegmentKey};
use k8s_openapi::api::core::v1::{ObjectReference, Secret};
use tokio::time::Instant;

/// A key with less than this could be guessed.
const SHORTEST_BYTES: usize = 16;
/// A new key is accepted at once and used after this: until then the others may not know it.
const SPREAD: Duration = Duration::from_secs(10);
/// A key is accepted for so long after another one took its place.
const KEPT: Duration = Duration::from_secs(60);

/// The keys that count, the one that stands in the Secret last.
pub(crate) struct Keys {
    cluster: String,
    known: Vec<Key>,
}

struct Key {
    bytes: Vec<u8>,
    learned: Instant,
    /// Since when another one stands in the Secret.
    replaced: Option<Instant>,
}

impl Keys {
    /// No key yet; `cluster` is what tells this cluster from others that have the same key.
    pub(crate) fn new(cluster: String) -> Self {
        Self {
            cluster,
            known: Vec::new(),
        }
    }

    /// Takes the key in. Returns whether it is another one than before. The last key stays while the Secret holds none.
    pub(crate) fn learn(&mut self, secret: Option<&Secret>, now: Instant) -> bool {
        let Ok(bytes) = read(secret) else { return false };
        if self.known.last().is_some_and(|key| key.bytes == bytes) {
            return false;
        }
        if let Some(last) = self.known.last_mut() {
            last.replaced = Some(now);
        }
        self.known
            .retain(|key| key.replaced.is_some_and(|at| now < at + KEPT));
        // One that is taken back is known everywhere already.
        let again = self.known.extract_if(.., |key| key.bytes == bytes).next();
        self.known.push(Key {
            learned: again.map_or(now, |key| key.learned),
            bytes: bytes.to_vec(),
            replaced: None,
        });
        true
    }

    /// Whether there is a key.
    pub(crate) fn is_usable(&self) -> bool {
        !self.known.is_empty()
    }

    /// When the ring changes by time alone.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        let several = self.known.iter().filter(|_| self.known.len() > 1);
        let times = several.flat_map(|key| [Some(key.learned + SPREAD), key.replaced.map(|at| at + KEPT)]);
        times.flatten().filter(|at| *at > now).min()
    }

    /// The ring as of now: it seals with the last key that all have had the time to learn.
    pub(crate) fn ring(&self, now: Instant) -> Option<KeyRing> {
        let kept = |key: &&Key| key.replaced.is_none_or(|at| now < at + KEPT);
        let kept: Vec<&Key> = self.known.iter().filter(kept).collect();
        let spread = kept.iter().rposition(|key| now >= key.learned + SPREAD);
        let sealing = spread.unwrap_or(0);
        let mut keys: Vec<SegmentKey> = kept
            .into_iter()
            .map(|key| SegmentKey::derive(&key.bytes, &self.cluster))
            .collect();
        (!keys.is_empty()).then(|| KeyRing::new(keys.remove(sealing), keys))
    }
}

/// What is wrong with the Secret. Who has a key already goes on with it; who starts is silent.
pub(crate) fn problem(secret: Option<&Secret>) -> Option<Problem> {
    let message = read(secret).err()?;
    Some(Problem {
        object: ObjectReference {
            kind: Some("Secret".to_owned()),
            name: Some(KEY_SECRET.to_owned()),
            ..ObjectReference::default()
        },
        message,
    })
}

/// The key that the Secret holds, or why it holds none that can be used.
fn read(secret: Option<&Secret>) -> Result<&[u8], String> {
    let Some(secret) = secret else {
        return Err("does not exist; speakers that start are silent until a controller makes it".to_owned());
    };
    let entry = secret.data.as_ref().and_then(|data| data.get(KEY_SECRET_ENTRY));
    let why = match entry {
        Some(key) if key.0.len() >= SHORTEST_BYTES => return Ok(&key.0),
        Some(key) => format!("holds {} bytes, and needs {SHORTEST_BYTES} at least", key.0.len()),
        None => "missing".to_owned(),
    };
    Err(format!(
        "data.{KEY_SECRET_ENTRY}: {why}; speakers that start are silent"
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;
    use rstest::rstest;

    use super::*;
    use crate::layer2::wire::Mac;
    use ferrolb_segment::message::{Body, Boot, Instance, Message, NodeId};
    use ferrolb_segment::seal::{Sealed, seal};

    fn secret(key: &str) -> Secret {
        Secret {
            data: Some(BTreeMap::from([(
                KEY_SECRET_ENTRY.to_owned(),
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
        let frame = seal(sealing, [mac, mac], None, &message).unwrap();
        Sealed::read(opening, &frame).is_ok_and(|sealed| sealed.open(None).is_ok())
    }

    #[rstest]
    #[case::deleted(
        None,
        "Secret memberlist: does not exist; speakers that start are silent until a controller makes it"
    )]
    #[case::of_another(
        Some(Secret::default()),
        "Secret memberlist: data.secretkey: missing; speakers that start are silent"
    )]
    #[case::short(
        Some(secret("short")),
        "Secret memberlist: data.secretkey: holds 5 bytes, and needs 16 at least; speakers that start are silent"
    )]
    fn a_secret_without_a_usable_key_is_said_and_a_key_that_is_known_stays(
        #[case] unusable: Option<Secret>,
        #[case] message: &str,
    ) {
        let (mut keys, now) = (Keys::new("uid".to_owned()), Instant::now());
        assert!(!keys.learn(unusable.as_ref(), now));
        assert!(keys.ring(now).is_none());
        assert_eq!(problem(unusable.as_ref()).unwrap().to_string(), message);
        let good = secret("a key of enough bytes");
        assert!(keys.learn(Some(&good), now));
        assert!(problem(Some(&good)).is_none());
        assert!(!keys.learn(unusable.as_ref(), now));
        assert!(keys.ring(now).is_some());
    }

    #[test]
    fn two_changes_within_seconds_cut_nobody_off() {
        let keys = [
            "the first of enough bytes",
            "the second of enough bytes",
            "the third of enough bytes",
        ];
        let [first, second, third] = keys.map(secret);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut here = Keys::new("uid".to_owned());
        here.learn(Some(&first), start);
        here.learn(Some(&second), at(100));
        here.learn(Some(&third), at(103));
        // The others see both changes a little later, or only the last, or neither yet.
        for (steps, when) in [
            (vec![&first, &second, &third], at(104)),
            (vec![&first, &third], at(107)),
            (vec![&first], at(108)),
        ] {
            let mut there = Keys::new("uid".to_owned());
            there.learn(Some(steps[0]), start);
            for step in &steps[1..] {
                there.learn(Some(step), when);
            }
            let (ours, theirs) = (here.ring(at(109)).unwrap(), there.ring(at(109)).unwrap());
            assert!(
                understands(&ours, &theirs) && understands(&theirs, &ours),
                "{}",
                steps.len()
            );
        }
        let mut late = Keys::new("uid".to_owned());
        late.learn(Some(&third), start);
        let (ours, theirs) = (here.ring(at(170)).unwrap(), late.ring(at(170)).unwrap());
        assert!(understands(&ours, &theirs) && understands(&theirs, &ours));
        assert_eq!(here.next(at(170)), None);
    }

    #[test]
    fn a_key_that_is_taken_back_is_used_at_once() {
        let (old, new) = (
            secret("an old key of enough bytes"),
            secret("a new key of enough bytes"),
        );
        let start = Instant::now();
        let mut here = Keys::new("uid".to_owned());
        here.learn(Some(&old), start);
        here.learn(Some(&new), start + KEPT);
        let back = start + KEPT + SPREAD / 2;
        here.learn(Some(&old), back);
        let mut there = Keys::new("uid".to_owned());
        there.learn(Some(&old), start);
        assert!(understands(&here.ring(back).unwrap(), &there.ring(back).unwrap()));
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
        one.learn(Some(&key), now);
        other.learn(Some(&key), now);
        assert!(!understands(&one.ring(now).unwrap(), &other.ring(now).unwrap()));
    }
}
