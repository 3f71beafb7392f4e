//! Loading images and installing what uses them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Error, Installation, Lab, Result, images, source};

const NAMESPACE: &str = "metallb-system";
const KUSTOMIZATION: &str = "resources: [all.yaml]\n";
const MANIFESTS: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: metallb-system, labels: {pod-security.kubernetes.io/enforce: privileged}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: speaker, namespace: metallb-system}
spec:
  selector: {matchLabels: {app: speaker}}
  template:
    metadata: {labels: {app: speaker}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: speaker, image: "localhost/installed:dev"}
"#;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "what_is_installed_runs_on_every_node_and_is_replaced_by_a_new_image_of_the_same_name",
        install,
    )]
}

fn install(lab: &Lab) -> Outcome {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("kustomization.yaml"), KUSTOMIZATION)?;
    fs::write(folder.path().join("all.yaml"), MANIFESTS)?;
    let first = with_image(lab, folder.path(), "8080")?;
    assert_eq!(first.len(), 3, "{first:?}");
    assert_eq!(
        with_image(lab, folder.path(), "8080")?,
        first,
        "the same again changes nothing"
    );
    let second = with_image(lab, folder.path(), "8081")?;
    assert!(
        second.len() == 3 && second.is_disjoint(&first),
        "{first:?} {second:?}"
    );
    lab.kubectl(&["delete", "namespace", NAMESPACE])?;
    Ok(())
}

/// Installs with an image that differs by its port, and names the pods that run then.
fn with_image(lab: &Lab, folder: &Path, port: &str) -> Result<BTreeSet<String>> {
    let echo = source::static_program("ferrolb-echo")?;
    let image = folder.join("image.tar");
    images::write(&echo, "localhost/installed:dev", &["serve", port], "", &image)?;
    lab.install_this(&Installation {
        manifests: folder.to_owned(),
        images: vec![image],
    })?;
    let pods = lab.json(&[
        "get",
        "pods",
        "-n",
        NAMESPACE,
        "--field-selector=status.phase=Running",
    ])?;
    let pods = pods["items"]
        .as_array()
        .ok_or_else(|| Error::Refused("no list".into()))?;
    let staying = pods
        .iter()
        .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    Ok(staying
        .filter_map(|pod| Some(pod["metadata"]["name"].as_str()?.to_owned()))
        .collect())
}
