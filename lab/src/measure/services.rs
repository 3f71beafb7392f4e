//! A client of the API server that makes many Services at once and watches them.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use http::Request;
use k8s_openapi::api::core::v1::Service;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::netns;
use crate::plan::Machine;

/// Requests under way at once: as many as the controller has.
const AT_ONCE: usize = 16;
const NAMESPACE: &str = "default";
const MANAGER: &str = "ferrolb-lab";

/// A client on the control plane's network.
pub(crate) struct Requests {
    runtime: Runtime,
    client: Client,
}

/// Services that are alike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Set {
    /// A label that they carry, and the beginning of their names.
    pub(crate) name: &'static str,
    /// Their load balancer class; none for those that the program under test is to serve.
    pub(crate) class: Option<&'static str>,
}

/// What a client writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// An address in the status.
    Bare,
    /// The same, the annotation with its pool and the condition that says so: all that our controller writes.
    Whole,
}

fn refused(what: &str, failed: impl std::fmt::Display) -> Error {
    Error::Refused(format!("{what}: {failed}"))
}

impl Requests {
    /// Connects as the administrator.
    pub(crate) fn of(lab: &Lab) -> Result<Self> {
        let network = lab.plan().full_name(Machine::ControlPlane);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            // a thread that cannot enter finds no API server
            .on_thread_start(move || drop(netns::enter(&network)))
            .build()
            .map_err(|failed| refused("cannot start a runtime", failed))?;
        let kubeconfig = Kubeconfig::read_from(lab.kubeconfig_on(Machine::ControlPlane))
            .map_err(|failed| refused("cannot use the kubeconfig", failed))?;
        let connected = runtime.block_on(async {
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
            let config = config.map_err(|failed| failed.to_string())?;
            Client::try_from(config).map_err(|failed| failed.to_string())
        });
        let client = connected.map_err(|failed| refused("cannot connect", failed))?;
        Ok(Self { runtime, client })
    }

    /// Creates Services of a set, those numbers of it; returns their names.
    pub(crate) fn create(&self, set: Set, numbers: std::ops::Range<usize>) -> Result<Vec<String>> {
        let names: Vec<String> = numbers.map(|number| format!("{}-{number}", set.name)).collect();
        let requests = names.iter().map(|name| {
            let uri = format!("/api/v1/namespaces/{NAMESPACE}/services");
            (
                Request::post(uri).header("content-type", "application/json"),
                service(set, name),
            )
        });
        self.send_all(requests.collect())?;
        Ok(names)
    }

    /// Writes an address to each by one server-side apply.
    pub(crate) fn apply_statuses(&self, names: &[String], written: Written) -> Result<()> {
        let requests = names.iter().enumerate().map(|(number, name)| {
            let uri = format!(
                "/api/v1/namespaces/{NAMESPACE}/services/{name}/status?fieldManager={MANAGER}&force=true"
            );
            let request = Request::patch(uri).header("content-type", "application/apply-patch+yaml");
            (request, status(name, number, written))
        });
        self.send_all(requests.collect())
    }

    /// Deletes all Services of a set.
    pub(crate) fn delete_set(&self, set: Set) -> Result<()> {
        let uri = format!(
            "/api/v1/namespaces/{NAMESPACE}/services?labelSelector=set%3D{}",
            set.name
        );
        self.send_all(vec![(Request::delete(uri), Value::Null)])
    }

    /// Deletes one Service.
    pub(crate) fn delete(&self, name: &str) -> Result<()> {
        let uri = format!("/api/v1/namespaces/{NAMESPACE}/services/{name}");
        self.send_all(vec![(Request::delete(uri), Value::Null)])
    }

    /// Sends all of these, some at a time; a body of null is none.
    pub(crate) fn send_all(&self, requests: Vec<(http::request::Builder, Value)>) -> Result<()> {
        let whole = requests.into_iter().map(|(request, body)| {
            let body = if body.is_null() {
                Vec::new()
            } else {
                body.to_string().into_bytes()
            };
            request.body(body).expect("a request made of words")
        });
        let waiting = Arc::new(Mutex::new(whole.collect::<Vec<_>>().into_iter()));
        let mut lanes = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (client, waiting) = (self.client.clone(), Arc::clone(&waiting));
            let next = move || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let lane = async move {
                while let Some(request) = next() {
                    client.request_text(request).await?;
                }
                Ok::<(), kube::Error>(())
            };
            lanes.spawn_on(lane, self.runtime.handle());
        }
        let ended = self.runtime.block_on(lanes.join_all());
        let failed = ended.into_iter().find_map(std::result::Result::err);
        failed.map_or(Ok(()), |failed| Err(refused("the API server", failed)))
    }

    /// Watches the Services of a set from now on; returns once the first list is in.
    pub(crate) fn watch(&self, set: Set, within: Duration) -> Result<Watch> {
        let watch = Watch::default();
        let api: Api<Service> = Api::namespaced(self.client.clone(), NAMESPACE);
        let config = watcher::Config::default().labels(&format!("set={}", set.name));
        let shared = Arc::downgrade(&watch.shared);
        self.runtime.spawn(async move {
            let mut events = watcher(api, config).default_backoff().boxed();
            while let Some(event) = events.next().await {
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                let watch = Watch { shared };
                // one that fails is tried again by the stream, after a pause
                event.into_iter().for_each(|event| watch.take(event));
            }
        });
        watch.until("the first list of Services", within, |seen| {
            seen.listed.then_some(())
        })?;
        Ok(watch)
    }
}

fn service(set: Set, name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": {"set": set.name}},
        "spec": {
            "type": "LoadBalancer",
            "loadBalancerClass": set.class,
            "allocateLoadBalancerNodePorts": false,
            "ports": [{"port": 80}],
        },
    })
}

fn status(name: &str, number: usize, written: Written) -> Value {
    let address = format!("203.0.113.{}", 1 + number % 250);
    let mut object = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "status": {"loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]}},
    });
    if written == Written::Whole {
        object["metadata"]["annotations"] = json!({"metallb.io/ip-allocated-from-pool": "reference"});
        object["status"]["conditions"] = json!([{
            "type": "ferrolb.io/Assigned",
            "status": "True",
            "reason": "Assigned",
            "message": format!("{address} from pool reference"),
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]);
    }
    object
}

/// What a watch has shown of a set of Services.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    listed: bool,
    /// The first address of each, and when it was seen.
    pub(crate) addresses: BTreeMap<String, (String, Instant)>,
}

/// A watch that goes on in the background, until the first event after it is dropped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    shared: Arc<(Mutex<Seen>, Condvar)>,
}

impl Watch {
    fn take(&self, event: Event<Service>) {
        let now = Instant::now();
        let mut seen = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::InitDone => seen.listed = true,
            Event::Apply(service) | Event::InitApply(service) => {
                if let Some(address) = first_address(&service) {
                    seen.addresses.entry(service.name_any()).or_insert((address, now));
                }
            }
            Event::Init | Event::Delete(_) => {}
        }
        self.shared.1.notify_all();
    }

    /// Waits until what was seen answers.
    pub(crate) fn until<T>(
        &self,
        what: &str,
        within: Duration,
        mut ask: impl FnMut(&Seen) -> Option<T>,
    ) -> Result<T> {
        let seen = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answer = None;
        let waited = self.shared.1.wait_timeout_while(seen, within, |seen| {
            answer = ask(seen);
            answer.is_none()
        });
        drop(waited);
        answer.ok_or_else(|| Error::Late {
            what: what.to_owned(),
            waited: within,
            seen: String::new(),
        })
    }
}

fn first_address(service: &Service) -> Option<String> {
    let balancer = service.status.as_ref()?.load_balancer.as_ref()?;
    balancer.ingress.as_ref()?.first()?.ip.clone()
}
