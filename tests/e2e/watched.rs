//! Monitoring that works when something is broken: metrics over TLS, alerts that fire, a dashboard that shows it. One
//! installation and one Prometheus for all of it, since both take their time.

mod faults;
mod tls;

use std::fs;
use std::path::Path;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result, source};

use crate::dashboard;
use crate::prometheus::Prometheus;
use crate::scene::{PODS, SOON};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "over_tls_prometheus_alone_reads_the_metrics_each_fault_raises_its_alert_and_the_dashboard_shows_it",
        watched,
    )]
}

/// Beacons are so rare that a failover is slow.
const SLOW_BEACONS: &str = r#"
patches:
- target: {kind: DaemonSet, name: speaker}
  patch: |-
    - op: add
      path: /spec/template/spec/containers/0/env/-
      value: {name: FERROLB_BEACON_INTERVAL_MS, value: "1000"}
"#;

/// What is shipped with component `metrics-tls` and slow beacons, until this is dropped.
struct Overlay<'a>(&'a Lab);

impl<'a> Overlay<'a> {
    fn install(lab: &'a Lab) -> std::result::Result<Self, libtest_mimic::Failed> {
        let folder = lab.state().folder().join("overlay");
        fs::create_dir_all(&folder)?;
        let up = "../".repeat(folder.components().count() - 1);
        let deploy = format!(
            "{up}{}/deploy",
            source::root().display().to_string().trim_start_matches('/')
        );
        let text = format!("resources: [{deploy}]\ncomponents: [{deploy}/metrics-tls]\n{SLOW_BEACONS}");
        fs::write(folder.join("kustomization.yaml"), text)?;
        let overlay = Self(lab);
        overlay.apply(&folder)?;
        Ok(overlay)
    }

    fn apply(&self, folder: &Path) -> Result<()> {
        self.0.kubectl(&["apply", "-k", &folder.to_string_lossy()])?;
        for workload in ["deployment/controller", "daemonset/speaker"] {
            self.0.rolled_out("metallb-system", workload)?;
        }
        Ok(())
    }
}

impl Drop for Overlay<'_> {
    fn drop(&mut self) {
        let deploy = source::root().join("deploy");
        let rights = fs::read_to_string(deploy.join("metrics-tls/rbac.yaml")).unwrap_or_default();
        let undone = self
            .apply(&deploy)
            .and_then(|()| self.0.delete(&rights).map(drop));
        if let Err(failed) = undone {
            eprintln!("the installation stays changed: {failed}");
        }
    }
}

fn watched(lab: &Lab) -> Outcome {
    let _overlay = Overlay::install(lab)?;
    let targets = tls::endpoints_alone(lab)?;
    let mut prometheus = Prometheus::start_over_tls(lab)?;
    prometheus.until("up == 1", PODS, |series| series.len() == targets.len())?;
    tls::only_with_the_right(lab, &targets)?;
    tls::exchanged(lab, &targets)?;
    let faults = faults::make(lab, &mut prometheus)?;
    dashboard::every_query_answers(&mut prometheus, SOON)?;
    dashboard::save(lab)?;
    drop(faults);
    faults::leaderless(lab, &mut prometheus)
}
