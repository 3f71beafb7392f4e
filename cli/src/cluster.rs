//! A live cluster, for the tools: reading all objects of a kind, and saying what right is missing.

use std::fmt::Debug;
use std::path::PathBuf;

use ferrolb_crds::domain::{Family, ObjectId, Problem};
use ferrolb_crds::names::DEFAULT_NAMESPACE;
use ferrolb_runtime::args::ClusterArgs;
use ferrolb_runtime::cause;
use ferrolb_runtime::client::{self, ClientError};
use kube::api::ListParams;
use kube::core::Request;
use kube::{Client, Resource};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::objects::Objects;

/// Where the API server lists ServiceCIDRs.
const SERVICE_CIDRS: &str = "/apis/networking.k8s.io/v1/servicecidrs";

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
        let refused = |cause| Self::Forbidden {
            verb,
            resource: resource.clone(),
            cause,
        };
        match error {
            kube::Error::Api(status) if status.code == 401 || status.code == 403 => {
                refused(status.message.clone())
            }
            kube::Error::Api(status) => Self::Failed {
                verb,
                cause: status.message.clone(),
                resource,
            },
            other => Self::Failed {
                verb,
                cause: cause::chain(other),
                resource,
            },
        }
    }
}

/// A connection to a cluster.
pub(crate) struct Cluster {
    pub(crate) client: Client,
    namespace: String,
}

/// A list whose items are decoded one by one: one that does not fit its type spoils no other.
#[derive(Deserialize)]
struct Items {
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
        })
    }

    /// All that controller and speakers decide on.
    pub(crate) async fn read(&self, problems: &mut Vec<Problem>) -> Result<Objects, AccessError> {
        let assigned = self.read_for_addresses(problems).await?;
        Ok(Objects {
            adverts: self.list(Some(&self.namespace), problems).await?,
            slices: self.list(None, problems).await?,
            statuses: self.list(Some(&self.namespace), problems).await?,
            ..assigned
        })
    }

    /// All that the controller decides on.
    pub(crate) async fn read_for_addresses(
        &self,
        problems: &mut Vec<Problem>,
    ) -> Result<Objects, AccessError> {
        Ok(Objects {
            pools: self.list(Some(&self.namespace), problems).await?,
            services: self.list(None, problems).await?,
            nodes: self.list(None, problems).await?,
            namespaces: self.list(None, problems).await?,
            states: self.list(Some(&self.namespace), problems).await?,
            slices: self.list(Some("default"), problems).await?,
            ..Objects::default()
        })
    }

    /// The families of the cluster's Services, the default one first; none where the API server does not say: before
    /// Kubernetes 1.33, or without the right to list ServiceCIDRs.
    pub(crate) async fn families(&self) -> Vec<Family> {
        let Ok(request) = Request::new(SERVICE_CIDRS).list(&ListParams::default()) else {
            return Vec::new();
        };
        let list: Result<Items, kube::Error> = self.client.request(request).await;
        list.map(|list| families(&list.items)).unwrap_or_default()
    }

    async fn list<K>(
        &self,
        namespace: Option<&str>,
        problems: &mut Vec<Problem>,
    ) -> Result<Vec<K>, AccessError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned + Debug,
    {
        let request = Request::new(K::url_path(&(), namespace))
            .list(&ListParams::default())
            .map_err(|error| AccessError::new::<K>("list", &kube::Error::BuildRequest(error)))?;
        let list: Items = self
            .client
            .request(request)
            .await
            .map_err(|error| AccessError::new::<K>("list", &error))?;
        Ok(decode_all(list.items, problems))
    }
}

/// The families of the ServiceCIDR that the API server makes from its own flags.
fn families(cidrs: &[Value]) -> Vec<Family> {
    let default = cidrs.iter().find(|one| one["metadata"]["name"] == "kubernetes");
    let ranges = default.and_then(|one| one["spec"]["cidrs"].as_array());
    let address_of = |range: &Value| range.as_str()?.split('/').next()?.parse().ok();
    let addresses = ranges.into_iter().flatten().filter_map(address_of);
    addresses.map(Family::of).collect()
}

fn decode_all<K>(items: Vec<Value>, problems: &mut Vec<Problem>) -> Vec<K>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    let mut objects = Vec::new();
    for item in items {
        let text = |pointer| item.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let id = ObjectId::new(&K::kind(&()), text("/metadata/namespace"), text("/metadata/name"));
        match serde_path_to_error::deserialize(item) {
            Ok(object) => objects.push(object),
            Err(error) => problems.push(Problem::new(id, error)),
        }
    }
    objects
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
    use ferrolb_crds::api::IPAddressPool;
    use ferrolb_crds::api::core::Service;
    use kube::core::Status;
    use serde_json::json;

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
        let pools: Vec<IPAddressPool> = decode_all(items, &mut problems);
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
