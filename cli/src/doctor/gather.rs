//! Gathers what the checks look at: objects, then what the speakers say. What may not be read stops nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ferrolb_controller::alloc::{addresses_of_odd, held_by_odd};
use ferrolb_crds::domain::NodeName;
use ferrolb_crds::names::CONTROLLER_LEASE;
use ferrolb_speaker::facts::Facts;
use ferrolb_speaker::may::Options;
use futures::try_join;
use futures::{StreamExt, stream};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::checks::{self, FACTS};
use super::report::Report;
use super::seen::{Beside, Caused, Seen};
use crate::asking::{AskError, ask};
use crate::cluster::{ALL, AccessError, Cluster, raw};
use crate::explain::case::{Cases, Evidence};
use crate::explain::live::Live;
use crate::migrate::beside::text;
use crate::objects::Objects;
use crate::progress::Progress;
use crate::seeing::Seeing;
use crate::speakers::{Pod, SPEAKER_PODS};

/// Speakers that are asked at once.
const AT_ONCE: usize = 16;
/// What may pass by itself is looked at so many times: a speaker that just started, an address that is moving.
const LOOKS: usize = 6;
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// A speaker whose failure to answer takes longer is not asked again: of a dead node nobody hears for ten seconds each time.
const TOO_SLOW: Duration = Duration::from_secs(1);
/// The definition of Cilium's policies for layer 2.
const CILIUM: &str = "ciliuml2announcementpolicies.cilium.io";

/// All that was gathered.
pub(super) struct Gathered {
    pub(super) evidence: Evidence,
    pub(super) beside: Beside,
    pub(super) facts: BTreeMap<NodeName, Facts>,
    /// Nodes whose speaker could not be asked, and why.
    pub(super) unasked: BTreeMap<NodeName, String>,
    /// What speakers that are not ready say of themselves.
    pub(super) waiting: BTreeMap<NodeName, String>,
    /// Resources that could not be read, and why.
    pub(super) unseen: BTreeMap<String, String>,
}

/// What the speakers said.
#[derive(Default)]
struct Asked {
    facts: BTreeMap<NodeName, Facts>,
    unasked: BTreeMap<NodeName, String>,
    /// In the words of `/readyz`; empty if they are ready, and Kubernetes does not know it yet.
    waiting: BTreeMap<NodeName, String>,
}

/// The pods that took too long to fail to answer, and why they failed.
type Slow = BTreeMap<String, Arc<AskError>>;

/// Reads and asks, and does so again while something is wrong that may pass by itself: that is no finding.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn gather(
    cluster: &Cluster,
    options: &Options,
    progress: &mut Progress,
) -> Result<Gathered, AccessError> {
    let mut slow = Slow::new();
    let mut gathered = look(cluster, options, &mut slow, progress).await?;
    for _ in 1..LOOKS {
        let Some(passing) = gathered.passing() else {
            break;
        };
        progress.stage(&format!("looking again, as {passing}"));
        sleep(BETWEEN_LOOKS).await;
        gathered = look(cluster, options, &mut slow, progress).await?;
    }
    progress.stage("looking for other load balancers");
    let seeing = Seeing::of(cluster);
    let (beside, absent) = beside(&seeing).await;
    gathered.beside = beside;
    for (resource, why) in seeing.unseen.into_inner().into_iter().chain(absent) {
        gathered.unseen.entry(resource).or_insert(why);
    }
    Ok(gathered)
}

/// Reads what the daemons decide on and say, but not what else may be there.
async fn look(
    cluster: &Cluster,
    options: &Options,
    slow: &mut Slow,
    progress: &mut Progress,
) -> Result<Gathered, AccessError> {
    progress.stage("reading objects");
    let seeing = Seeing::of(cluster);
    let (objects, pods, lease) = read(&seeing).await?;
    let mut unseen = seeing.unseen.into_inner();
    let problems = seeing.problems.into_inner();
    let live = Live {
        pods,
        lease,
        events: Vec::new(),
        unseen: unseen.clone(),
    };
    let nodes = objects.nodes();
    let is_up = |pod: &&Pod| {
        let node = pod.node().and_then(|node| nodes.get(&node));
        node.is_some_and(|node| node.ready)
    };
    let Asked {
        facts,
        unasked,
        waiting,
    } = match &live.pods {
        Some(pods) => {
            // Of a dead node nobody asks what its speaker waits for.
            let running = pods.iter().filter(|pod| pod.is_ready() || is_up(pod));
            let running: Vec<_> = running.collect();
            progress.stage(&format!("asking {} speakers", running.len()));
            ask_all(cluster, &running, slow).await
        }
        None => Asked::default(),
    };
    if facts.is_empty() {
        let why = unasked.values().next().or(live.unseen.get("pods"));
        let why = why.cloned().unwrap_or_else(|| "no speaker runs".to_owned());
        unseen.insert(FACTS.to_owned(), why);
    }
    Ok(Gathered {
        evidence: Evidence {
            objects,
            problems,
            live: Some(live),
            options: options.clone(),
            now: Timestamp::now(),
        },
        beside: Beside::default(),
        facts,
        unasked,
        waiting,
        unseen,
    })
}

/// All that the daemons decide on, the pods of the speakers, and the Lease of the controllers.
async fn read(seeing: &Seeing<'_>) -> Result<(Objects, Option<Vec<Pod>>, Option<Value>), AccessError> {
    let namespace = &*seeing.cluster.namespace;
    let own = Some(namespace);
    let of_pods = ListParams::default().labels(SPEAKER_PODS);
    let of_lease = ListParams::default().fields(&format!("metadata.name={CONTROLLER_LEASE}"));
    let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}");
    let (services, nodes, pools, adverts, namespaces, states) = try_join!(
        seeing.entries(None, &ALL),
        seeing.entries(None, &ALL),
        seeing.objects(own, &ALL),
        seeing.objects(own, &ALL),
        seeing.objects(None, &ALL),
        seeing.objects(own, &ALL),
    )?;
    let (bgp, sessions, slices, statuses, pods, lease) = try_join!(
        seeing.bgp(),
        seeing.if_known(),
        seeing.objects(None, &ALL),
        seeing.objects(own, &ALL),
        seeing.entries(own, &of_pods),
        seeing.untyped(&leases, "leases", &of_lease),
    )?;
    let (services, nodes) = (services.unwrap_or_default(), nodes.unwrap_or_default());
    let objects = Objects {
        held_by_odd: raw(&services).flat_map(held_by_odd).collect(),
        services: seeing.readable(services),
        addresses_of_odd: raw(&nodes).flat_map(addresses_of_odd).collect(),
        nodes: seeing.readable(nodes),
        pools,
        adverts,
        namespaces,
        states,
        slices,
        statuses,
        bgp,
        sessions,
        ..Objects::default()
    };
    let pods = pods.map(|pods| seeing.readable(pods));
    Ok((objects, pods, lease.and_then(|all| all.into_iter().next())))
}

/// What else may be there; and what could not be read of it, although it may be.
async fn beside(seeing: &Seeing<'_>) -> (Beside, BTreeMap<String, String>) {
    let mut absent = BTreeMap::new();
    let of_map = ListParams::default().fields("metadata.name=kube-proxy");
    let of_definition = ListParams::default().fields(&format!("metadata.name={CILIUM}"));
    let lists = [
        ("/apis/apps/v1", "daemonsets", &*ALL),
        ("/apis/apps/v1", "deployments", &*ALL),
        (
            "/apis/admissionregistration.k8s.io/v1",
            "validatingwebhookconfigurations",
            &*ALL,
        ),
        ("/api/v1/namespaces/kube-system", "configmaps", &of_map),
        ("/apis/networking.k8s.io/v1", "servicecidrs", &*ALL),
        (
            "/apis/apiextensions.k8s.io/v1",
            "customresourcedefinitions",
            &of_definition,
        ),
    ];
    let mut found = Vec::new();
    for (path, resource, which) in lists {
        let list = seeing.untyped(path, resource, which).await;
        let list = list.inspect_err(|error| drop(absent.insert(resource.to_owned(), error.to_string())));
        found.push(list.ok().flatten().unwrap_or_default());
    }
    let mut found = found.into_iter();
    let mut next = || found.next().unwrap_or_default();
    let (daemon_sets, deployments) = (next(), next());
    let mut beside = Beside {
        workloads: daemon_sets.into_iter().chain(deployments).collect(),
        webhooks: next(),
        kube_proxy: next().into_iter().next(),
        service_cidrs: next(),
        cilium_policies: Vec::new(),
    };
    if beside.kube_proxy.is_none() {
        let why = "there is no ConfigMap kube-system/kube-proxy".to_owned();
        absent.entry("configmaps".to_owned()).or_insert(why);
    }
    if let Some(definition) = next().first() {
        beside.cilium_policies = policies(seeing, definition, &mut absent).await;
    }
    (beside, absent)
}

async fn policies(
    seeing: &Seeing<'_>,
    definition: &Value,
    absent: &mut BTreeMap<String, String>,
) -> Vec<Value> {
    let plural = text(definition, "/spec/names/plural");
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let stored = versions.into_iter().flatten().find(|one| one["storage"] == true);
    let version = stored.map_or("v2alpha1", |one| text(one, "/name"));
    let list = seeing
        .untyped(&format!("/apis/cilium.io/{version}"), plural, &ALL)
        .await;
    let list = list.inspect_err(|error| drop(absent.insert(plural.to_owned(), error.to_string())));
    list.ok().flatten().unwrap_or_default()
}

/// What the speakers say of their nodes.
async fn ask_all(cluster: &Cluster, pods: &[&Pod], slow: &mut Slow) -> Asked {
    let answers = stream::iter(pods).map(|pod| {
        let known = slow.get(&pod.name_any()).cloned();
        async move {
            let path = if pod.is_ready() { "/facts" } else { "/readyz" };
            let began = Instant::now();
            let answer = match known {
                Some(error) => Err(error),
                None => ask(cluster, pod, path).await.map_err(Arc::new),
            };
            (*pod, answer, began.elapsed())
        }
    });
    let answers: Vec<_> = answers.buffer_unordered(AT_ONCE).collect().await;
    let mut asked = Asked::default();
    for (pod, answer, took) in answers {
        let Some(node) = pod.node() else { continue };
        match answer.as_ref().map_err(|error| &**error) {
            Ok(_) if !pod.is_ready() => drop(asked.waiting.insert(node, String::new())),
            Err(AskError::Refused { text, .. }) if !pod.is_ready() => {
                drop(asked.waiting.insert(node, text.clone()));
            }
            // What Kubernetes says of it is all there is.
            Err(_) if !pod.is_ready() => {}
            Ok(body) => match serde_json::from_slice(body) {
                Ok(said) => drop(asked.facts.insert(node, said)),
                Err(error) => drop(asked.unasked.insert(node, error.to_string())),
            },
            Err(error) => drop(asked.unasked.insert(node, error.to_string())),
        }
        // A refusal is an answer, however late.
        if let Err(error) = answer
            && took > TOO_SLOW
            && !matches!(*error, AskError::Refused { .. })
        {
            slow.insert(pod.name_any(), error);
        }
    }
    asked
}

impl Gathered {
    /// What is wrong that may pass by itself.
    fn passing(&self) -> Option<&'static str> {
        let contradict = || {
            let cases = Cases::of(&self.evidence);
            let services = Caused::all(&cases);
            services
                .iter()
                .any(|service| service.causes.iter().any(|cause| cause.may_pass))
        };
        if checks::broken_pairs(&self.facts) > 0 {
            Some("some speakers do not hear each other")
        } else if self.waiting.values().any(|text| !text.is_empty()) {
            Some("some speakers are not ready")
        } else if contradict() {
            Some("what is said of some Services does not fit yet")
        } else {
            None
        }
    }

    /// What the checks find.
    pub(super) fn examine(&self, installation: &str) -> Report {
        let unseen: BTreeSet<(&str, &str)> = self
            .unseen
            .iter()
            .map(|(resource, why)| (&**resource, &**why))
            .collect();
        let cases = Cases::of(&self.evidence);
        let seen = Seen {
            evidence: &self.evidence,
            services: &Caused::all(&cases),
            cases: &cases,
            beside: &self.beside,
            facts: &self.facts,
            waiting: &self.waiting,
            installation,
        };
        Report::of(&seen, &unseen, &self.unasked)
    }
}
