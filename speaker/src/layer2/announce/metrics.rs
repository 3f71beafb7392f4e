//! What the announcer counts. The series of an address go when no port holds it any more.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ferrolb_runtime::metrics;
use prometheus::{IntCounter, IntCounterVec, Registry};

use super::port::Losses;

/// Counters of layer 2, those that MetalLB has under its names.
#[derive(Clone, Debug)]
pub struct LayerTwoMetrics {
    series: Arc<Series>,
    ignored: IntCounterVec,
    unsent: IntCounterVec,
    unread: IntCounterVec,
    nudges: IntCounter,
    dropped: IntCounter,
}

/// The counters that have series for each address.
#[derive(Debug)]
struct Series {
    requests: IntCounterVec,
    responses: IntCounterVec,
    gratuitous: IntCounterVec,
    foreign: IntCounterVec,
    /// Shared by the ports that hold the address.
    by_address: Mutex<HashMap<IpAddr, Weak<AddressCounters>>>,
}

/// The counters of one address, looked up once. When the last port drops them, the series go.
#[derive(Debug)]
pub(super) struct AddressCounters {
    pub(super) requests: IntCounter,
    pub(super) responses: IntCounter,
    pub(super) gratuitous: IntCounter,
    pub(super) foreign: IntCounter,
    address: IpAddr,
    series: Arc<Series>,
}

impl LayerTwoMetrics {
    /// Adds the counters to the registry, once per process.
    ///
    /// # Errors
    /// The registry has them already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters =
            |name: &str, help: &str, label: &str| metrics::counters(registry, name, help, &[label]);
        let series = Series {
            requests: counters(
                "metallb_layer2_requests_received",
                "ARP and NDP questions for an address that this node holds.",
                "ip",
            )?,
            responses: counters(
                "metallb_layer2_responses_sent",
                "Answers to such questions.",
                "ip",
            )?,
            gratuitous: counters(
                "metallb_layer2_gratuitous_sent",
                "Gratuitous ARP and unsolicited NA frames sent.",
                "ip",
            )?,
            foreign: counters(
                "ferrolb_layer2_foreign_claims_total",
                "Frames in which another station claimed an address that this node holds.",
                "ip",
            )?,
            by_address: Mutex::default(),
        };
        Ok(Self {
            series: Arc::new(series),
            ignored: counters(
                "ferrolb_layer2_ignored_total",
                "Frames that passed the kernel filter and were not answered, by reason.",
                "reason",
            )?,
            unsent: metrics::counters(
                registry,
                "ferrolb_layer2_send_errors_total",
                "Frames that the kernel did not take, by reason.",
                &["interface", "reason"],
            )?,
            unread: counters(
                "ferrolb_layer2_receive_drops_total",
                "Frames that passed the kernel filter and were dropped, because they were not read in time.",
                "interface",
            )?,
            nudges: metrics::counter(
                registry,
                "ferrolb_layer2_wire_nudges_total",
                "Times an address was programmed and announced anew, because another node found it answered wrongly.",
            )?,
            dropped: metrics::counter(
                registry,
                "ferrolb_layer2_news_dropped_total",
                "Reports of the wire that nobody took.",
            )?,
        })
    }

    /// The counters of an address, the same for all ports that hold it.
    pub(super) fn of(&self, address: IpAddr) -> Arc<AddressCounters> {
        let mut shared = self.series.lock();
        if let Some(counters) = shared.get(&address).and_then(Weak::upgrade) {
            return counters;
        }
        let label = address.to_string();
        let of = |counters: &IntCounterVec| counters.with_label_values(&[label.as_str()]);
        let counters = Arc::new(AddressCounters {
            requests: of(&self.series.requests),
            responses: of(&self.series.responses),
            gratuitous: of(&self.series.gratuitous),
            foreign: of(&self.series.foreign),
            address,
            series: self.series.clone(),
        });
        shared.insert(address, Arc::downgrade(&counters));
        counters
    }

    pub(super) fn ignored(&self, reason: &str) -> IntCounter {
        self.ignored.with_label_values(&[reason])
    }

    /// What is lost on an interface.
    pub(super) fn losses(&self, interface: &str) -> Losses {
        let unread = self.unread.with_label_values(&[interface]);
        Losses::new(interface, self.unsent.clone(), unread)
    }

    pub(super) fn nudged(&self, addresses: usize) {
        self.nudges.inc_by(addresses as u64);
    }

    pub(super) fn news_dropped(&self) {
        self.dropped.inc();
    }
}

impl Series {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, Weak<AddressCounters>>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressCounters {
    fn drop(&mut self) {
        let series = &self.series;
        let mut shared = series.lock();
        // Another port may have asked for new ones meanwhile.
        if shared.get(&self.address).is_none_or(|one| one.strong_count() > 0) {
            return;
        }
        shared.remove(&self.address);
        let label = self.address.to_string();
        for counters in [
            &series.requests,
            &series.responses,
            &series.gratuitous,
            &series.foreign,
        ] {
            // The only error is that there is no such series.
            let _absent = counters.remove_label_values(&[label.as_str()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(registry: &Registry, name: &str) -> Vec<f64> {
        let families = registry.gather();
        let named = families.iter().filter(|family| family.name() == name);
        named
            .flat_map(prometheus::proto::MetricFamily::get_metric)
            .map(|metric| metric.get_counter().get_value())
            .collect()
    }

    #[test]
    fn the_series_of_an_address_stay_until_no_port_holds_it() {
        let registry = Registry::new();
        let metrics = LayerTwoMetrics::register(&registry).unwrap();
        let address = "192.0.2.1".parse().unwrap();
        let ports = [metrics.of(address), metrics.of(address)];
        ports.iter().for_each(|port| port.requests.inc());
        let [one, other] = ports;
        drop(one);
        assert_eq!(of(&registry, "metallb_layer2_requests_received"), [2.0]);
        drop(other);
        assert!(of(&registry, "metallb_layer2_requests_received").is_empty());
    }

    #[test]
    fn an_address_that_is_held_again_is_counted_from_zero() {
        let registry = Registry::new();
        let metrics = LayerTwoMetrics::register(&registry).unwrap();
        let address = "192.0.2.1".parse().unwrap();
        metrics.of(address).requests.inc();
        let _again = metrics.of(address);
        assert_eq!(of(&registry, "metallb_layer2_requests_received"), [0.0]);
    }
}
