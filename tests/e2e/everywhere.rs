//! What is wrong is said in the same words by the condition, an event, a metric, `ferrolb explain`, `ferrolb doctor` and the
//! status page, which [`page::forward`] has to forward.

use std::time::Duration;

use ferrolb_lab::{Found, Lab, Machine, Result, wait};
use serde_json::Value;

use crate::doctor::{doctor, lines};
use crate::page;
use crate::scene::{PODS, SOON, event};

/// What is wrong, and where it is said beside the page and `explain`.
pub(crate) struct Wrong {
    pub(crate) service: &'static str,
    /// The word of the condition.
    pub(crate) reason: &'static str,
    pub(crate) event: &'static str,
    /// That of `ferrolb doctor`.
    pub(crate) number: &'static str,
    /// A series that at least one daemon shows.
    pub(crate) series: &'static str,
    /// Part of the sentence.
    pub(crate) words: String,
}

/// Waits until it is said everywhere.
pub(crate) fn everywhere(lab: &Lab, wrong: &Wrong) -> Result<()> {
    let Wrong {
        service,
        reason,
        words,
        ..
    } = wrong;
    let says = |what: &str, text: String, begin: &str| match text
        .lines()
        .any(|line| line.contains(begin) && line.contains(words))
    {
        true => Ok(()),
        false => Err(format!("{what}: no {begin:?} with {words:?} in {text}")),
    };
    wait::until_seen(&format!("{reason} of {service} to be said"), PODS, || {
        let conditions = conditions(lab, service)?;
        if let Err(missing) = says("condition", conditions, &format!(" {reason}: ")) {
            return Ok(Err(missing));
        }
        let subject = format!("svc/default/{service}");
        let Found { text, .. } = lab.ferrolb_finds(&["explain", &subject], SOON)?;
        let first = text.lines().next().unwrap_or_default().to_owned();
        if let Err(missing) = says("explain", first, &format!("({reason}): ")) {
            return Ok(Err(missing));
        }
        let (_, answer) = doctor(lab, &[])?;
        let found = lines(&answer);
        let line = format!("{} Service/default/{service}: ", wrong.number);
        if let Err(missing) = says("doctor", found.join("\n"), &line) {
            return Ok(Err(missing));
        }
        let page = lab.http_get_from(Machine::ControlPlane, page::URL, SOON)?.body;
        let rows = page.replace("<tr", "\n<tr");
        let row = format!("default/{service}");
        Ok(
            says("page", rows, &row).and_then(|()| match series(lab, wrong.series) {
                Ok(true) => Ok(()),
                other => Err(format!("no series {}: {other:?}", wrong.series)),
            }),
        )
    })?;
    event(lab, service, wrong.event, &[words])?;
    Ok(())
}

/// Those of a Service, each as `False Reason: message`.
pub(crate) fn conditions(lab: &Lab, service: &str) -> Result<String> {
    let object = lab.json(&["get", "service", service])?;
    let conditions = object["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |one: &Value| {
        format!(
            "{} {}: {}",
            text(&one["status"]),
            text(&one["reason"]),
            text(&one["message"])
        )
    };
    Ok(conditions.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// Whether any daemon shows a series that begins so, other than with zero.
fn series(lab: &Lab, begin: &str) -> Result<bool> {
    if of_a_speaker(lab, begin)? {
        return Ok(true);
    }
    // Either may lead, and the other one shows nothing.
    let selector = [
        "get",
        "pods",
        "-n",
        "metallb-system",
        "-l",
        "component=controller",
    ];
    for pod in lab.json(&selector)?["items"].as_array().into_iter().flatten() {
        let address = pod["status"]["podIP"].as_str().unwrap_or_default();
        if shows(lab, Machine::Node(1), address, begin)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether any speaker does.
pub(crate) fn of_a_speaker(lab: &Lab, begin: &str) -> Result<bool> {
    for node in lab.plan().nodes() {
        if shows(lab, Machine::Node(node), "127.0.0.1", begin)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn shows(lab: &Lab, from: Machine, daemon: &str, begin: &str) -> Result<bool> {
    let metrics = lab.http_get_from(from, &format!("http://{daemon}:9120/metrics"), SOON)?;
    let mut lines = metrics.body.lines();
    Ok(lines.any(|line| line.starts_with(begin) && !line.ends_with(" 0")))
}

/// Waits until nothing is wrong with the Service any more.
pub(crate) fn well(lab: &Lab, service: &str) -> Result<()> {
    well_within(lab, service, PODS)
}

/// The same within another time.
pub(crate) fn well_within(lab: &Lab, service: &str, most: Duration) -> Result<()> {
    wait::until_seen(&format!("{service} to be well again"), most, || {
        let said = conditions(lab, service)?;
        let is_well = said.lines().any(|line| line.starts_with("True Announced: "));
        Ok(if is_well { Ok(()) } else { Err(said) })
    })
}
