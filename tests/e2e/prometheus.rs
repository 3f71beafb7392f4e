//! Debian's Prometheus on a client's network, with the configuration that is shipped.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferrolb_lab::{Lab, Machine, Process, Result, monitoring_program, source, wait};
use libtest_mimic::Failed;
use serde_json::Value;

use crate::scene::Scene;

const HOME: Machine = Machine::Client(1);
/// In the lab, in place of what is shipped.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);
const SHIPPED_INTERVAL: &str = "scrape_interval: 15s";
const READER: &str = "system:serviceaccount:metallb-system:prometheus";
/// Where the shipped configuration looks for the token of its account.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// Where it says what to add for metrics over TLS, one line for each field.
const FOR_TLS: [&str; 3] = ["scheme", "authorization", "tls_config"];

/// A file that is shipped for monitoring.
pub(crate) fn shipped(file: &str) -> PathBuf {
    source::root().join("deploy/monitoring").join(file)
}

/// The metrics address of each controller and speaker.
pub(crate) fn endpoints(lab: &Lab) -> Result<BTreeMap<String, String>> {
    let pods = lab.json(&["get", "pods", "-n", "metallb-system", "-l", "app=metallb"])?;
    let items = pods["items"].as_array().into_iter().flatten();
    let endpoint = |pod: &Value| {
        let name = pod["metadata"]["name"].as_str()?.to_owned();
        Some((name, format!("{}:9120", pod["status"]["podIP"].as_str()?)))
    };
    Ok(items.filter_map(endpoint).collect())
}

/// A Prometheus that runs as long as this lives.
pub(crate) struct Prometheus<'a> {
    lab: &'a Lab,
    process: Process,
    promtool: PathBuf,
    _account: Scene<'a>,
}

impl<'a> Prometheus<'a> {
    /// With what is shipped and a shorter interval.
    pub(crate) fn start(lab: &'a Lab) -> std::result::Result<Self, Failed> {
        let account = Scene::new(lab, fs::read_to_string(shipped("rbac.yaml"))?)?;
        let folder = lab.state().folder().join("prometheus");
        configure(lab, &folder)?;
        Self::run(lab, &folder, account)
    }

    /// The same, but with what the configuration says to add for TLS, and with alerts that fire at once: their expressions
    /// are those that are shipped, their times are not.
    pub(crate) fn start_over_tls(lab: &'a Lab) -> std::result::Result<Self, Failed> {
        let rights = fs::read_to_string(shipped("rbac.yaml"))?
            + "---\n"
            + &fs::read_to_string(shipped("rbac-tls.yaml"))?;
        let account = Scene::new(lab, rights)?;
        let folder = lab.state().folder().join("prometheus");
        configure(lab, &folder)?;
        let token = folder.join("token");
        fs::write(&token, token_of_prometheus(lab)?)?;
        edit(&folder.join("prometheus.yaml"), |config| {
            let with_tls = FOR_TLS.iter().fold(config.to_owned(), |text, field| {
                text.replace(&format!("  # {field}: "), &format!("  {field}: "))
            });
            with_tls
                .replace(TOKEN, &token.to_string_lossy())
                .replace("evaluation_interval: 15s", "evaluation_interval: 1s")
        })?;
        edit(&folder.join("alerts.yaml"), |rules| {
            let kept = rules.lines().filter(|line| !line.trim().starts_with("for: "));
            kept.collect::<Vec<_>>().join("\n")
        })?;
        Self::run(lab, &folder, account)
    }

    fn run(lab: &'a Lab, folder: &Path, account: Scene<'a>) -> std::result::Result<Self, Failed> {
        // Each trial begins with an empty memory.
        let data = folder.join("data");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        let program = monitoring_program("prometheus")?;
        let arguments = [
            &*program.to_string_lossy(),
            &format!("--config.file={}", folder.join("prometheus.yaml").display()),
            &format!("--storage.tsdb.path={}", data.display()),
            "--web.listen-address=127.0.0.1:9090",
        ];
        Ok(Self {
            process: lab.start_process(HOME, "prometheus", &arguments, &[])?,
            lab,
            promtool: monitoring_program("promtool")?,
            _account: account,
        })
    }

    /// The series of an expression now, each as its labels.
    pub(crate) fn ask(&self, expression: &str) -> Result<Vec<Value>> {
        let samples = self.samples(expression)?;
        Ok(samples.into_iter().map(|one| one["metric"].clone()).collect())
    }

    /// The samples of an expression now: labels, and time and value.
    pub(crate) fn samples(&self, expression: &str) -> Result<Vec<Value>> {
        let promtool = self.promtool.to_string_lossy();
        let ask = [
            "query",
            "instant",
            "-o",
            "json",
            "http://127.0.0.1:9090",
            expression,
        ];
        let answer = self.lab.client(&[&[promtool.as_ref()], &ask[..]].concat())?;
        Ok(serde_json::from_str(&answer).unwrap_or_default())
    }

    /// Waits until the series of an expression suit.
    pub(crate) fn until(
        &mut self,
        expression: &str,
        within: Duration,
        suits: impl Fn(&[Value]) -> bool,
    ) -> Result<Vec<Value>> {
        wait::until_seen(&format!("Prometheus to answer {expression}"), within, || {
            self.process.still_runs()?;
            Ok(match self.ask(expression) {
                Ok(series) if suits(&series) => Ok(series),
                other => Err(format!("{other:?}")),
            })
        })
    }
}

/// A token of the account that is shipped for Prometheus.
pub(crate) fn token_of_prometheus(lab: &Lab) -> Result<String> {
    let token = lab.kubectl(&["create", "token", "prometheus", "-n", "metallb-system"])?;
    Ok(token.trim().to_owned())
}

fn edit(file: &Path, change: impl Fn(&str) -> String) -> std::io::Result<()> {
    let before = fs::read_to_string(file)?;
    let after = change(&before);
    assert_ne!(before, after, "{}", file.display());
    fs::write(file, after)
}

/// Writes what is shipped with another interval, and the targets of now as the shipped account sees them.
fn configure(lab: &Lab, folder: &Path) -> std::result::Result<(), Failed> {
    fs::create_dir_all(folder)?;
    let config = fs::read_to_string(shipped("prometheus.yaml"))?;
    assert!(config.contains(SHIPPED_INTERVAL), "{config}");
    let quick = format!("scrape_interval: {}s", INTERVAL.as_secs());
    fs::write(
        folder.join("prometheus.yaml"),
        config.replace(SHIPPED_INTERVAL, &quick),
    )?;
    fs::copy(shipped("alerts.yaml"), folder.join("alerts.yaml"))?;
    let template = format!("go-template-file={}", shipped("targets.gotmpl").display());
    let targets = lab.kubectl(&[
        "get",
        "pods",
        "-n",
        "metallb-system",
        "-o",
        &template,
        "--as",
        READER,
    ])?;
    fs::write(folder.join("targets.json"), targets)?;
    Ok(())
}
