//! Readiness as values: whoever has to be ready first holds a handle and lets go of it when it is.

use std::collections::BTreeMap;

use tokio::sync::watch;

/// What the process still waits for; by default nothing. Cloneable; all clones see the same parts.
#[derive(Clone, Debug, Default)]
pub struct Readiness(watch::Sender<BTreeMap<String, usize>>);

/// One part that is not ready yet. Dropping it, or [`Unready::done`], makes the part ready, for good.
#[derive(Debug)]
#[must_use = "dropping the handle says that the part is ready"]
pub struct Unready {
    name: String,
    readiness: Readiness,
}

impl Readiness {
    /// Adds a part that is not ready. Parts of the same name are counted.
    pub fn part(&self, name: impl Into<String>) -> Unready {
        let name = name.into();
        self.0
            .send_modify(|parts| *parts.entry(name.clone()).or_default() += 1);
        Unready {
            name,
            readiness: self.clone(),
        }
    }

    /// Names of the parts that are not ready, sorted. Empty when the process is ready.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        self.0.borrow().keys().cloned().collect()
    }

    /// Returns when no part is missing.
    pub async fn all_ready(&self) {
        let mut parts = self.0.subscribe();
        let waited = parts.wait_for(BTreeMap::is_empty).await;
        debug_assert!(waited.is_ok(), "the sender lives as long as self");
    }
}

impl Unready {
    /// Says that the part is ready; the same as dropping it, but readable.
    pub fn done(self) {}
}

impl Drop for Unready {
    fn drop(&mut self) {
        self.readiness.0.send_modify(|parts| {
            if let Some(count) = parts.get_mut(&self.name) {
                *count -= 1;
                if *count == 0 {
                    parts.remove(&self.name);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn nothing_to_wait_for_is_ready() {
        assert!(Readiness::default().missing().is_empty());
    }

    #[test]
    fn each_part_is_named_until_it_is_done() {
        let readiness = Readiness::default();
        let nodes = readiness.part("nodes");
        let pools = readiness.part("pools");
        assert_eq!(readiness.missing(), ["nodes", "pools"]);
        nodes.done();
        assert_eq!(readiness.missing(), ["pools"]);
        drop(pools);
        assert!(readiness.missing().is_empty());
    }

    #[test]
    fn two_parts_of_one_name_must_both_be_done() {
        let readiness = Readiness::default();
        let (first, second) = (readiness.part("pods"), readiness.part("pods"));
        first.done();
        assert_eq!(readiness.missing(), ["pods"]);
        second.done();
        assert!(readiness.missing().is_empty());
    }

    #[test]
    fn waiting_ends_with_the_last_part() {
        let readiness = Readiness::default();
        let part = readiness.part("services");
        assert!(readiness.all_ready().now_or_never().is_none());
        part.done();
        assert!(readiness.all_ready().now_or_never().is_some());
    }
}
