//! The metrics registry of a process, with what every process reports about itself.

use prometheus::process_collector::ProcessCollector;
use prometheus::{IntGauge, IntGaugeVec, Opts, Registry};

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
    let gauges = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(gauges.clone()))?;
    Ok(gauges)
}

/// Adds a gauge without labels to the registry.
///
/// # Errors
/// The registry has it already.
pub fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    let gauge = IntGauge::new(name, help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
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
    use prometheus::TextEncoder;

    #[test]
    fn a_registry_names_the_version_and_the_process() {
        let text = TextEncoder::new().encode_to_string(&registry().gather()).unwrap();
        let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
        assert!(
            text.lines()
                .any(|line| line.starts_with("ferrolb_build_info{") && line.contains(&version)),
            "{text}"
        );
        assert!(text.contains("process_resident_memory_bytes "), "{text}");
    }
}
