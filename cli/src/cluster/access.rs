//! Which cluster is meant, where the installation is in it, and why it did not do what was asked.

use std::path::PathBuf;

use ferrolb_crds::names::DEFAULT_NAMESPACE;
use ferrolb_runtime::args::ClusterArgs;
use ferrolb_runtime::cause;
use ferrolb_runtime::client::ClientError;
use kube::Resource;
use thiserror::Error;

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

impl Access {
    /// The same, for the client.
    pub(super) fn args(&self) -> ClusterArgs {
        ClusterArgs {
            kubeconfig: self.kubeconfig.clone(),
            namespace: Some(self.namespace.clone()),
        }
    }
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
    /// The cluster does not know the resource.
    #[error("cannot {verb} {resource}: {cause}")]
    Unknown {
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
            Self::Client(_) | Self::Unknown { .. } | Self::Failed { .. } => None,
        }
    }

    /// The same, of a resource that is no kind of object.
    pub(crate) fn of(verb: &'static str, resource: String, error: &kube::Error) -> Self {
        let cause = cause::of_request(error);
        let code = match error {
            kube::Error::Api(status) => status.code,
            _ => 0,
        };
        match code {
            401 | 403 => Self::Forbidden {
                verb,
                resource,
                cause,
            },
            404 => Self::Unknown {
                verb,
                resource,
                cause,
            },
            _ => Self::Failed {
                verb,
                resource,
                cause,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_crds::api::IPAddressPool;
    use ferrolb_crds::api::core::Service;
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
}
