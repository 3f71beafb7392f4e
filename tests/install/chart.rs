//! The chart: what it renders, and what it refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Result, helm, manifests, source};
use serde_json::Value;

/// Values that together reach every branch of every template.
const COMBINATIONS: [&str; 5] = [
    "everything",
    "service-monitor",
    "over-tls",
    "bare",
    "speakers-alone",
];
/// Set, the snapshots are written instead of compared.
const WRITE: &str = "FERROLB_WRITE_SNAPSHOTS";
/// What Helm adds to every object, beside what a field of the base holds.
const LABELS: [&str; 3] = [
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
];
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("files_that_are_made_from_others_are_up_to_date", up_to_date),
        trial("the_chart_lints", lint),
        trial(
            "with_its_own_values_the_chart_is_the_manifests_field_by_field",
            same_objects,
        ),
        trial("its_options_are_the_components_of_the_manifests", same_components),
        trial(
            "each_combination_of_values_changes_what_its_snapshot_says",
            snapshots,
        ),
        trial("the_api_server_takes_every_object_of_every_combination", taken),
        trial("an_unknown_value_is_refused_with_the_nearest_known_one", unknown),
        trial(
            "a_value_of_metallbs_chart_that_means_nothing_here_is_refused_with_the_reason",
            refused,
        ),
        trial("a_packed_chart_renders_the_same", packed),
    ]
}

/// By kind and name.
type Objects = BTreeMap<String, Value>;

fn chart() -> String {
    source::root()
        .join("deploy/chart/ferrolb")
        .to_string_lossy()
        .into_owned()
}

/// What Helm says, good or bad.
fn said(arguments: &[&str]) -> Result<(bool, String)> {
    let folder = tempfile::tempdir().expect("a folder for Helm");
    let outcome = helm(arguments, folder.path())?;
    Ok((outcome.status.success(), outcome.stdout + &outcome.stderr))
}

fn rendered(chart: &str, more: &[&str]) -> Result<String> {
    let template = ["template", "ferrolb", chart, "--namespace", "metallb-system"];
    let (good, text) = said(&[&template[..], more].concat())?;
    assert!(good, "{more:?}: {text}");
    Ok(text)
}

fn values(combination: &str) -> PathBuf {
    source::root().join(format!("tests/install/values/{combination}.yaml"))
}

/// Read by kubectl, as the API server would read them.
fn objects(lab: &Lab, yaml: &str) -> Result<Objects> {
    let create = [
        "create",
        "--dry-run=client",
        "--validate=false",
        "-o",
        "json",
        "-f",
        "-",
    ];
    let text = lab
        .kubectl_program()
        .run_with_input(&create, yaml, std::time::Duration::from_secs(60))?;
    let read: Vec<Value> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .collect::<std::result::Result<_, _>>()
        .expect("kubectl prints JSON");
    let each = read.into_iter().flat_map(|one| match one["items"].as_array() {
        Some(items) => items.clone(),
        None => vec![one],
    });
    Ok(each
        .map(|object| {
            (
                format!("{} {}", word(&object["kind"]), word(&object["metadata"]["name"])),
                object,
            )
        })
        .collect())
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Every field that differs, one a line. Elements of lists are known by their names, where all have one.
fn differences(before: &Value, after: &Value, path: &str, found: &mut Vec<String>) {
    if let Some((before, after)) = fields(before).zip(fields(after)) {
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let at = |fields: &BTreeMap<String, Value>| fields.get(name).cloned().unwrap_or(Value::Null);
            differences(&at(&before), &at(&after), &format!("{path}/{name}"), found);
        }
        return;
    }
    let same_number = before.as_f64().is_some() && before.as_f64() == after.as_f64();
    if !same_number && before != after {
        found.push(format!("{path}: {before} -> {after}"));
    }
}

fn fields(value: &Value) -> Option<BTreeMap<String, Value>> {
    let named = |element: &Value| {
        let name = ["name", "alert", "record"]
            .iter()
            .find_map(|key| element[key].as_str())?;
        Some((name.to_owned(), element.clone()))
    };
    match value {
        Value::Object(fields) => Some(fields.clone().into_iter().collect()),
        Value::Array(list) if !list.is_empty() => list.iter().map(named).collect(),
        _ => None,
    }
}

fn changes(before: &Objects, after: &Objects) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut found = Vec::new();
    for name in names {
        match (before.get(name), after.get(name)) {
            (Some(before), Some(after)) => differences(before, after, name, &mut found),
            (Some(_), None) => found.push(format!("{name}: gone")),
            (None, after) => found.extend(after.map(|after| format!("{name}: {after}"))),
        }
    }
    found
}

/// Takes away what Helm adds and nothing else.
fn without_helm(mut objects: Objects) -> Objects {
    objects.retain(|_, object| object["metadata"]["annotations"]["helm.sh/hook"].is_null());
    for object in objects.values_mut() {
        without_labels(object);
        let metadata = object["metadata"]
            .as_object_mut()
            .expect("an object has metadata");
        let policy = metadata
            .get("annotations")
            .map(|all| &all["helm.sh/resource-policy"]);
        if policy.is_some_and(|policy| policy == "keep") {
            metadata.remove("annotations");
        }
    }
    objects
}

fn without_labels(object: &mut Value) {
    let labels = object["metadata"]["labels"]
        .as_object_mut()
        .expect("an object has labels");
    for label in LABELS {
        assert!(labels.remove(label).is_some(), "{label}: {labels:?}");
    }
}

fn up_to_date(_: &Lab) -> Outcome {
    for (path, content) in manifests::made()? {
        let there = fs::read_to_string(&path)?;
        assert!(
            there == content,
            "{} is old: run `make manifests`",
            path.display()
        );
    }
    Ok(())
}

fn lint(_: &Lab) -> Outcome {
    let (good, text) = said(&["lint", "--strict", &chart()])?;
    assert!(good && !text.contains("[WARNING]"), "{text}");
    for combination in COMBINATIONS {
        let (good, text) = said(&[
            "lint",
            "--strict",
            &chart(),
            "-f",
            &values(combination).to_string_lossy(),
        ])?;
        assert!(good, "{combination}: {text}");
    }
    Ok(())
}

fn same_objects(lab: &Lab) -> Outcome {
    let mut base = objects(lab, &manifests::kustomized("")?)?;
    // Helm makes it, or whoever installs.
    assert!(base.remove("Namespace metallb-system").is_some());
    let chart = without_helm(objects(lab, &rendered(&chart(), &[])?)?);
    let changes = changes(&base, &chart);
    assert!(changes.is_empty(), "{changes:#?}");
    Ok(())
}

/// The components patch or add to the base, so an overlay of each is compared.
fn same_components(lab: &Lab) -> Outcome {
    let deploy = source::root().join("deploy");
    let folder = tempfile::tempdir_in(source::root().join("target"))?;
    let up = "../".repeat(folder.path().strip_prefix(source::root())?.components().count());
    let overlay = format!(
        "resources: [{up}deploy]\ncomponents: [{up}deploy/status-policy, {up}deploy/udp-flows, {up}deploy/metrics-tls]\n"
    );
    fs::write(folder.path().join("kustomization.yaml"), overlay)?;
    let overlay = lab.kubectl(&["kustomize", &folder.path().to_string_lossy()])?;
    let mut base = objects(lab, &overlay)?;
    base.remove("Namespace metallb-system");
    let options = [
        "--set",
        "statusPolicy.enabled=true,speaker.udpFlows.enabled=true,tls.metrics=true",
    ];
    let mut chart = without_helm(objects(lab, &rendered(&chart(), &options)?)?);
    // Kustomize labels the base and not what a component adds.
    for (name, object) in &mut chart {
        if name.starts_with("ValidatingAdmissionPolicy") || name.contains(":metrics-") {
            let labels = object["metadata"]["labels"].as_object_mut().expect("labels");
            labels.retain(|label, _| label == "app.kubernetes.io/component");
            if labels.is_empty() {
                object["metadata"]
                    .as_object_mut()
                    .expect("metadata")
                    .remove("labels");
            }
        }
    }
    let changes = changes(&base, &chart);
    assert!(changes.is_empty(), "{}: {changes:#?}", deploy.display());
    Ok(())
}

/// Compared with a chart that has the alerts, so that no snapshot repeats those; nor does one name a version.
fn snapshots(lab: &Lab) -> Outcome {
    let rendered = |values: &[&str]| -> Result<Objects> {
        let mut objects = objects(lab, &rendered(&chart(), values)?)?;
        objects.values_mut().for_each(without_labels);
        Ok(objects)
    };
    let own = "crds.enabled=false,prometheus.prometheusRule.enabled=true";
    let own = rendered(&["--set", own])?;
    let pod = &own["Deployment controller"]["spec"]["template"]["spec"];
    let image = word(&pod["containers"][0]["image"]);
    for combination in COMBINATIONS {
        let values = values(combination);
        let other = rendered(&["-f", &values.to_string_lossy()])?;
        let seen = changes(&own, &other).join("\n").replace(image, "IMAGE") + "\n";
        let snapshot = values.with_extension("changes");
        if std::env::var_os(WRITE).is_some() {
            fs::write(&snapshot, &seen)?;
        }
        let expected = fs::read_to_string(&snapshot).unwrap_or_default();
        assert_eq!(seen, expected, "{combination}: {WRITE}=1 writes it anew");
    }
    Ok(())
}

/// Not stored, so that what is installed stays as it is; checked as if, unknown fields included.
fn taken(lab: &Lab) -> Outcome {
    let namespace = source::root().join("deploy/namespace.yaml");
    lab.kubectl(&["apply", "-f", &namespace.to_string_lossy()])?;
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        "-f",
        "-",
    ];
    let mut taken = 0;
    for more in COMBINATIONS
        .map(|combination| Some(values(combination)))
        .into_iter()
        .chain([None])
    {
        let file = more.map(|path| path.to_string_lossy().into_owned());
        let options: Vec<&str> = file.iter().flat_map(|file| ["-f", file]).collect();
        let yaml = rendered(&chart(), &options)?;
        let said = lab
            .kubectl_program()
            .run_with_input(&apply, &yaml, std::time::Duration::from_secs(60))?;
        taken += said
            .lines()
            .filter(|line| line.contains("serverside-applied"))
            .count();
    }
    eprintln!("{taken} objects taken");
    lab.kubectl(&["delete", "-f", &namespace.to_string_lossy()])?;
    Ok(())
}

fn unknown(_: &Lab) -> Outcome {
    for (value, nearest) in [
        ("controller.logLevl=debug", "controller.logLevel"),
        ("replicaCount=3", "controller.replicas"),
        ("crd.enabled=true", "crds"),
        ("networkPolicy.enabled=true", "networkpolicies"),
        ("prometheus.metricPort=1", "prometheus.metricsPort"),
        ("loadbalancerClass=a", "loadBalancerClass"),
        ("speaker.udpflows.enabled=true", "speaker.udpFlows"),
        ("segmentTransport=auto", "speaker.segmentTransport"),
    ] {
        let (good, text) = said(&["template", "ferrolb", &chart(), "--set", value])?;
        let name = value.split('=').next().unwrap_or_default();
        let name = name.strip_suffix(".enabled").unwrap_or(name);
        let expected = format!("{name}: there is no such value; did you mean {nearest}?");
        assert!(!good && text.contains(&expected), "{expected}\n{text}");
    }
    let (good, text) = said(&["template", "ferrolb", &chart(), "--set", "speaker.logLevel=loud"])?;
    assert!(!good && text.contains("/speaker/logLevel"), "{text}");
    Ok(())
}

fn refused(_: &Lab) -> Outcome {
    let reasons = fs::read_to_string(source::root().join("deploy/chart/ferrolb/files/refused.yaml"))?;
    let reasons: Vec<(&str, &str)> = reasons.lines().filter_map(|line| line.split_once(": ")).collect();
    assert!(reasons.len() > 25);
    for (name, reason) in reasons.iter().filter(|(name, _)| !name.starts_with('#')) {
        let (good, text) = said(&["template", "ferrolb", &chart(), "--set", &format!("{name}.a=1")])?;
        assert!(
            !good && text.contains(&format!("{name}: {reason}")),
            "{name}: {text}"
        );
    }
    Ok(())
}

fn packed(_: &Lab) -> Outcome {
    let folder = tempfile::tempdir()?;
    let (good, text) = said(&["package", &chart(), "-d", &folder.path().to_string_lossy()])?;
    assert!(good, "{text}");
    let pack = fs::read_dir(folder.path())?
        .next()
        .expect("a packed chart")?
        .path();
    let pack = pack.to_string_lossy();
    assert_eq!(rendered(&pack, &[])?, rendered(&chart(), &[])?);
    Ok(())
}
