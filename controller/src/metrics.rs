//! The controller's metrics. Labels come from pool names and closed enums; a pool's series go with it.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_crds::domain::{Family, PoolName};
use ferrolb_runtime::metrics;
use ferrolb_runtime::patch::WriteCounters;
use itertools::Itertools;
use prometheus::{IntGauge, IntGaugeVec, Registry};

use crate::alloc::{Decision, Outcome, Usage};

type Value = fn(&Usage) -> i64;

/// Gauges of one number of each pool, under MetalLB's names.
const OF_POOLS: [(&str, &str, Value); 6] = [
    (
        "metallb_allocator_addresses_total",
        "Addresses that the pool can give out.",
        Usage::total,
    ),
    (
        "metallb_allocator_ipv4_addresses_total",
        "IPv4 addresses that the pool can give out.",
        |usage| usage.total[Family::V4],
    ),
    (
        "metallb_allocator_ipv6_addresses_total",
        "IPv6 addresses that the pool can give out.",
        |usage| usage.total[Family::V6],
    ),
    (
        "metallb_allocator_addresses_in_use_total",
        "Addresses of the pool in use.",
        Usage::used,
    ),
    (
        "metallb_allocator_ipv4_addresses_in_use_total",
        "IPv4 addresses of the pool in use.",
        |usage| usage.used[Family::V4],
    ),
    (
        "metallb_allocator_ipv6_addresses_in_use_total",
        "IPv6 addresses of the pool in use.",
        |usage| usage.used[Family::V6],
    ),
];

/// Everything the controller measures about itself.
pub(crate) struct Metrics {
    of_pools: Vec<(IntGaugeVec, Value)>,
    services: IntGaugeVec,
    refused: IntGaugeVec,
    disputed: IntGauge,
    /// Attempts to write to the API server, and those that failed.
    pub(crate) writes: WriteCounters,
    config_loaded: IntGauge,
    config_stale: IntGauge,
    leads: IntGauge,
    pools: BTreeSet<PoolName>,
}

impl Metrics {
    /// Adds all metrics to the registry, once per process.
    ///
    /// # Errors
    /// The registry has them already.
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauges = |name: &str, help: &str, label: &str| metrics::gauges(registry, name, help, &[label]);
        let gauge = |name: &str, help: &str| metrics::gauge(registry, name, help);
        let of_pool = |(name, help, value): (&str, &str, Value)| Ok((gauges(name, help, "pool")?, value));
        Ok(Self {
            of_pools: OF_POOLS
                .into_iter()
                .map(of_pool)
                .collect::<Result<_, prometheus::Error>>()?,
            services: gauges(
                "metallb_allocator_services_allocated_total",
                "Services with an address of the pool.",
                "pool",
            )?,
            refused: gauges(
                "ferrolb_services_refused",
                "Services without an address, by reason.",
                "reason",
            )?,
            disputed: gauge(
                "ferrolb_services_disputed",
                "Services whose status another controller keeps writing, so that it is left to that one.",
            )?,
            writes: WriteCounters::register(registry)?,
            config_loaded: gauge("metallb_k8s_client_config_loaded_bool", "1 once pools were read.")?,
            config_stale: gauge(
                "metallb_k8s_client_config_stale_bool",
                "1 while a pool or advertisement is invalid and skipped in whole or in part.",
            )?,
            leads: gauge(
                "ferrolb_controller_leads_bool",
                "1 while this controller leads; the others follow.",
            )?,
            pools: BTreeSet::new(),
        })
    }

    /// Shows what a follower knows: whether the configuration is valid.
    pub(crate) fn follow(&self, faults: usize) {
        self.leads.set(0);
        self.config_loaded.set(1);
        self.config_stale.set(i64::from(faults > 0));
    }

    /// Takes away what only a leader knows.
    pub(crate) fn forget_pools(&mut self) {
        self.of_pools.iter().for_each(|(gauge, _)| gauge.reset());
        self.services.reset();
        self.refused.reset();
        self.disputed.set(0);
        self.pools.clear();
    }

    /// Shows what was decided.
    pub(crate) fn show(&mut self, decision: &Decision, faults: usize, disputed: usize) {
        self.follow(faults);
        self.leads.set(1);
        self.disputed.set(disputed as i64);
        self.show_pools(decision);
        self.refused.reset();
        for (reason, count) in crate::plan::refusals(decision) {
            self.refused.with_label_values(&[reason]).set(count);
        }
    }

    fn show_pools(&mut self, decision: &Decision) {
        let services = services_by_pool(decision);
        for (pool, usage) in &decision.usage {
            let label = [pool.as_str()];
            for (gauge, value) in &self.of_pools {
                gauge.with_label_values(&label).set(value(usage));
            }
            self.services
                .with_label_values(&label)
                .set(services.get(pool).copied().unwrap_or(0));
        }
        let pools: BTreeSet<PoolName> = decision.usage.keys().cloned().collect();
        for gone in self.pools.difference(&pools) {
            let gauges = self.of_pools.iter().map(|(gauge, _)| gauge);
            for gauge in gauges.chain([&self.services]) {
                // The only error is that there is no such series.
                let _absent = gauge.remove_label_values(&[gone.as_str()]);
            }
        }
        self.pools = pools;
    }
}

fn services_by_pool(decision: &Decision) -> BTreeMap<&PoolName, i64> {
    let mut counts = BTreeMap::new();
    for outcome in decision.outcomes.values() {
        if let Outcome::Assigned(assignment) = outcome {
            // At most one address of each family.
            for pool in assignment.pools.iter().dedup() {
                *counts.entry(pool).or_default() += 1;
            }
        }
    }
    counts
}
