//! Which programs there are, and how each is built.

/// One program.
pub(super) struct Binary {
    pub(super) name: &'static str,
    /// Folder below `lab/kubernetes` whose `go.mod` pins it: the projects' dependencies conflict.
    pub(super) module: &'static str,
    pub(super) package: &'static str,
    pub(super) tags: &'static str,
    /// What the linker sets, besides leaving out the symbols.
    pub(super) variables: &'static str,
    pub(super) cgo: bool,
}

/// Folders with a `go.mod`.
pub(super) const MODULES: [&str; 7] = [
    "kubernetes",
    "containerd",
    "runc",
    "cni",
    "coredns",
    "contour",
    "external-dns",
];
const VERSION: &str = "-X k8s.io/component-base/version.gitVersion=v1.36.3 \
     -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36";
const CONTAINERD_TAGS: &str = "no_btrfs no_devmapper no_zfs";
const CONTAINERD_VERSION: &str = "-X github.com/containerd/containerd/v2/version.Version=v2.2.9";

const fn kubernetes(name: &'static str, package: &'static str) -> Binary {
    Binary {
        name,
        module: "kubernetes",
        package,
        tags: "",
        variables: VERSION,
        cgo: false,
    }
}

const fn containerd(name: &'static str, package: &'static str) -> Binary {
    let (tags, variables) = (CONTAINERD_TAGS, CONTAINERD_VERSION);
    Binary {
        name,
        module: "containerd",
        package,
        tags,
        variables,
        cgo: false,
    }
}

const fn plain(name: &'static str, module: &'static str, package: &'static str) -> Binary {
    Binary {
        name,
        module,
        package,
        tags: "",
        variables: "",
        cgo: false,
    }
}

pub(super) const BINARIES: [Binary; 17] = [
    kubernetes("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    kubernetes(
        "kube-controller-manager",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
    ),
    kubernetes("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
    kubernetes("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy"),
    kubernetes("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    kubernetes("kubelet", "k8s.io/kubernetes/cmd/kubelet"),
    Binary {
        name: "etcd",
        module: "kubernetes",
        package: "go.etcd.io/etcd/server/v3",
        tags: "",
        variables: "",
        cgo: false,
    },
    containerd("containerd", "github.com/containerd/containerd/v2/cmd/containerd"),
    containerd(
        "containerd-shim-runc-v2",
        "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
    ),
    containerd("ctr", "github.com/containerd/containerd/v2/cmd/ctr"),
    Binary {
        name: "runc",
        module: "runc",
        package: "github.com/opencontainers/runc",
        // without seccomp, pods with the profile RuntimeDefault do not run
        tags: "netgo osusergo seccomp",
        variables: "-X main.version=1.4.3",
        cgo: true,
    },
    plain(
        "bridge",
        "cni",
        "github.com/containernetworking/plugins/plugins/main/bridge",
    ),
    plain(
        "loopback",
        "cni",
        "github.com/containernetworking/plugins/plugins/main/loopback",
    ),
    plain(
        "host-local",
        "cni",
        "github.com/containernetworking/plugins/plugins/ipam/host-local",
    ),
    // DNS of the cluster: its `main` is the tree's, with the plugins that are needed
    plain("coredns", "coredns", "lab"),
    // Ingress and Gateway API; it drives Envoy
    plain(
        "contour",
        "contour",
        "github.com/projectcontour/contour/cmd/contour",
    ),
    // what ExternalDNS would write; its `main` is the tree's, without the clients of the clouds
    plain("external-dns-records", "external-dns", "lab"),
];
