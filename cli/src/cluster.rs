//! A live cluster, for the tools: reading all objects of a kind, and saying what right is missing.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ferrolb_controller::alloc::{addresses_of_odd, held_by_odd};
use ferrolb_crds::domain::Family;
use ferrolb_crds::names::DEFAULT_NAMESPACE;
use ferrolb_runtime::args::ClusterArgs;
use ferrolb_runtime::cause;
use ferrolb_runtime::client::{self, ClientError};
use ferrolb_runtime::reflect::{self, Entry, ObjectKey, Snapshot};
use futures::try_join;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::Request;
use kube::{Api, Client, Resource};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::time::sleep;

use crate::objects::Objects;
use crate::problem::{ObjectId, Problem};

/// Every object of a kind.
pub(crate) static ALL: LazyLock<ListParams> = LazyLock::new(ListParams::default);
/// Where the API server lists ServiceCIDRs.
const SERVICE_CIDRS: &str = "/apis/networking.k8s.io/v1/servicecidrs";

/// How often a list is asked for that the API server would rather give later, and the pause before it: those of kubectl.
const ATTEMPTS: u32 = 10;
const LATER: Duration = Duration::from_secs(1);

/// Which cluster, and where the installation is in it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Access {
    /// Kubeconfig file; without it the pod's service account, or else ~/.kube/config
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The installation's namespace, where pools and advertisements are read
    #[arg(long, env = "METALLB_NAMESPACE", default_value = DEFAULT_NAMESPACE, value_name = "NAME")]
    pub(crate) namespace: String,
}

/// Which cluster, and where the installation is in it, for commands whose `--namespace` is that of Services, as in kubectl.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Place {
    /// Kubeconfig file; without it the pod's service account, or else ~/.kube/config
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The installation's namespace, where pools and advertisements are read
    #[arg(long, env = "METALLB_NAMESPACE", default_value = DEFAULT_NAMESPACE, value_name = "NAME")]
    pub(crate) installation: String,
}

impl Place {
    /// The same, as the other commands have it.
    pub(crate) fn access(&self) -> Access {
        Access {
            kubeconfig: self.kubeconfig.clone(),
            namespace: self.installation.clone(),
        }
    }
}

/// Why the cluster did not do what was asked of it.
#[derive(Debug, Error)]
pub(crate) enum AccessError {
    /// There is no way to it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The right is missing.
    #[error("may not {verb} {resource}: {cause} (RBAC: verb \"{verb}\" on resource \"{resource}\")")]
    Forbidden {
        verb: &'static str,
        resource: String,
        cause: String,
    },
    /// Anything else.
    #[error("cannot {verb} {resource}: {cause}")]
    Failed {
        verb: &'static str,
        resource: String,
        cause: String,
    },
}

impl AccessError {
    /// What became of a request with this RBAC verb on objects of kind `K`.
    pub(crate) fn new<K: Resource<DynamicType = ()>>(verb: &'static str, error: &kube::Error) -> Self {
        let resource = match K::group(&()).as_ref() {
            "" => K::plural(&()).into_owned(),
            group => format!("{}.{group}", K::plural(&())),
        };
        Self::of(verb, resource, error)
    }

    /// The resource, if a right is missing.
    pub(crate) fn forbidden(&self) -> Option<&str> {
        match self {
            Self::Forbidden { resource, .. } => Some(resource),
            Self::Client(_) | Self::Failed { .. } => None,
        }
    }

    /// The same, of a resource that is no kind of object.
    pub(crate) fn of(verb: &'static str, resource: String, error: &kube::Error) -> Self {
        let cause = cause::of_request(error);
        if matches!(error, kube::Error::Api(status) if matches!(status.code, 401 | 403)) {
            return Self::Forbidden {
                verb,
                resource,
                cause,
            };
        }
        Self::Failed {
            verb,
            resource,
            cause,
        }
    }
}

/// Writes annotations of one object by a merge patch: null takes one off.
pub(crate) async fn annotate<K: Clone + Debug + DeserializeOwned>(
    api: &Api<K>,
    name: &str,
    field_manager: &str,
    annotations: Value,
) -> Result<(), kube::Error> {
    let patch = Patch::Merge(json!({ "metadata": { "annotations": annotations } }));
    let params = PatchParams {
        field_manager: Some(field_manager.to_owned()),
        ..PatchParams::default()
    };
    api.patch_metadata(name, &params, &patch).await.map(drop)
}

/// A connection to a cluster.
pub(crate) struct Cluster {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    /// The bearer token that the kubeconfig has, for daemons that ask for one.
    pub(crate) token: Option<String>,
}

/// A list whose items are decoded one by one: one that does not fit its type spoils no other.
#[derive(Deserialize)]
struct Items {
    /// The version of the items, which do not say it.
    #[serde(rename = "apiVersion", default)]
    version: String,
    /// Their kind with `List` at its end.
    #[serde(default)]
    kind: String,
    items: Vec<Value>,
}

impl Cluster {
    /// Connects. Nothing is sent yet.
    pub(crate) async fn connect(access: &Access) -> Result<Self, AccessError> {
        let args = ClusterArgs {
            kubeconfig: access.kubeconfig.clone(),
            namespace: Some(access.namespace.clone()),
        };
        Ok(Self {
            client: client::connect(&args).await?,
            namespace: access.namespace.clone(),
            token: client::token(&args).await?,
        })
    }

    /// All that controller and speakers decide on.
    pub(crate) async fn read(&self, problems: &mut Vec<Problem>) -> Result<Objects, AccessError> {
        let own = Some(&*self.namespace);
        let mut of_addresses = Vec::new();
        let (assigned, adverts, slices, statuses) = try_join!(
            self.read_for_addresses(&mut of_addresses),
            self.entries(own, &ALL),
            self.entries(None, &ALL),
            self.entries(own, &ALL),
        )?;
        problems.extend(of_addresses);
        Ok(Objects {
            adverts: readable(adverts, problems),
            slices: readable(slices, problems),
            statuses: readable(statuses, problems),
            ..assigned
        })
    }

    /// All that the controller decides on.
    pub(crate) async fn read_for_addresses(
        &self,
        problems: &mut Vec<Problem>,
    ) -> Result<Objects, AccessError> {
        let own = Some(&*self.namespace);
        let (services, nodes, pools, namespaces, states, slices) = try_join!(
            self.entries(None, &ALL),
            self.entries(None, &ALL),
            self.entries(own, &ALL),
            self.entries(None, &ALL),
            self.entries(own, &ALL),
            self.entries(Some("default"), &ALL),
        )?;
        Ok(Objects {
            pools: readable(pools, problems),
            held_by_odd: raw(&services).flat_map(held_by_odd).collect(),
            services: readable(services, problems),
            addresses_of_odd: raw(&nodes).flat_map(addresses_of_odd).collect(),
            nodes: readable(nodes, problems),
            namespaces: readable(namespaces, problems),
            states: readable(states, problems),
            slices: readable(slices, problems),
            ..Objects::default()
        })
    }

    /// The families of the cluster's Services, the default one first; none where the API server does not say: before
    /// Kubernetes 1.33, or without the right to list ServiceCIDRs.
    pub(crate) async fn families(&self) -> Vec<Family> {
        let list = self.items(SERVICE_CIDRS.to_owned(), &ALL).await;
        list.map(|list| families(&list.items)).unwrap_or_default()
    }

    /// The objects of a kind, of one namespace or of all, that `which` selects.
    pub(crate) async fn entries<K>(
        &self,
        namespace: Option<&str>,
        which: &ListParams,
    ) -> Result<Snapshot<K>, AccessError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned + Debug + Clone,
    {
        let listed = async {
            let text = self.list(K::url_path(&(), namespace), which).await?;
            reflect::listed(&text).map_err(kube::Error::SerdeError)
        };
        listed
            .await
            .map_err(|error| AccessError::new::<K>("list", &error))
    }

    /// All objects of a kind that has no type here, with their version and kind. `path` is that of `resource`.
    pub(crate) async fn untyped(
        &self,
        path: &str,
        resource: &str,
        which: &ListParams,
    ) -> Result<Vec<Value>, AccessError> {
        let list = self.items(format!("{path}/{resource}"), which).await;
        let list = list.map_err(|error| AccessError::of("list", resource.to_owned(), &error))?;
        let kind = list.kind.trim_end_matches("List");
        let named = |mut item: Value| {
            item["apiVersion"] = json!(list.version);
            item["kind"] = json!(kind);
            item
        };
        Ok(list.items.into_iter().map(named).collect())
    }

    async fn items(&self, path: String, which: &ListParams) -> Result<Items, kube::Error> {
        let text = self.list(path, which).await?;
        serde_json::from_str(&text).map_err(kube::Error::SerdeError)
    }

    /// What the API server answers. Where it says 429, it is asked again, as kubectl does: for a second or so after a
    /// definition is new, "storage is (re)initializing".
    async fn list(&self, path: String, which: &ListParams) -> Result<String, kube::Error> {
        let mut attempts = 0;
        loop {
            let request = Request::new(path.clone()).list(which);
            let answer = self
                .client
                .request_text(request.map_err(kube::Error::BuildRequest)?)
                .await;
            attempts += 1;
            match answer {
                Err(kube::Error::Api(status)) if status.code == 429 && attempts < ATTEMPTS => {
                    sleep(LATER).await;
                }
                answer => return answer,
            }
        }
    }
}

/// The families of the ServiceCIDR that the API server makes from its own flags.
fn families(cidrs: &[Value]) -> Vec<Family> {
    let default = cidrs.iter().find(|one| one["metadata"]["name"] == "kubernetes");
    let ranges = default.and_then(|one| one["spec"]["cidrs"].as_array());
    let ranges = ranges.into_iter().flatten().filter_map(Value::as_str);
    ranges
        .filter_map(|range| family_of(range.split('/').next()?))
        .collect()
}

/// The family of an address.
pub(crate) fn family_of(address: &str) -> Option<Family> {
    address.parse().ok().map(Family::of)
}

/// The objects that can be read; the others become problems.
pub(crate) fn readable<K>(entries: Snapshot<K>, problems: &mut Vec<Problem>) -> Vec<K>
where
    K: Resource<DynamicType = ()> + Clone,
{
    let mut objects = Vec::new();
    for (key, entry) in Arc::unwrap_or_clone(entries) {
        match entry {
            Entry::Object(object) => objects.push(Arc::unwrap_or_clone(object)),
            Entry::Undecodable(odd) => {
                let id = ObjectId::new(&K::kind(&()), &*key.namespace, &*key.name);
                problems.push(Problem::new(id, &odd.problem.message));
            }
        }
    }
    objects
}

/// The others as they came.
pub(crate) fn raw<K>(entries: &Snapshot<K>) -> impl Iterator<Item = (&ObjectKey, &Value)> {
    entries
        .iter()
        .filter_map(|(key, entry)| Some((key, &entry.undecodable()?.raw)))
}

/// Runs a tool that talks to a cluster.
pub(crate) fn block_on<T>(tool: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(tool)
}

#[cfg(test)]
mod tests {
    use ferrolb_controller::alloc::{Outcome, decide};
    use ferrolb_crds::api::IPAddressPool;
    use ferrolb_crds::api::core::{Node, Service};
    use ferrolb_crds::domain::ServiceKey;
    use ferrolb_runtime::reflect::Reflection;
    use kube::core::Status;

    use super::*;

    #[test]
    fn a_missing_right_is_named() {
        let forbidden = Status::failure("services is forbidden", "Forbidden").with_code(403);
        let error = AccessError::new::<Service>("list", &kube::Error::Api(forbidden.boxed()));
        assert_eq!(
            error.to_string(),
            "may not list services: services is forbidden (RBAC: verb \"list\" on resource \"services\")"
        );
    }

    #[test]
    fn a_resource_that_is_not_installed_is_named_with_its_group() {
        let missing = Status::failure("not found", "NotFound").with_code(404);
        let error = AccessError::new::<IPAddressPool>("list", &kube::Error::Api(missing.boxed()));
        assert_eq!(
            error.to_string(),
            "cannot list ipaddresspools.metallb.io: not found"
        );
    }

    /// Lists pools of an API server that answers so many times that it would rather do so later.
    async fn listed_after(refusals: u32) -> Result<Snapshot<IPAddressPool>, AccessError> {
        let mut left = refusals;
        let server = tower::service_fn(move |_: http::Request<kube::client::Body>| {
            let later = left > 0;
            left = left.saturating_sub(1);
            let (code, body) = match later {
                true => (
                    429,
                    json!({"kind": "Status", "status": "Failure", "code": 429, "message": "later"}),
                ),
                false => (
                    200,
                    json!({"kind": "IPAddressPoolList", "items": [], "metadata": {}}),
                ),
            };
            let answer = http::Response::builder().status(code);
            let answer = answer
                .body(kube::client::Body::from(body.to_string().into_bytes()))
                .unwrap();
            async move { Ok::<_, std::convert::Infallible>(answer) }
        });
        let cluster = Cluster {
            client: Client::new(server, "default"),
            namespace: "metallb-system".to_owned(),
            token: None,
        };
        cluster.entries(None, &ALL).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_the_api_server_would_rather_give_later_is_asked_for_again() {
        assert!(listed_after(ATTEMPTS - 1).await.unwrap().is_empty());
        let refused = listed_after(ATTEMPTS).await.unwrap_err();
        assert!(refused.to_string().ends_with("later"), "{refused}");
    }

    #[test]
    fn the_address_of_a_service_that_cannot_be_read_goes_to_nobody_else() {
        let service = |name, ports| {
            json!({"metadata": {"name": name, "namespace": "shop"},
                "spec": {"type": "LoadBalancer", "clusterIPs": ["10.96.0.7"], "ports": ports}})
        };
        let mut odd = service("odd", json!([{"port": "x"}]));
        odd["status"] = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.0"}]}});
        let node = json!({"metadata": {"name": "n1", "labels": 7},
            "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}});
        let pool = json!({"metadata": {"name": "p"}, "spec": {"addresses": ["192.0.2.0/29"]}});
        let services: Snapshot<Service> = Reflection::of([odd, service("new", json!([]))]).snapshot();
        let nodes: Snapshot<Node> = Reflection::of([node]).snapshot();
        let mut problems = Vec::new();
        let objects = Objects {
            pools: vec![serde_json::from_value(pool).unwrap()],
            held_by_odd: raw(&services).flat_map(held_by_odd).collect(),
            services: readable(services, &mut problems),
            addresses_of_odd: raw(&nodes).flat_map(addresses_of_odd).collect(),
            ..Objects::default()
        };
        let outcomes = decide(&objects.world(None, &mut Vec::new())).outcomes;
        let Outcome::Assigned(new) = &outcomes[&ServiceKey::new("shop", "new")] else {
            panic!("it gets an address")
        };
        assert_eq!(new.addresses.to_string(), "192.0.2.2");
        let said: Vec<String> = problems.iter().map(|one| one.object.to_string()).collect();
        assert_eq!(said, ["Service/shop/odd"]);
    }

    #[test]
    fn the_families_are_those_of_the_first_service_network() {
        let range = |name, cidrs| json!({"metadata": {"name": name}, "spec": {"cidrs": cidrs}});
        let cidrs = [
            range("added", json!(["10.97.0.0/16"])),
            range("kubernetes", json!(["2001:db8:9::/112", "10.96.0.0/16"])),
        ];
        assert_eq!(families(&cidrs), [Family::V6, Family::V4]);
        assert_eq!(families(&[]), []);
    }

    #[test]
    fn an_object_that_does_not_fit_its_type_is_a_problem_and_the_others_are_read() {
        let pool = |name, addresses| json!({"metadata": {"name": name, "namespace": "metallb-system"}, "spec": {"addresses": addresses}});
        let mut problems = Vec::new();
        let items = vec![pool("good", json!(["192.0.2.0/28"])), pool("bad", json!(7))];
        let pools: Vec<IPAddressPool> = readable(Reflection::of(items).snapshot(), &mut problems);
        assert_eq!(pools.len(), 1);
        let texts: Vec<String> = problems
            .iter()
            .map(|one| format!("{}: {}", one.object, one.message))
            .collect();
        assert_eq!(
            texts,
            [
                "IPAddressPool/metallb-system/bad: spec.addresses: invalid type: integer `7`, expected a sequence"
            ]
        );
    }
}
