//! Command line pieces that both daemons flatten into their own arguments.
//!
//! Names and defaults follow MetalLB's flags where it has the flag, so that its manifests carry over.

use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

/// Where Kubernetes tells a pod its namespace.
const SERVICE_ACCOUNT_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The namespace MetalLB is installed in by its own manifests.
const DEFAULT_NAMESPACE: &str = "metallb-system";

/// What is logged, and in which form.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Logging")]
pub struct LogArgs {
    /// Lowest level that is logged; one level for all parts of the program
    #[arg(
        long,
        value_enum,
        default_value = "info",
        env = "FERROLB_LOG_LEVEL",
        value_name = "LEVEL"
    )]
    pub log_level: LogLevel,

    /// Form of a log line on standard error
    #[arg(
        long,
        value_enum,
        default_value = "text",
        env = "FERROLB_LOG_FORMAT",
        value_name = "FORMAT"
    )]
    pub log_format: LogFormat,
}

/// MetalLB's log levels.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything, also what libraries say
    All,
    /// Each decision and its reasons
    Debug,
    /// Transitions: what changed and why
    Info,
    /// What an operator should look at
    Warn,
    /// What does not work
    Error,
    /// Nothing
    None,
}

/// Form of a log line.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One line for people
    Text,
    /// One JSON object a line
    Json,
}

/// Where metrics and health are served.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Metrics and health")]
pub struct ServeArgs {
    /// TCP port of /metrics, /healthz and /readyz; 0 serves nothing
    #[arg(
        long,
        visible_alias = "metrics-port",
        default_value_t = 9120,
        env = "FERROLB_PORT"
    )]
    pub port: u16,

    /// Address to serve on; the default takes IPv4 and IPv6, or IPv4 alone where IPv6 is off
    #[arg(long, default_value_t = IpAddr::V6(Ipv6Addr::UNSPECIFIED), env = "FERROLB_LISTEN", value_name = "ADDRESS")]
    pub listen: IpAddr,

    /// Serve over TLS, and metrics to accounts only that may get the nonResourceURL /metrics; plain HTTP for everybody
    /// without it
    #[arg(long, env = "FERROLB_METRICS_TLS")]
    pub metrics_tls: bool,

    /// Folder with tls.crt and tls.key to serve with, as they are there now; turns --metrics-tls on. Without them a
    /// self-signed certificate is served
    #[arg(long, env = "FERROLB_METRICS_CERT_DIR", value_name = "DIR")]
    pub metrics_cert_dir: Option<PathBuf>,
}

/// Which API server to talk to, and where we live in it.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Kubernetes")]
pub struct ClusterArgs {
    /// Kubeconfig file; without it the pod's service account, or else ~/.kube/config
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Our own namespace, where pools are read; without it the pod's, or else metallb-system
    #[arg(long, env = "METALLB_NAMESPACE", value_name = "NAME")]
    pub namespace: Option<String>,
}

impl ClusterArgs {
    /// Our own namespace: what was asked for, else that of the pod we run in, else `metallb-system`.
    #[must_use]
    pub fn own_namespace(&self) -> String {
        own_namespace(self.namespace.as_deref(), Path::new(SERVICE_ACCOUNT_NAMESPACE))
    }
}

/// An empty value counts as none: manifests set empty variables.
fn own_namespace(asked: Option<&str>, service_account: &Path) -> String {
    let told = std::fs::read_to_string(service_account).unwrap_or_default();
    [asked.unwrap_or_default(), told.trim(), DEFAULT_NAMESPACE]
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or(DEFAULT_NAMESPACE)
        .to_owned()
}

#[cfg(test)]
mod tests;
