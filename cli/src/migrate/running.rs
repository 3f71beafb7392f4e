//! MetalLB's own program: where it runs, and how it is set.

use serde_json::Value;

use super::beside::{group_and_kind, id, text};
use super::report::{Finding, Verdict};

/// Flags of MetalLB that change what it does, and what to do for the same.
const FLAGS: [(&str, &str); 3] = [
    ("--lb-class", "give controller and speakers the same flag"),
    ("--ignore-exclude-lb", "give the speakers the same flag"),
    (
        "--gratuitous-arp-interval",
        "not needed: gratuitous frames are sent once a minute",
    ),
];

/// What is to be known of a workload, if it is MetalLB's.
pub(crate) fn about(object: &Value, namespace: &str) -> Vec<Finding> {
    let ("apps", kind @ ("Deployment" | "DaemonSet")) = group_and_kind(object) else {
        return Vec::new();
    };
    let containers = object
        .pointer("/spec/template/spec/containers")
        .and_then(Value::as_array);
    let containers: Vec<&Value> = containers.into_iter().flatten().collect();
    if !containers.iter().any(|one| is_of_metallb(text(one, "/image"))) {
        return Vec::new();
    }
    let (at, name) = (
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
    );
    let say = |verdict, message: String| Finding::new(verdict, id(object), message);
    let remove = format!("kubectl delete -n {at} {} {name}", kind.to_lowercase());
    let mut findings = vec![say(
        Verdict::Todo,
        format!("MetalLB runs here; when the webhook is gone: {remove}"),
    )];
    if at != namespace {
        findings.push(say(
            Verdict::Todo,
            format!("is in another namespace than {namespace}: install FerroLB in {at}, where the pools are"),
        ));
    }
    let arguments = containers
        .iter()
        .filter_map(|one| one["args"].as_array())
        .flatten()
        .filter_map(Value::as_str);
    for argument in arguments {
        let flag = argument.split_once('=').map_or(argument, |(flag, _)| flag);
        if let Some((_, remedy)) = FLAGS.iter().find(|(name, _)| *name == flag) {
            findings.push(say(Verdict::Todo, format!("runs with {argument}: {remedy}")));
        }
    }
    findings
}

/// By the last elements of its name, whatever the registry: `metallb/speaker`, and `frr-k8s` beside it.
fn is_of_metallb(image: &str) -> bool {
    let tagged = image.split('@').next().unwrap_or_default();
    // a colon before the last slash is that of a registry's port
    let name = match tagged.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => tagged,
    };
    [
        "metallb/controller",
        "metallb/speaker",
        "metallb/frr-k8s",
        "metallb-controller",
        "metallb-speaker",
    ]
    .iter()
    .any(|one| name.ends_with(one))
}
