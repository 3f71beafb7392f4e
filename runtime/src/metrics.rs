//! The metrics registry of a process, with what every process reports about itself.

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
    exponential_buckets,
};

/// A registry that reports `process_*` of this process and `ferrolb_build_info`.
#[must_use]
pub fn registry() -> Registry {
    let registry = Registry::new();
    let register = |collector| {
        registry
            .register(collector)
            .expect("a fresh registry has no such metric");
    };
    register(Box::new(ProcessCollector::for_self()));
    register(Box::new(build_info()));
    registry
}

/// Adds a gauge with these labels to the registry.
///
/// # Errors
/// The registry has it already.
pub fn gauges(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntGaugeVec, prometheus::Error> {
    add(registry, IntGaugeVec::new(Opts::new(name, help), labels)?)
}

/// Adds a gauge without labels to the registry.
///
/// # Errors
/// The registry has it already.
pub fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    add(registry, IntGauge::new(name, help)?)
}

/// Adds a counter with these labels to the registry.
///
/// # Errors
/// The registry has it already.
pub fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    add(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

/// Adds a counter without labels to the registry.
///
/// # Errors
/// The registry has it already.
pub fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    add(registry, IntCounter::new(name, help)?)
}

/// Adds a histogram of seconds: where its buckets begin, by what they grow, and how many there are.
///
/// # Errors
/// The registry has one of this name already, or there can be no such buckets.
pub fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    (first, factor, count): (f64, f64, usize),
) -> Result<Histogram, prometheus::Error> {
    let options = HistogramOpts::new(name, help).buckets(exponential_buckets(first, factor, count)?);
    add(registry, Histogram::with_opts(options)?)
}

/// Adds the metric to the registry.
///
/// # Errors
/// The registry has it already.
pub fn add<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> Result<M, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

/// Everything in the registry, in Prometheus' text format 0.0.4.
///
/// Some of MetalLB's names contradict their type: counters without `_total`, gauges with it. They are served as
/// `untyped`, which may have any name and means the same to every query, so that `promtool check metrics` accepts all.
///
/// # Errors
/// A metric without samples, which the registry never gives.
pub(crate) fn text(registry: &Registry) -> Result<String, prometheus::Error> {
    let text = TextEncoder::new().encode_to_string(&registry.gather())?;
    let line = |line: &str| format!("{}\n", without_odd_type(line).as_deref().unwrap_or(line));
    Ok(text.lines().map(line).collect())
}

fn without_odd_type(line: &str) -> Option<String> {
    let (name, kind) = line.strip_prefix("# TYPE ")?.rsplit_once(' ')?;
    let is_odd = name.starts_with("metallb_") && (kind == "counter") != name.ends_with("_total");
    is_odd.then(|| format!("# TYPE {name} untyped"))
}

/// A gauge that is always 1 and carries the version in its labels.
fn build_info() -> IntGauge {
    let opts = Opts::new("ferrolb_build_info", "The version that runs; always 1.")
        .const_label("version", env!("CARGO_PKG_VERSION"))
        .const_label("revision", option_env!("FERROLB_REVISION").unwrap_or("unknown"));
    let gauge = IntGauge::with_opts(opts).expect("name and labels are valid");
    gauge.set(1);
    gauge
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn a_registry_names_the_version_and_the_process() {
        let text = text(&registry()).unwrap();
        let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
        assert!(
            text.lines()
                .any(|line| line.starts_with("ferrolb_build_info{") && line.contains(&version)),
            "{text}"
        );
        assert!(text.contains("process_resident_memory_bytes "), "{text}");
    }

    #[rstest]
    #[case::a_counter_of_another_name("metallb_layer2_responses_sent counter", true)]
    #[case::a_gauge_named_like_a_counter("metallb_allocator_addresses_total gauge", true)]
    #[case::a_counter("metallb_k8s_client_updates_total counter", false)]
    #[case::a_gauge("metallb_speaker_announced gauge", false)]
    #[case::a_name_of_our_own("ferrolb_events counter", false)]
    fn a_name_of_metallb_that_contradicts_its_type_has_none(#[case] family: &str, #[case] odd: bool) {
        let served = without_odd_type(&format!("# TYPE {family}"));
        assert_eq!(served.is_some_and(|line| line.ends_with(" untyped")), odd);
    }

    #[test]
    fn only_the_type_changes() {
        let registry = Registry::new();
        gauge(&registry, "metallb_allocator_addresses_total", "Told.")
            .unwrap()
            .set(3);
        let lines = "# HELP metallb_allocator_addresses_total Told.\n\
                     # TYPE metallb_allocator_addresses_total untyped\n\
                     metallb_allocator_addresses_total 3\n";
        assert_eq!(text(&registry).unwrap(), lines);
    }
}
