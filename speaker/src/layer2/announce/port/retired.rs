//! Counters of addresses that were given up. Their series are removed some at a time: ten thousand at once would keep
//! beacons waiting.

use std::sync::Arc;

use tokio::task::yield_now;

use crate::layer2::announce::metrics::AddressCounters;

const AT_ONCE: usize = 64;

/// Counters that nobody uses any more.
#[derive(Default)]
pub(super) struct Retired(Vec<Arc<AddressCounters>>);

impl Retired {
    pub(super) fn add(&mut self, counters: impl IntoIterator<Item = Arc<AddressCounters>>) {
        self.0.extend(counters);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn drop_some(&mut self) {
        self.0.truncate(self.0.len().saturating_sub(AT_ONCE));
    }

    /// Lets others run in between.
    pub(super) async fn drop_all(mut self) {
        while !self.is_empty() {
            self.drop_some();
            yield_now().await;
        }
    }
}
