//! Gathers what goes into a bundle. What cannot be fetched stops nothing; it is named.

use std::collections::BTreeSet;

use ferrolb_speaker::history;
use futures::{StreamExt, stream};
use k8s_openapi::jiff::SignedDuration;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::{Value, json};

use super::bundle::Bundle;
use super::clean::{cleaned, name_only};
use super::logs;
use crate::anonymize::Originals;
use crate::asking::{AskError, ask};
use crate::cluster::{ALL, AccessError, Cluster};
use crate::doctor::{Evidenced, examined};
use crate::explain;
use crate::progress::Progress;
use crate::speakers::Pod;
use crate::status;

/// Our pods.
const PODS: &str = "component in (controller,speaker)";
/// The group of our resources.
const GROUP: &str = "metallb.io";
/// That of `BGPSessionState`.
const OF_SESSIONS: &str = "frrk8s.metallb.io";
/// Pods that are asked at once.
const AT_ONCE: usize = 16;
/// So many Services with a problem are explained.
const EXPLAINED: usize = 100;
const OF_SERVICE: &str = "kubernetes.io/service-name";

/// How it is gathered.
pub(super) struct Wanted {
    pub(super) options: ferrolb_speaker::may::Options,
    pub(super) since: Option<SignedDuration>,
}

/// All that goes in, and the names in it.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn gather(
    cluster: &Cluster,
    wanted: &Wanted,
    progress: &mut Progress,
) -> Result<(Bundle, Originals), AccessError> {
    let version = cluster.client.apiserver_version().await;
    let version = version.map_err(|error| AccessError::of("get", "/version".to_owned(), &error))?;
    let mut gathering = Gathering {
        cluster,
        bundle: Bundle::default(),
        originals: Originals::default(),
    };
    match examined(cluster, wanted.options.clone(), progress).await {
        Ok(examined) => gathering.judged(&examined, wanted),
        Err(error) => gathering
            .bundle
            .lacks("ferrolb doctor, status and explain", error.to_string()),
    }
    progress.stage("reading objects as they are");
    gathering.objects().await;
    let pods = gathering.pods().await;
    gathering.versions(&pods, json!(version));
    progress.stage(&format!("asking {} pods", pods.len()));
    gathering.answers(&pods).await;
    progress.stage("reading logs");
    logs::add(cluster, &pods, wanted.since, &mut gathering.bundle).await;
    Ok((gathering.bundle, gathering.originals))
}

struct Gathering<'a> {
    cluster: &'a Cluster,
    bundle: Bundle,
    originals: Originals,
}

impl Gathering<'_> {
    /// What the other commands say.
    fn judged(&mut self, examined: &Evidenced, wanted: &Wanted) {
        let class = wanted.options.class.as_deref();
        let shown = status::of_evidence(&examined.evidence, class);
        self.bundle
            .add_json("status.json", "ferrolb status -A -o json", shown.json);
        self.bundle
            .add_text("status.txt", "ferrolb status -A -o wide", shown.table);
        self.bundle
            .add_json("doctor.json", "ferrolb doctor -o json", json!(examined.report));
        self.bundle.add_text(
            "doctor.txt",
            "ferrolb doctor -o wide",
            examined.report.table(true),
        );
        let (explained, left) = explain::of_trouble(&examined.evidence, EXPLAINED);
        self.bundle.add_text(
            "explain.txt",
            "ferrolb explain of each Service with a problem",
            explained,
        );
        if left > 0 {
            self.bundle.lacks(
                "ferrolb explain",
                format!("of {left} further Services with a problem"),
            );
        }
    }

    async fn objects(&mut self) {
        let own = format!("namespaces/{}", self.cluster.namespace);
        let services = self.list("/api/v1", "services", &ALL).await;
        let services: Vec<Value> = services.into_iter().filter(is_load_balancer).collect();
        let keys: BTreeSet<(String, String)> = services
            .iter()
            .map(|one| key(one, one["metadata"]["name"].as_str()))
            .collect();
        self.add("services", services);
        let slices = self
            .list("/apis/discovery.k8s.io/v1", "endpointslices", &ALL)
            .await;
        let is_of_one =
            |slice: &Value| keys.contains(&key(slice, slice["metadata"]["labels"][OF_SERVICE].as_str()));
        self.add("endpointslices", slices.into_iter().filter(is_of_one).collect());
        for (path, resource) in [
            ("/api/v1".to_owned(), "nodes"),
            ("/api/v1".to_owned(), "namespaces"),
            (format!("/apis/coordination.k8s.io/v1/{own}"), "leases"),
            (format!("/apis/apps/v1/{own}"), "daemonsets"),
            (format!("/apis/apps/v1/{own}"), "deployments"),
        ] {
            let objects = self.list(&path, resource, &ALL).await;
            self.add(resource, objects);
        }
        let maps = self.list(&format!("/api/v1/{own}"), "configmaps", &ALL).await;
        self.add("configmaps", maps.iter().map(name_only).collect());
        let of_services = ListParams::default().fields("involvedObject.kind=Service");
        let mut events = self.list(&format!("/api/v1/{own}"), "events", &ALL).await;
        let elsewhere = self.list("/api/v1", "events", &of_services).await;
        let is_elsewhere = |event: &Value| event["metadata"]["namespace"] != self.cluster.namespace.as_str();
        let is_about_one = |event: &Value| {
            let object = &event["involvedObject"];
            let name = object["name"].as_str().unwrap_or_default();
            keys.contains(&(
                object["namespace"].as_str().unwrap_or_default().to_owned(),
                name.to_owned(),
            ))
        };
        events.extend(
            elsewhere
                .into_iter()
                .filter(|event| is_elsewhere(event) && is_about_one(event)),
        );
        self.add("events", events);
        for (version, resource) in self.own_resources().await {
            let objects = self
                .list(&format!("/apis/{version}/{own}"), &resource, &ALL)
                .await;
            self.add(&resource, objects);
        }
    }

    /// The kinds of our groups that are installed, each in its newest version.
    async fn own_resources(&mut self) -> Vec<(String, String)> {
        let failed =
            |error: kube::Error| AccessError::of("get", format!("/apis/{GROUP}"), &error).to_string();
        let groups = match self.cluster.client.list_api_groups().await {
            Ok(groups) => groups.groups,
            Err(error) => {
                self.bundle.lacks(format!("objects of {GROUP}"), failed(error));
                return Vec::new();
            }
        };
        let versions = groups
            .into_iter()
            .filter(|group| [GROUP, OF_SESSIONS].contains(&&*group.name))
            .flat_map(|group| group.versions);
        let mut found: Vec<(String, String)> = Vec::new();
        for version in versions.map(|version| version.group_version) {
            match self.cluster.client.list_api_group_resources(&version).await {
                Ok(list) => {
                    let names = list.resources.into_iter().map(|resource| resource.name);
                    for name in names.filter(|name| !name.contains('/')) {
                        if found.iter().all(|(_, other)| *other != name) {
                            found.push((version.clone(), name));
                        }
                    }
                }
                Err(error) => self.bundle.lacks(format!("objects of {version}"), failed(error)),
            }
        }
        found
    }

    async fn pods(&mut self) -> Vec<Value> {
        let path = format!("/api/v1/namespaces/{}", self.cluster.namespace);
        let of_pods = ListParams::default().labels(PODS);
        let pods = self.list(&path, "pods", &of_pods).await;
        self.add("pods", pods.clone());
        pods
    }

    fn versions(&mut self, pods: &[Value], kubernetes: Value) {
        let image = |status: &Value| json!({"image": status["image"], "imageID": status["imageID"]});
        let of_pod = |pod: &Value| {
            let statuses = pod["status"]["containerStatuses"].as_array();
            let images: Vec<Value> = statuses.into_iter().flatten().map(image).collect();
            json!({"pod": pod["metadata"]["name"], "images": images})
        };
        let versions = json!({
            "program": env!("CARGO_PKG_VERSION"),
            "kubernetes": kubernetes,
            "pods": pods.iter().map(of_pod).collect::<Vec<_>>(),
        });
        self.bundle.add_json(
            "versions.json",
            "versions of this program, of Kubernetes, and images",
            versions,
        );
    }

    /// Metrics of all pods, facts and history of speakers.
    async fn answers(&mut self, pods: &[Value]) {
        let questions = pods.iter().flat_map(|pod| {
            let asked: &[(&str, &str, &'static str)] =
                match pod["metadata"]["labels"]["component"] == "speaker" {
                    true => &[
                        ("/metrics", "txt", "metrics"),
                        ("/facts", "json", "what a speaker says of its node"),
                        (history::PATH, "json", "what a speaker remembers"),
                    ],
                    false => &[("/metrics", "txt", "metrics")],
                };
            asked.iter().map(move |question| (pod, *question))
        });
        let cluster = self.cluster;
        let answers = stream::iter(questions).map(|(pod, (path, form, what))| async move {
            let pod: Result<Pod, _> = serde_json::from_value(pod.clone());
            let (name, answer) = match pod {
                Ok(pod) => (pod.name_any(), ask(cluster, &pod, path).await),
                Err(_) => (String::new(), Err(AskError::NoDoor)),
            };
            (name, path, form, what, answer)
        });
        let answers: Vec<_> = answers.buffer_unordered(AT_ONCE).collect().await;
        for (pod, path, form, what, answer) in answers {
            let file = format!("{}/{pod}.{form}", path.trim_start_matches('/'));
            match answer {
                Err(error) => self.bundle.lacks(format!("{path} of {pod}"), error.to_string()),
                Ok(body) => match serde_json::from_slice(&body) {
                    Ok(value) if form == "json" => self.bundle.add_json(&file, what, value),
                    _ => self
                        .bundle
                        .add_text(&file, what, String::from_utf8_lossy(&body).into_owned()),
                },
            }
        }
    }

    /// The objects; none, and a word about it, if they cannot be read.
    async fn list(&mut self, path: &str, resource: &str, which: &ListParams) -> Vec<Value> {
        match self.cluster.untyped(path, resource, which).await {
            Ok(objects) => objects.into_iter().map(cleaned).collect(),
            Err(error) => {
                self.bundle.lacks(resource, error.to_string());
                Vec::new()
            }
        }
    }

    fn add(&mut self, resource: &str, objects: Vec<Value>) {
        objects
            .iter()
            .for_each(|object| self.originals.add_object(object));
        self.bundle.add_json(
            &format!("objects/{resource}.json"),
            "objects",
            Value::Array(objects),
        );
    }
}

fn is_load_balancer(service: &Value) -> bool {
    service["spec"]["type"] == "LoadBalancer"
}

/// Namespace and name.
fn key(object: &Value, name: Option<&str>) -> (String, String) {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    (namespace.to_owned(), name.unwrap_or_default().to_owned())
}
