//! The objects of one store as values of the domain, each parsed once.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Display;
use std::sync::Arc;

use kube::Resource;

use super::{Entry, ObjectKey, Problem, Reflection};

/// What a store holds, parsed. An object is parsed again only after it changed.
pub struct Parsed<K, T> {
    /// That of the store when it was read last.
    version: Option<u64>,
    known: BTreeMap<ObjectKey, Known<K, T>>,
}

struct Known<K, T> {
    /// None if it could not be decoded.
    object: Option<Arc<K>>,
    value: Result<T, Problem>,
}

impl<K, T> Parsed<K, T>
where
    K: Resource<DynamicType = ()>,
    T: PartialEq,
{
    /// Follows `store`. Returns whether any value is another one, came or went. Costs nothing while the store stays the
    /// same.
    ///
    /// An object that changes in what `parse` does not look at, such as its status, changes no value.
    pub fn read<E: Display>(&mut self, store: &Reflection<K>, parse: impl Fn(&K) -> Result<T, E>) -> bool {
        let (version, snapshot) = store.versioned();
        if self.version.replace(version) == Some(version) {
            return false;
        }
        let mut before = std::mem::take(&mut self.known);
        let mut changed = false;
        for (key, entry) in snapshot.iter() {
            let old = before.remove(key);
            let known = match old {
                Some(old) if old.is_of(entry) => old,
                old => {
                    let new = Known::new(entry, &parse);
                    changed |= old.as_ref().and_then(Known::valid) != new.valid();
                    new
                }
            };
            self.known.insert(key.clone(), known);
        }
        changed || before.values().any(|gone| gone.value.is_ok())
    }

    /// As [`Parsed::read`], of a reader that takes every object.
    pub fn read_all(&mut self, store: &Reflection<K>, read: impl Fn(&K) -> T) -> bool {
        self.read(store, |object| Ok::<_, Infallible>(read(object)))
    }

    /// What was found out about some of the values together, as problems of their objects. `name` is what `found` calls a
    /// value.
    pub fn problems_of<N: Ord, E: Display>(
        &self,
        found: Vec<(N, E)>,
        name: impl Fn(&T) -> &N,
    ) -> Vec<Problem> {
        if found.is_empty() {
            return Vec::new();
        }
        let objects = self.objects().map(|(object, value)| (name(value), object));
        let objects: BTreeMap<&N, &Arc<K>> = objects.collect();
        let problem = |(of, why)| Some(Problem::of(&***objects.get(&of)?, why));
        found.into_iter().filter_map(problem).collect()
    }
}

impl<K, T> Parsed<K, T> {
    /// The values in the order of their objects' keys.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.known.values().filter_map(Known::valid)
    }

    /// The objects that could be parsed, each with its value.
    pub fn objects(&self) -> impl Iterator<Item = (&Arc<K>, &T)> {
        self.known
            .values()
            .filter_map(|known| Some((known.object.as_ref()?, known.valid()?)))
    }

    /// What could not be decoded or parsed, and why.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.known.values().filter_map(|known| known.value.as_ref().err())
    }
}

impl<K, T> Known<K, T> {
    fn is_of(&self, entry: &Entry<K>) -> bool {
        match (&self.object, entry) {
            (Some(ours), Entry::Object(theirs)) => Arc::ptr_eq(ours, theirs),
            _ => false,
        }
    }

    fn valid(&self) -> Option<&T> {
        self.value.as_ref().ok()
    }
}

impl<K: Resource<DynamicType = ()>, T> Known<K, T> {
    fn new<E: Display>(entry: &Entry<K>, parse: impl Fn(&K) -> Result<T, E>) -> Self {
        match entry {
            Entry::Object(object) => Self {
                object: Some(object.clone()),
                value: parse(object).map_err(|error| Problem::of(&**object, error)),
            },
            Entry::Undecodable(undecodable) => Self {
                object: None,
                value: Err(undecodable.problem.clone()),
            },
        }
    }
}

impl<K, T> Default for Parsed<K, T> {
    fn default() -> Self {
        Self {
            version: None,
            known: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reflect::{Live, Undecodable};
    use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference};
    use serde_json::{Value, json};
    use std::cell::Cell;
    use tokio::sync::watch;

    fn config(name: &str, number: &str) -> ConfigMap {
        let metadata = json!({"name": name, "namespace": "lb"});
        serde_json::from_value(json!({"metadata": metadata, "data": {"number": number}})).unwrap()
    }

    /// A store that tests change by hand, what is read of it, and how often it was parsed.
    struct Scene {
        store: watch::Sender<Live<ConfigMap>>,
        reflection: Reflection<ConfigMap>,
        parsed: Parsed<ConfigMap, u32>,
        times: Cell<usize>,
    }

    impl Scene {
        fn new() -> Self {
            let (store, live) = watch::channel(Live::new(Arc::default()));
            Self {
                store,
                reflection: Reflection { live },
                parsed: Parsed::default(),
                times: Cell::new(0),
            }
        }

        fn set(&self, name: &str, entry: Entry<ConfigMap>) {
            let mut objects = (*self.reflection.snapshot()).clone();
            objects.insert(ObjectKey::new("lb", name), entry);
            self.store.send_replace(Live::new(Arc::new(objects)));
        }

        fn has(&self, name: &str, number: &str) {
            self.set(name, Entry::Object(Arc::new(config(name, number))));
        }

        fn read(&mut self) -> bool {
            self.parsed.read(&self.reflection, |config| {
                self.times.set(self.times.get() + 1);
                config.data.as_ref().unwrap()["number"].parse::<u32>()
            })
        }

        fn values(&self) -> Vec<u32> {
            self.parsed.values().copied().collect()
        }

        fn problems(&self) -> Vec<String> {
            self.parsed.problems().map(ToString::to_string).collect()
        }
    }

    #[test]
    fn only_what_changed_is_parsed_again() {
        let mut scene = Scene::new();
        scene.has("a", "1");
        scene.has("b", "2");
        assert!(scene.read());
        scene.has("b", "3");
        assert!(scene.read());
        assert_eq!(scene.values(), [1, 3]);
        assert_eq!(scene.times.get(), 3);
    }

    #[test]
    fn a_store_that_stays_the_same_is_not_even_looked_at() {
        let mut scene = Scene::new();
        scene.has("a", "1");
        assert!(scene.read());
        assert!(!scene.read());
        assert_eq!(scene.times.get(), 1);
    }

    #[test]
    fn an_object_that_changes_elsewhere_changes_no_value() {
        let mut scene = Scene::new();
        scene.has("a", "1");
        assert!(scene.read());
        scene.has("a", "1");
        assert!(!scene.read());
        assert_eq!(scene.times.get(), 2);
    }

    #[test]
    fn a_value_that_goes_is_a_change() {
        let mut scene = Scene::new();
        scene.has("a", "1");
        assert!(scene.read());
        scene.store.send_replace(Live::new(Arc::default()));
        assert!(scene.read());
        assert!(scene.values().is_empty());
    }

    #[test]
    fn what_cannot_be_parsed_or_decoded_is_a_problem_and_no_value() {
        let mut scene = Scene::new();
        scene.has("a", "1");
        scene.has("b", "odd");
        let object = ObjectReference {
            kind: Some("ConfigMap".to_owned()),
            name: Some("c".to_owned()),
            ..ObjectReference::default()
        };
        let message = "data: invalid type".to_owned();
        let undecodable = Undecodable {
            problem: Problem { object, message },
            raw: Value::Null,
        };
        scene.set("c", Entry::Undecodable(Arc::new(undecodable)));
        assert!(scene.read());
        assert_eq!(scene.values(), [1]);
        assert_eq!(
            scene.problems(),
            [
                "ConfigMap b: invalid digit found in string",
                "ConfigMap c: data: invalid type"
            ]
        );
        scene.has("b", "2");
        assert!(scene.read());
        assert_eq!(scene.values(), [1, 2]);
    }
}
