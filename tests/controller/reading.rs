//! `ferrolb plan` reads manifests as kubectl does, and fills in what the API server fills in: both get the same files, and
//! what the API server answers is planned too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use ferrolb_lab::suite::{Outcome, Trial, trial};
use ferrolb_lab::{Lab, source};
use serde_json::{Value, json};

use crate::pair::program;
use crate::scene::Scene;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "plan_reads_what_kubectl_reads_and_fills_in_what_the_api_server_fills_in",
        same_meaning,
    )]
}

type Tried<T> = Result<T, Box<dyn std::error::Error>>;

/// Where plan differs on purpose; docs/plan.md says why.
const DIFFERENT: [&str; 5] = [
    "quote-escapes.yaml",
    "service-dumped.yaml",
    "service-generate-name.yaml",
    "service-status-unknown-field.yaml",
    "tab-at-the-end.yaml",
];

/// The namespace that the manifests are in.
const SCENE: &str = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}";

/// Where the manifests have their cluster addresses, and where the lab has its own.
const CLUSTER_ADDRESSES: (&str, &str) = ("203.0.113.", "10.96.0.");

fn same_meaning(lab: &Lab) -> Outcome {
    let _scene = Scene::new(lab, SCENE)?;
    let copies = tempfile::tempdir()?;
    let planner = Planner::new()?;
    let files = manifests()?;
    assert!(files.len() >= 60, "{} files", files.len());
    let mut odd = BTreeMap::new();
    for file in files {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let copy = copies.path().join(&name);
        std::fs::write(&copy, of_the_lab(&std::fs::read(&file)?))?;
        if let Err(difference) = planner.compare(lab, &copy)? {
            odd.insert(name, difference);
        }
    }
    let expected = odd.keys().map(String::as_str).eq(DIFFERENT);
    assert!(expected, "{odd:#?}");
    Ok(())
}

/// The file with cluster addresses that the lab's API server has to give.
fn of_the_lab(bytes: &[u8]) -> Vec<u8> {
    let (documented, real) = CLUSTER_ADDRESSES;
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains("clusterIP") => text.replace(documented, real).into_bytes(),
        _ => bytes.to_owned(),
    }
}

fn folder() -> PathBuf {
    source::root().join("tests/controller")
}

fn manifests() -> Tried<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder().join("manifests"))?;
    let mut files = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Tried<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

struct Planner {
    program: String,
    /// Problems of the backdrop alone.
    problems: Vec<Value>,
}

/// What `ferrolb plan` says.
struct Planned {
    readable: bool,
    services: Value,
    problems: Vec<Value>,
    said: String,
}

impl Planned {
    /// Whether a Service has addresses already: the API server drops the status of a new one.
    fn has_status(&self) -> bool {
        let some = |field: &Value| field.as_array().is_some_and(|list| !list.is_empty());
        let services = self.services.as_array().into_iter().flatten();
        services
            .into_iter()
            .any(|one| some(&one["keeps"]) || some(&one["loses"]))
    }
}

impl Planner {
    fn new() -> Tried<Self> {
        let mut planner = Self {
            program: program()?,
            problems: Vec::new(),
        };
        planner.problems = planner.plan(&folder().join("backdrop.yaml"))?.problems;
        Ok(planner)
    }

    /// Plans the file with the backdrop.
    fn plan(&self, file: &Path) -> Tried<Planned> {
        let output = Command::new(&self.program)
            .args(["plan", "-o", "json", "--cluster-families", "IPv4,IPv6", "-f"])
            .arg(folder().join("backdrop.yaml"))
            .arg(file)
            .output()?;
        let report: Value = serde_json::from_slice(&output.stdout)?;
        let problems = report["problems"].as_array().cloned().unwrap_or_default();
        Ok(Planned {
            readable: output.status.success(),
            services: report["services"].clone(),
            problems: problems
                .into_iter()
                .filter(|one| !self.problems.contains(one))
                .collect(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// What the API server refuses is unreadable or has a problem; what it takes means the same.
    fn compare(&self, lab: &Lab, file: &Path) -> Tried<Result<(), String>> {
        let path = file.display().to_string();
        let ours = self.plan(file)?;
        let theirs = match lab.kubectl(&["create", "--dry-run=server", "-o", "json", "-f", &path]) {
            Ok(objects) => self.plan_answer(&objects)?,
            Err(_) if !ours.readable || !ours.problems.is_empty() => return Ok(Ok(())),
            Err(refused) => return Ok(Err(format!("only the API server refuses it: {refused}"))),
        };
        assert!(theirs.readable, "{path}: {}", theirs.said);
        Ok(if !ours.readable {
            Err(format!("only plan refuses it: {}", ours.said))
        } else if ours.services == theirs.services || ours.has_status() {
            Ok(())
        } else {
            Err(format!(
                "plan: {}\nof the API server's answer: {}",
                ours.services, theirs.services
            ))
        })
    }

    /// Plans the objects that the API server would have created.
    fn plan_answer(&self, objects: &str) -> Tried<Planned> {
        let mut items = Vec::new();
        for answer in serde_json::Deserializer::from_str(objects).into_iter::<Value>() {
            let mut answer = answer?;
            match answer.get_mut("items").map(Value::take) {
                Some(Value::Array(of_list)) => items.extend(of_list),
                _ => items.push(answer),
            }
        }
        for item in &mut items {
            let metadata = item["metadata"].as_object_mut().into_iter();
            metadata.for_each(|fields| {
                fields.remove("creationTimestamp");
            });
        }
        let file = tempfile::NamedTempFile::new()?;
        serde_json::to_writer(
            &file,
            &json!({"apiVersion": "v1", "kind": "List", "items": items}),
        )?;
        self.plan(file.path())
    }
}
