//! The protocol from watch events to the published map. No I/O, no clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kube::Resource;
use kube::runtime::watcher::Event;
use tokio::sync::watch;

use super::observed::{Observed, Undecoded};
use super::{Entry, Keep, ObjectKey, Problem, Snapshot, Undecodable};

/// Counts the changes of all stores, so that no two snapshots of a process have the same version.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// What readers see: the objects and which version of them it is.
pub(super) struct Live<V> {
    pub(super) version: u64,
    pub(super) objects: Snapshot<V>,
}

/// The only writer of one resource's snapshot.
pub(super) struct Store<K, V> {
    live: watch::Sender<Live<V>>,
    /// The list that is being read, not yet visible.
    list: Vec<(ObjectKey, Entry<V>)>,
    keep: Keep<K, V>,
    /// How many objects of the snapshot could not be decoded; counted only when that may have changed.
    undecodable: usize,
}

/// What a burst of events did to the snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// The snapshot is another one.
    pub(super) changed: bool,
    /// A list was completed.
    pub(super) listed: bool,
}

impl<K, V> Store<K, V>
where
    K: Resource<DynamicType: Default>,
    V: Clone,
{
    pub(super) fn new(keep: Keep<K, V>) -> (Self, watch::Receiver<Live<V>>) {
        let (live, reader) = watch::channel(Live::new(Snapshot::default()));
        (
            Self {
                live,
                list: Vec::new(),
                keep,
                undecodable: 0,
            },
            reader,
        )
    }

    /// Applies a burst of events; readers see all of it or nothing.
    pub(super) fn apply(&mut self, burst: Vec<Event<Observed<K>>>) -> Change {
        let recount = self.undecodable > 0 || burst.iter().any(may_bring_undecodable);
        let Self { live, list, keep, .. } = self;
        let mut change = Change::default();
        live.send_if_modified(|live| {
            for event in burst {
                let Change { changed, listed } = step(&mut live.objects, list, keep, event);
                change.changed |= changed;
                change.listed |= listed;
            }
            if change.changed {
                live.version = next_version();
            }
            change.changed
        });
        if recount {
            let entries = &self.live.borrow().objects;
            self.undecodable = entries.values().filter_map(Entry::undecodable).count();
        }
        change
    }

    /// How many objects the snapshot holds, and how many of them could not be decoded.
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.live.borrow().objects.len(), self.undecodable)
    }

    /// Returns when nobody reads any more.
    pub(super) async fn unread(&self) {
        self.live.closed().await;
    }
}

impl<V> Live<V> {
    pub(super) fn new(objects: Snapshot<V>) -> Self {
        Self {
            version: next_version(),
            objects,
        }
    }
}

fn next_version() -> u64 {
    CHANGES.fetch_add(1, Ordering::Relaxed)
}

fn may_bring_undecodable<K>(event: &Event<Observed<K>>) -> bool {
    match event {
        Event::Apply(object) => object.value.is_err(),
        Event::InitDone => true,
        Event::Init | Event::InitApply(_) | Event::Delete(_) => false,
    }
}

/// One event. The map is copied only while a reader holds it.
fn step<K, V>(
    snapshot: &mut Snapshot<V>,
    list: &mut Vec<(ObjectKey, Entry<V>)>,
    keep: &mut Keep<K, V>,
    event: Event<Observed<K>>,
) -> Change
where
    K: Resource<DynamicType: Default>,
    V: Clone,
{
    let mut change = Change::default();
    match event {
        Event::Init => list.clear(),
        Event::InitApply(object) => {
            let one = admit(object, list.last(), keep);
            list.push(one);
        }
        Event::InitDone => {
            // At once: a map that grows in order is half empty.
            *snapshot = Arc::new(std::mem::take(list).into_iter().collect());
            (change.changed, change.listed) = (true, true);
        }
        Event::Apply(object) => {
            let (key, entry) = admit(object, None, keep);
            Arc::make_mut(snapshot).insert(key, entry);
            change.changed = true;
        }
        Event::Delete(object) => {
            let key = ObjectKey::of(&object);
            change.changed = snapshot.contains_key(&key);
            if change.changed {
                Arc::make_mut(snapshot).remove(&key);
            }
        }
    }
    change
}

/// The object under its key, with what cannot be decoded kept as it came. It shares the namespace with its neighbour.
pub(super) fn admit<K, V>(
    object: Observed<K>,
    neighbour: Option<&(ObjectKey, Entry<V>)>,
    keep: &mut impl FnMut(&ObjectKey, K) -> V,
) -> (ObjectKey, Entry<V>)
where
    K: Resource<DynamicType: Default>,
{
    let mut key = ObjectKey::of(&object);
    if let Some((other, _)) = neighbour.filter(|(other, _)| other.namespace == key.namespace) {
        key.namespace = other.namespace.clone();
    }
    let reference = object.object_ref(&K::DynamicType::default());
    let entry = match object.value {
        Ok(value) => Entry::Object(Arc::new(keep(&key, value))),
        Err(Undecoded { message, raw }) => Entry::Undecodable(Arc::new(Undecodable {
            problem: Problem {
                object: reference,
                message,
            },
            raw,
        })),
    };
    (key, entry)
}
