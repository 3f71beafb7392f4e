//! The image that is published, in the hands of real tools: containerd, its client, and a registry.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use ferrolb_image::{Compression, Image, Layout, Platform, USER};
use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Machine, source, wait};
use serde_json::Value;

use crate::workload::SOON;

const NAME: &str = "localhost/published:1";
const PORT: u16 = 5000;
/// A pod of an image that is on its node.
const DONE: Duration = Duration::from_secs(60);

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "the_image_is_imported_on_one_node_pushed_to_a_registry_and_run_on_another_that_pulled_it",
        publish,
    )]
}

fn publish(lab: &Lab) -> Outcome {
    let layout = published()?;
    let tar = lab.state().folder().join("published.tar");
    layout.write_tar(fs::File::create(&tar)?)?;
    let seen = "/run/lab/state/published.tar";
    let ctr = |node: u8, arguments: &[&str]| lab.exec(node, &[&["ctr", "-n", "k8s.io"], arguments].concat());
    ctr(1, &["images", "import", "--all-platforms", seen])?;
    assert_eq!(printed(lab, 1, NAME)?, version());

    let address = format!("{}:{PORT}", Machine::Node(1).ipv4());
    let registry = registry(lab, &address)?;
    let pushed = format!("{address}/ferrolb:1");
    ctr(1, &["images", "push", "--plain-http", &pushed, NAME])?;
    ctr(2, &["images", "pull", "--plain-http", "--all-platforms", &pushed])?;
    assert_eq!(printed(lab, 2, &pushed)?, version());
    let there = ctr(2, &["content", "ls", "--quiet"])?;
    let there: BTreeSet<&str> = there.lines().map(str::trim).collect();
    for (path, _) in layout.files() {
        if let Some(digest) = path.strip_prefix("blobs/sha256/") {
            let digest = format!("sha256:{digest}");
            assert!(there.contains(digest.as_str()), "{digest} in {there:?}");
        }
    }
    push_folder(lab, &layout, &format!("{address}/ferrolb:2"))?;
    for (node, name) in [(1, NAME), (2, &pushed)] {
        ctr(node, &["images", "rm", name])?;
    }
    registry.stop()?;
    Ok(())
}

/// As the page does. What is then in the registry is the image for both platforms, and nothing around it.
fn push_folder(lab: &Lab, layout: &Layout, name: &str) -> Outcome {
    let folder = tempfile::tempdir()?;
    layout.write_folder(folder.path())?;
    let crane = ferrolb_programs::beside("crane")?;
    let crane = |arguments: &[&str]| lab.exec(1, &[&[&*crane.to_string_lossy()], arguments].concat());
    crane(&["push", "--insecure", &folder.path().to_string_lossy(), name])?;
    let index: Value = serde_json::from_slice(&fs::read(folder.path().join("index.json"))?)?;
    let digest = crane(&["digest", "--insecure", name])?;
    assert_eq!(index["manifests"][0]["digest"], digest.trim());
    Ok(())
}

/// As `make dist` writes it, with the program that the lab has for amd64, and something that is no program for arm64.
fn published() -> Result<Layout, Box<dyn std::error::Error>> {
    let program = fs::read(source::static_program("ferrolb")?)?;
    let platform = |architecture, content| Platform {
        architecture,
        content,
        beside: &[],
    };
    let labels = BTreeMap::from([("org.opencontainers.image.title".to_owned(), "FerroLB".to_owned())]);
    let image = Image {
        name: NAME,
        program: "ferrolb",
        arguments: &[],
        user: USER,
        created: "2026-01-01T00:00:00Z",
        labels: &labels,
        platforms: &[platform("amd64", &program), platform("arm64", b"no program")],
        compression: Compression::fast(),
    };
    Ok(image.layout()?)
}

fn version() -> String {
    format!("ferrolb {}\n", env!("CARGO_PKG_VERSION"))
}

/// Starts a registry on a node, and waits until it answers.
fn registry(lab: &Lab, address: &str) -> ferrolb_lab::Result<ferrolb_lab::Process> {
    let config = lab.state().folder().join("registry.yaml");
    let text = format!("version: 0.1\nstorage: {{inmemory: {{}}}}\nhttp: {{addr: '{address}'}}\n");
    fs::write(&config, text).map_err(|failed| ferrolb_lab::Error::Refused(failed.to_string()))?;
    let program = ferrolb_programs::beside("registry")?;
    let command = [
        &program.to_string_lossy(),
        "serve",
        "/run/lab/state/registry.yaml",
    ];
    let process = lab.start_process(Machine::Node(1), "registry", &command, &[])?;
    wait::until("the registry to answer", DONE, || {
        Ok(lab.http_get(&format!("http://{address}/v2/"), SOON).ok())
    })?;
    Ok(process)
}

/// What `--version` prints in a pod of an image that is on the node, as no user with rights.
fn printed(lab: &Lab, node: u8, image: &str) -> ferrolb_lab::Result<String> {
    let name = format!("published-{node}");
    let manifest = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "nodeName": lab.node_name(node),
            "restartPolicy": "Never",
            "containers": [{
                "name": "ferrolb",
                "image": image,
                "imagePullPolicy": "Never",
                "args": ["--version"],
                "securityContext": {
                    "runAsNonRoot": true,
                    "readOnlyRootFilesystem": true,
                    "allowPrivilegeEscalation": false,
                    "capabilities": {"drop": ["ALL"]},
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            }],
        },
    });
    lab.apply(&manifest.to_string())?;
    wait::until_seen("the pod to end well", DONE, || {
        let status = lab.json(&["get", "pod", &name])?["status"].take();
        Ok(if status["phase"] == "Succeeded" {
            Ok(())
        } else {
            Err(status.to_string())
        })
    })?;
    let printed = lab.kubectl(&["logs", &name])?;
    lab.delete(&manifest.to_string())?;
    Ok(printed)
}
