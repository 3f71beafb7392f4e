//! etcd and the control plane as plain processes in one network namespace.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::entry::{Inner, own_pid};
use crate::error::{Doing, Result};
use crate::plan::{CLUSTER_CIDR, Machine, Plan, SERVICE_CIDR};
use crate::state::State;

/// The program that stores.
pub(crate) const ETCD: &str = "etcd";
/// The program that everybody talks to.
pub(crate) const API_SERVER: &str = "kube-apiserver";

/// A program that the keeper runs until the lab ends.
pub(crate) struct Daemon {
    pub(crate) name: &'static str,
    pub(crate) child: Child,
    pub(crate) log: PathBuf,
}

/// Counts what FerroLB asks of the API server and nothing else.
const AUDIT_POLICY: &str = r#"
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: ["system:serviceaccounts:metallb-system"]
- level: None
"#;

/// Pod Security for namespaces that say nothing else.
const ADMISSION: &str = r#"
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults: {enforce: restricted, audit: restricted, warn: restricted}
"#;

/// Starts one program of the control plane. Its folder of binaries and the lab's state are given by absolute paths.
pub(crate) fn start(name: &'static str, plan: &Plan, state: &State, binaries: &Path) -> Result<Daemon> {
    let log = state.log(name);
    // one that is started again goes on in the same log
    let output = File::options()
        .create(true)
        .append(true)
        .open(&log)
        .doing(|| format!("write {}", log.display()))?;
    let errors = output.try_clone().doing(|| format!("write {}", log.display()))?;
    let inner = Inner::Run {
        namespace: Some(plan.full_name(Machine::ControlPlane)),
        parent: own_pid(),
    };
    let child = inner
        .command(name)
        .arg(binaries.join(name))
        .args(arguments(name, plan, state)?)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .doing(|| format!("start {name}"))?;
    Ok(Daemon { name, child, log })
}

fn arguments(name: &str, plan: &Plan, state: &State) -> Result<Vec<String>> {
    Ok(match name {
        ETCD => etcd(state),
        API_SERVER => {
            let policy = state.pki("audit-policy.yaml");
            fs::write(&policy, AUDIT_POLICY).doing(|| format!("write {}", policy.display()))?;
            let mut all = api_server(state);
            if plan.is_restricted() {
                let admission = state.pki("admission.yaml");
                fs::write(&admission, ADMISSION).doing(|| format!("write {}", admission.display()))?;
                all.push(format!("--admission-control-config-file={}", admission.display()));
            }
            all
        }
        "kube-controller-manager" => controller_manager(plan, state),
        _ => with_kubeconfig(name, state, vec![]),
    })
}

fn etcd(state: &State) -> Vec<String> {
    vec![
        format!("--data-dir={}", state.folder().join("etcd").display()),
        "--unsafe-no-fsync".into(),
        "--log-level=warn".into(),
        "--listen-client-urls=http://127.0.0.1:2379".into(),
        "--advertise-client-urls=http://127.0.0.1:2379".into(),
        "--listen-peer-urls=http://127.0.0.1:2380".into(),
        "--initial-advertise-peer-urls=http://127.0.0.1:2380".into(),
        "--initial-cluster=default=http://127.0.0.1:2380".into(),
    ]
}

fn api_server(state: &State) -> Vec<String> {
    let key = |flag: &str, file: &str| format!("--{flag}={}", state.pki(file).display());
    vec![
        "--etcd-servers=http://127.0.0.1:2379".into(),
        "--bind-address=::".into(),
        "--secure-port=6443".into(),
        format!("--advertise-address={}", Machine::ControlPlane.ipv4()),
        key("tls-cert-file", "apiserver.crt"),
        key("tls-private-key-file", "apiserver.key"),
        key("client-ca-file", "ca.crt"),
        key("token-auth-file", "tokens.csv"),
        "--authorization-mode=Node,RBAC".into(),
        "--enable-admission-plugins=NodeRestriction".into(),
        key("kubelet-client-certificate", "kubelet-client.crt"),
        key("kubelet-client-key", "kubelet-client.key"),
        "--kubelet-preferred-address-types=InternalIP".into(),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        key("service-account-key-file", "sa.pub"),
        key("service-account-signing-key-file", "sa.key"),
        format!("--service-cluster-ip-range={SERVICE_CIDR}"),
        "--allow-privileged=true".into(),
        // webhooks go straight to pod addresses: this machine has no kube-proxy
        "--enable-aggregator-routing=true".into(),
        "--default-not-ready-toleration-seconds=5".into(),
        "--default-unreachable-toleration-seconds=5".into(),
        key("audit-policy-file", "audit-policy.yaml"),
        format!("--audit-log-path={}", state.log("audit").display()),
        "--audit-log-maxsize=1000".into(),
    ]
}

fn controller_manager(plan: &Plan, state: &State) -> Vec<String> {
    // nobody reports for a bare node
    let grace = if plan.is_bare() { "24h" } else { "12s" };
    let more = vec![
        // without its own account per controller, nodes stay tainted and no EndpointSlice appears
        "--use-service-account-credentials".into(),
        // at its usual rate the first service account comes 3 s later
        "--kube-api-qps=500".into(),
        "--kube-api-burst=1000".into(),
        format!(
            "--service-account-private-key-file={}",
            state.pki("sa.key").display()
        ),
        format!("--root-ca-file={}", state.pki("ca.crt").display()),
        format!("--cluster-cidr={CLUSTER_CIDR}"),
        format!("--service-cluster-ip-range={SERVICE_CIDR}"),
        "--allocate-node-cidrs=false".into(),
        "--node-monitor-period=1s".into(),
        format!("--node-monitor-grace-period={grace}"),
    ];
    with_kubeconfig("kube-controller-manager", state, more)
}

fn with_kubeconfig(name: &str, state: &State, more: Vec<String>) -> Vec<String> {
    let kubeconfig = state.kubeconfig(name);
    let flags = [
        "kubeconfig",
        "authentication-kubeconfig",
        "authorization-kubeconfig",
    ];
    let mut all: Vec<String> = flags
        .iter()
        .map(|flag| format!("--{flag}={}", kubeconfig.display()))
        .collect();
    all.push("--leader-elect=false".into());
    all.extend(more);
    all
}
