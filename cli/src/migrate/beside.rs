//! What MetalLB has and FerroLB has not, and what MetalLB leaves behind.

use serde_json::Value;

use super::report::{Finding, Verdict};
use crate::cluster::{ALL, AccessError, Cluster};
use crate::plan::{GROUP, group, is_unread, why_unread};
use crate::problem::ObjectId;

/// What Helm never deletes.
const KEEP: &str = "helm.sh/resource-policy";

/// What is to be known of an object that the daemons do not read.
pub(crate) fn about(object: &Value, namespace: &str) -> Option<Finding> {
    let (group, kind) = group_and_kind(object);
    match (group, kind) {
        (group, kind) if is_unread(group, kind) => {
            Some(Finding::new(Verdict::Stops, id(object), why_unread(kind)))
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration") => webhook(object),
        ("", "ConfigMap") => old_configuration(object, namespace),
        _ => None,
    }
}

pub(super) fn group_and_kind(object: &Value) -> (&str, &str) {
    (group(text(object, "/apiVersion")), text(object, "/kind"))
}

pub(crate) fn id(object: &Value) -> ObjectId {
    ObjectId::new(
        text(object, "/kind"),
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
    )
}

pub(crate) fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn definition(object: &Value) -> Option<Finding> {
    if text(object, "/spec/group") != GROUP {
        return None;
    }
    let name = text(object, "/metadata/name");
    let say = |verdict, message: String| Some(Finding::new(verdict, id(object), message));
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return say(
            Verdict::Stops,
            "is being deleted, and all its objects with it".into(),
        );
    }
    let labels = &object["metadata"]["labels"];
    let annotations = &object["metadata"]["annotations"];
    let of_helm = labels["app.kubernetes.io/managed-by"] == "Helm"
        || annotations.get("meta.helm.sh/release-name").is_some();
    if of_helm && annotations[KEEP] != "keep" {
        return say(
            Verdict::Todo,
            format!(
                "`helm uninstall` would delete it and all its objects; first: kubectl annotate crd {name} {KEEP}=keep"
            ),
        );
    }
    if text(object, "/spec/conversion/strategy") == "Webhook" {
        return say(
            Verdict::Todo,
            format!(
                "is converted by MetalLB's webhook, and cannot be read in its older version without it; \
                 if nothing needs its objects: kubectl delete crd {name}"
            ),
        );
    }
    None
}

fn webhook(object: &Value) -> Option<Finding> {
    let webhooks = object["webhooks"].as_array()?;
    let of_group = |webhook: &Value| {
        let rules = webhook["rules"].as_array();
        let groups = rules
            .into_iter()
            .flatten()
            .filter_map(|rule| rule["apiGroups"].as_array());
        groups.flatten().any(|group| group == GROUP)
    };
    webhooks.iter().any(of_group).then(|| {
        let name = text(object, "/metadata/name");
        let message = format!(
            "refuses every change of pools and advertisements when MetalLB is gone; first: \
             kubectl delete validatingwebhookconfiguration {name}"
        );
        Finding::new(Verdict::Todo, id(object), message)
    })
}

/// MetalLB before 0.13 read its pools from a ConfigMap.
fn old_configuration(object: &Value, namespace: &str) -> Option<Finding> {
    let here = text(object, "/metadata/namespace") == namespace;
    let is_old =
        here && object.pointer("/data/config").is_some() && text(object, "/metadata/name") == "config";
    is_old.then(|| {
        let message = "is not read: IPAddressPool and L2Advertisement have taken its place (MetalLB 0.13)";
        Finding::new(Verdict::Stops, id(object), message)
    })
}

/// What of a cluster can matter besides what the daemons read.
pub(super) async fn read(cluster: &Cluster, namespace: &str) -> Result<Vec<Value>, AccessError> {
    let mut all = cluster
        .untyped("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", &ALL)
        .await?;
    all.retain(|definition| text(definition, "/spec/group") == GROUP);
    let mut beside = Vec::new();
    for definition in &all {
        let kind = text(definition, "/spec/names/kind");
        if !is_unread(GROUP, kind) {
            continue;
        }
        let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
        let stored = versions.into_iter().flatten().find(|one| one["storage"] == true);
        let version = stored.map_or("v1beta1", |one| text(one, "/name"));
        let plural = text(definition, "/spec/names/plural");
        beside.extend(
            cluster
                .untyped(&format!("/apis/{GROUP}/{version}"), plural, &ALL)
                .await?,
        );
    }
    all.append(&mut beside);
    for (version, plural) in [
        (
            "/apis/admissionregistration.k8s.io/v1",
            "validatingwebhookconfigurations",
        ),
        ("/apis/apps/v1", "deployments"),
        ("/apis/apps/v1", "daemonsets"),
        (&*format!("/api/v1/namespaces/{namespace}"), "configmaps"),
    ] {
        all.extend(cluster.untyped(version, plural, &ALL).await?);
    }
    Ok(all)
}
