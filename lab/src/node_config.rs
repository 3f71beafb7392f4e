//! The configuration of a node's programs, as texts.

use serde_json::json;

use crate::plan::{CLUSTER_CIDR, Machine, pod_network4, pod_network6};

/// Where a node finds what the lab gives it; a file system in memory of its own.
pub(crate) const GIVEN: &str = "/run/lab";
/// The search path in a node.
pub(crate) const PATH: &str = "/run/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Machine-wide settings on which the kubelet insists: the node sees files that already hold them.
pub(crate) const PRETENDED: [(&str, &str); 6] = [
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// Two ranges: a pod gets one address of each.
pub(crate) fn cni(node: u8) -> String {
    json!({
        "cniVersion": "1.0.0",
        "name": "lab",
        "plugins": [{
            "type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true, "ipMasq": false,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": pod_network4(node)}], [{"subnet": pod_network6(node)}]],
                "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
            },
        }],
    })
    .to_string()
}

/// `restrict_oom_score_adj`: lowering it needs `CAP_SYS_RESOURCE`, and without this no sandbox starts.
/// The `opt` plugin would make a folder in the machine's `/opt`.
pub(crate) const CONTAINERD: &str = r#"
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/run/lab/bin"
    conf_dir = "/run/lab/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "/run/lab/bin/runc"
        SystemdCgroup = false
"#;

/// `imageGCHighThresholdPercent`: an imported image that is collected cannot be pulled again.
/// `volumePluginDir`: the usual one is a folder of the machine.
pub(crate) const KUBELET: &str = r#"
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /
failCgroupV1: false
failSwapOn: false
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: /run/lab/state/pki/ca.crt}
authorization: {mode: Webhook}
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
resolvConf: /run/lab/resolv.conf
volumePluginDir: /var/lib/kubelet/volume-plugins
evictionHard:
  memory.available: 0%
  nodefs.available: 0%
  nodefs.inodesFree: 0%
  imagefs.available: 0%
  imagefs.inodesFree: 0%
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
nodeStatusUpdateFrequency: 2s
nodeStatusReportFrequency: 10s
nodeLeaseDurationSeconds: 8
"#;

pub(crate) fn kubelet_arguments(name: &str, node: u8) -> Vec<String> {
    let machine = Machine::Node(node);
    vec![
        format!("--config={GIVEN}/kubelet.yaml"),
        format!(
            "--kubeconfig={GIVEN}/state/pki/{}.kubeconfig",
            machine.short_name()
        ),
        format!("--hostname-override={name}"),
        format!("--node-ip={},{}", machine.ipv4(), machine.ipv6()),
    ]
}

/// Conntrack settings of zero are left alone: they cannot be written in a network namespace.
pub(crate) fn kube_proxy(name: &str) -> String {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "hostnameOverride": name,
        "clusterCIDR": CLUSTER_CIDR,
        "clientConnection": {"kubeconfig": format!("{GIVEN}/state/pki/kube-proxy.kubeconfig")},
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "nftables": {"minSyncPeriod": "100ms"},
    })
    .to_string()
}
