//! `ferrolb support-bundle` holds what it promises, and nothing that it must not hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, Machine, Result};
use serde_json::Value;

use crate::scene::{PODS, SOON, Scene, pool, service};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "a_support_bundle_holds_what_it_promises_no_secret_and_if_anonymized_no_name_or_address",
        bundle,
    )]
}

/// The files of the archive by their paths.
type Files = BTreeMap<String, String>;

fn made(lab: &Lab, more: &[&str]) -> std::result::Result<Files, libtest_mimic::Failed> {
    let folder = tempfile::tempdir()?;
    let archive = folder.path().join("bundle.tar.gz");
    let archive = archive.to_string_lossy();
    lab.ferrolb(&[&["support-bundle", "-o", &archive], more].concat(), PODS)?;
    let unpacked = Command::new("tar")
        .args(["-xzf", &archive, "-C"])
        .arg(folder.path())
        .output()?;
    assert!(unpacked.status.success(), "{unpacked:?}");
    let mut files = Files::new();
    read(&folder.path().join("ferrolb-support-bundle"), "", &mut files)?;
    Ok(files)
}

fn read(folder: &Path, begin: &str, files: &mut Files) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{begin}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name, fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}

/// The names of our pods, each with whether it is a speaker.
fn pods(lab: &Lab) -> Result<Vec<(String, bool)>> {
    let list = lab.json(&["get", "pods", "-n", "metallb-system", "-l", "app=metallb"])?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let pod = |pod: Value| {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        (name, pod["metadata"]["labels"]["component"] == "speaker")
    };
    Ok(items.into_iter().map(pod).collect())
}

/// The key of the speakers, as the Secret has it and as it is.
fn key(lab: &Lab) -> Result<[String; 2]> {
    let get = |template: &str| {
        let template = format!("go-template={template}");
        lab.kubectl(&[
            "get",
            "secret",
            "memberlist",
            "-n",
            "metallb-system",
            "-o",
            &template,
        ])
    };
    Ok([
        get("{{.data.secretkey}}")?,
        get("{{.data.secretkey | base64decode}}")?,
    ])
}

/// Nothing of these stands in a file or is a part of a path.
fn has_none_of(files: &Files, originals: &[String]) {
    for (path, content) in files {
        for original in originals {
            assert!(!original.is_empty());
            assert!(!path.contains(original.as_str()), "{original} in the path {path}");
            let line = content.lines().find(|line| line.contains(original.as_str()));
            assert!(line.is_none(), "{original} in {path}: {line:?}");
        }
    }
}

fn bundle(lab: &Lab) -> Outcome {
    let _scene = Scene::new(
        lab,
        pool("bundled", "192.0.2.234-192.0.2.235")
            + &service("bundled", "bundled", "")
            + &service("forlorn", "bundled", "").replace("app: echo", "app: nobody"),
    )?;
    let address = lab.assigned("bundled", 1, SOON)?[0];
    lab.announced(address, SOON, |_| true)?;
    lab.assigned("forlorn", 1, SOON)?;
    let (pods, key) = (pods(lab)?, key(lab)?);

    let files = made(lab, &[])?;
    promised(&files, &pods);
    has_none_of(&files, &key);
    let text = |path: &str| files.get(path).map(String::as_str).unwrap_or_default();
    assert!(
        text("status.txt").contains(&address.to_string()),
        "{}",
        text("status.txt")
    );
    assert!(
        text("explain.txt").contains("default/forlorn is not announced (NoEndpoints)"),
        "{}",
        text("explain.txt")
    );
    assert!(!text("objects/pods.json").contains("managedFields"));
    assert!(!text("objects/services.json").contains("last-applied-configuration"));

    let mapping = tempfile::NamedTempFile::new()?;
    let path = mapping.path().to_string_lossy().into_owned();
    let files = made(lab, &["--anonymize", "--mapping", &path])?;
    let nodes = lab.plan().nodes().map(|node| lab.node_name(node));
    let machines = lab.plan().nodes().map(Machine::Node);
    let addresses = machines.flat_map(|machine| [machine.ipv4().to_string(), machine.ipv6().to_string()]);
    let networks = ["192.0.2.", "2001:db8:1:", "10.244.", "10.96.", "02:00:c0:"].map(str::to_owned);
    let names = ["bundled", "forlorn"].map(str::to_owned);
    let originals: Vec<String> = (nodes.chain(addresses).chain(networks).chain(names))
        .chain(pods.iter().map(|(name, _)| name.clone()))
        .chain(key)
        .collect();
    has_none_of(&files, &originals);
    let mapping: Value = serde_json::from_str(&fs::read_to_string(mapping.path())?)?;
    let renamed: Vec<(String, bool)> = pods
        .iter()
        .map(|(name, is_speaker)| {
            let other = mapping["names"][name].as_str().unwrap_or_default();
            (other.to_owned(), *is_speaker)
        })
        .collect();
    promised(&files, &renamed);
    let other = mapping["addresses"][address.to_string()]
        .as_str()
        .unwrap_or_default();
    assert!(
        !other.is_empty() && files["status.txt"].contains(other),
        "{other}"
    );
    Ok(())
}

/// Every file that belongs there is there and in the index, and nothing is missing.
fn promised(files: &Files, pods: &[(String, bool)]) {
    let mut expected: Vec<String> = [
        "status.json",
        "status.txt",
        "doctor.json",
        "explain.txt",
        "versions.json",
    ]
    .map(str::to_owned)
    .into();
    let objects = [
        "services",
        "endpointslices",
        "nodes",
        "namespaces",
        "leases",
        "configmaps",
        "events",
        "pods",
        "daemonsets",
        "deployments",
        "ipaddresspools",
        "l2advertisements",
        "servicel2statuses",
        "configurationstates",
    ];
    expected.extend(objects.map(|resource| format!("objects/{resource}.json")));
    for (pod, is_speaker) in pods {
        let component = if *is_speaker { "speaker" } else { "controller" };
        expected.push(format!("metrics/{pod}.txt"));
        expected.push(format!("logs/{pod}.{component}.log"));
        if *is_speaker {
            expected.push(format!("facts/{pod}.json"));
            expected.push(format!("history/{pod}.json"));
        }
    }
    let index: Value = serde_json::from_str(&files["index.json"]).unwrap_or_default();
    let entries = index["files"].as_array().cloned().unwrap_or_default();
    for path in expected {
        let content = files.get(&path).map(String::as_str).unwrap_or_default();
        let is_empty = content.is_empty() || path.starts_with("objects/") && content.trim() == "[]";
        assert!(!is_empty, "{path} of {:?}", files.keys());
        let is_in_it = entries
            .iter()
            .any(|entry| entry["path"] == path && entry["bytes"] == content.len());
        assert!(is_in_it, "{path} in {index}");
    }
    assert_eq!(index["missing"], Value::Array(Vec::new()));
    assert_eq!(entries.len() + 1, files.len(), "{index}");
}
