//! Which programs of others there are, and how each is built.

/// Programs that one `go.mod` pins and one `go build` builds.
pub(crate) struct Module {
    /// Folder below `lab/kubernetes`; several, because the projects' dependencies conflict.
    pub(crate) folder: &'static str,
    pub(crate) programs: &'static [Program],
    pub(crate) tags: &'static str,
    /// What the linker sets, besides leaving out the symbols.
    pub(crate) variables: &'static str,
    pub(crate) cgo: bool,
    /// Whether the compiler inlines functions. It takes a fifth less time without; what the product is compared with must
    /// not be slower for it.
    pub(crate) inlines: bool,
}

/// One of them, under the name that it has in the lab.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
}

/// Modules whose programs are kept in one folder.
pub(crate) struct Set {
    pub(crate) name: &'static str,
    pub(crate) modules: &'static [Module],
}

const fn program(name: &'static str, package: &'static str) -> Program {
    Program { name, package }
}

const fn plain(folder: &'static str, programs: &'static [Program]) -> Module {
    Module {
        folder,
        programs,
        tags: "",
        variables: "",
        cgo: false,
        inlines: false,
    }
}

/// What control plane and nodes run.
pub(crate) const CLUSTER: Set = Set {
    name: "cluster",
    modules: &[
        Module {
            folder: "kubernetes",
            programs: &[
                program("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
                program(
                    "kube-controller-manager",
                    "k8s.io/kubernetes/cmd/kube-controller-manager",
                ),
                program("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
                program("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy"),
                program("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
                program("kubelet", "k8s.io/kubernetes/cmd/kubelet"),
                program("etcd", "go.etcd.io/etcd/server/v3"),
            ],
            tags: "",
            variables: "-X k8s.io/component-base/version.gitVersion=v1.36.3 \
                 -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36",
            cgo: false,
            inlines: false,
        },
        Module {
            folder: "containerd",
            programs: &[
                program("containerd", "github.com/containerd/containerd/v2/cmd/containerd"),
                program(
                    "containerd-shim-runc-v2",
                    "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
                ),
                program("ctr", "github.com/containerd/containerd/v2/cmd/ctr"),
            ],
            tags: "no_btrfs no_devmapper no_zfs",
            variables: "-X github.com/containerd/containerd/v2/version.Version=v2.2.9",
            cgo: false,
            inlines: false,
        },
        Module {
            folder: "runc",
            programs: &[program("runc", "github.com/opencontainers/runc")],
            // without seccomp, pods with the profile RuntimeDefault do not run
            tags: "netgo osusergo seccomp",
            variables: "-X main.version=1.4.3",
            cgo: true,
            inlines: false,
        },
        plain(
            "cni",
            &[
                program(
                    "bridge",
                    "github.com/containernetworking/plugins/plugins/main/bridge",
                ),
                program(
                    "loopback",
                    "github.com/containernetworking/plugins/plugins/main/loopback",
                ),
                program(
                    "host-local",
                    "github.com/containernetworking/plugins/plugins/ipam/host-local",
                ),
            ],
        ),
    ],
};

/// What stands beside a cluster in some trials and in the tour.
pub(crate) const BESIDE: [Set; 8] = [
    // DNS of the cluster: its `main` is the tree's, with the plugins that are needed
    Set {
        name: "coredns",
        modules: &[plain("coredns", &[program("coredns", "lab")])],
    },
    // Ingress and Gateway API; it drives Envoy
    Set {
        name: "contour",
        modules: &[plain(
            "contour",
            &[program(
                "contour",
                "github.com/projectcontour/contour/cmd/contour",
            )],
        )],
    },
    // what ExternalDNS would write; its `main` is the tree's, without the clients of the clouds
    Set {
        name: "external-dns",
        modules: &[plain("external-dns", &[program("external-dns-records", "lab")])],
    },
    // what an image is pushed to and pulled from; its `main` is the tree's
    Set {
        name: "registry",
        modules: &[plain("registry", &[program("registry", "lab")])],
    },
    // pushes a folder with an image
    Set {
        name: "crane",
        modules: &[plain(
            "crane",
            &[program(
                "crane",
                "github.com/google/go-containerregistry/cmd/crane",
            )],
        )],
    },
    // installs the chart
    Set {
        name: "helm",
        modules: &[Module {
            folder: "helm",
            programs: &[program("helm", "helm.sh/helm/v4/cmd/helm")],
            tags: "",
            variables: "-X helm.sh/helm/v4/internal/version.version=v4.3.2",
            cgo: false,
            inlines: false,
        }],
    },
    // a router
    Set {
        name: "gobgp",
        modules: &[plain(
            "gobgp",
            &[
                program("gobgp", "github.com/osrg/gobgp/v4/cmd/gobgp"),
                program("gobgpd", "github.com/osrg/gobgp/v4/cmd/gobgpd"),
            ],
        )],
    },
    // what is migrated from
    Set {
        name: "metallb",
        modules: &[Module {
            inlines: true,
            ..plain(
                "metallb",
                &[
                    program("metallb-controller", "go.universe.tf/metallb/controller"),
                    program("metallb-speaker", "go.universe.tf/metallb/speaker"),
                ],
            )
        }],
    },
];
