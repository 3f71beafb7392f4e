//! The names that are to be replaced, and the ranges of pools: what objects say.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnetwork::IpNetwork;
use serde_json::Value;
use strum::Display;

use super::mentions;

/// What has a name; the beginning of what takes its place.
#[derive(Clone, Copy, Debug, Display, Eq, Ord, PartialEq, PartialOrd)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Kind {
    Namespace,
    #[strum(serialize = "svc")]
    Service,
    Node,
    Pool,
    Pod,
    Image,
    /// Labels, and words that join Services.
    Label,
    /// Anything else.
    Name,
}

/// Every installation of Kubernetes, of MetalLB and of ours has these.
const OF_EVERYBODY: [&str; 26] = [
    "amd64",
    "arm64",
    "controller",
    "default",
    "docker.io",
    "false",
    "ferrolb",
    "ferrolb-controller",
    "ghcr.io",
    "kube-node-lease",
    "kube-proxy",
    "kube-public",
    "kube-root-ca.crt",
    "kube-system",
    "kubernetes",
    "linux",
    "localhost",
    "memberlist",
    "metallb",
    "metallb-memberlist",
    "metallb-system",
    "quay.io",
    "registry.k8s.io",
    "speaker",
    "true",
    "endpointslice-controller.k8s.io",
];
/// Labels whose values are the same everywhere.
const PLAIN_LABELS: [&str; 13] = [
    "app.kubernetes.io/component",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/version",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "component",
    "controller-revision-hash",
    "endpointslice.kubernetes.io/managed-by",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "metallb.io/component-type",
    "pod-template-hash",
];
/// The values of its labels are words of Kubernetes.
const POD_SECURITY: &str = "pod-security.kubernetes.io";
/// Labels that many use.
const PLAIN_KEYS: [&str; 10] = [
    "app",
    "component",
    "control-plane",
    "k8s-app",
    "name",
    "pod-template-generation",
    "role",
    "tier",
    "type",
    "version",
];
/// Those whose keys are no secret of anybody.
const DOMAINS: [&str; 6] = [
    "kubernetes.io",
    "k8s.io",
    "metallb.io",
    "ferrolb.io",
    "metallb.universe.tf",
    "helm.sh",
];

/// Names and ranges.
#[derive(Clone, Debug, Default)]
pub(crate) struct Originals {
    names: BTreeMap<String, Kind>,
    pools: Vec<(IpAddr, IpAddr)>,
}

impl Originals {
    /// The names, each with its kind.
    pub(super) fn names(&self) -> &BTreeMap<String, Kind> {
        &self.names
    }

    /// First and last address of each range of a pool.
    pub(super) fn pools(&self) -> &[(IpAddr, IpAddr)] {
        &self.pools
    }

    /// Adds a name. Nothing that is the same everywhere is one, nor an address, nor anything without a letter.
    pub(crate) fn add(&mut self, kind: Kind, name: &str) {
        let is_address = name.parse::<IpAddr>().is_ok() || name.parse::<IpNetwork>().is_ok();
        let begins = name.starts_with(|letter: char| letter.is_ascii_alphanumeric());
        let has_letter = name.contains(|letter: char| letter.is_ascii_alphabetic());
        if begins && has_letter && !is_address && !OF_EVERYBODY.contains(&name) {
            self.names.entry(name.to_owned()).or_insert(kind);
        }
    }

    /// Adds what a text mentions as the name of something, which may be gone.
    pub(crate) fn add_mentions(&mut self, text: &str) {
        for (kind, name) in mentions::of(text) {
            self.add(kind, name);
        }
    }

    /// Adds what an object names.
    pub(crate) fn add_object(&mut self, object: &Value) {
        let kind = match object["kind"].as_str().unwrap_or_default() {
            "Namespace" => Kind::Namespace,
            "Service" => Kind::Service,
            "Node" => Kind::Node,
            "IPAddressPool" => Kind::Pool,
            "Pod" => Kind::Pod,
            _ => Kind::Name,
        };
        let metadata = &object["metadata"];
        if let Some(name) = metadata["name"].as_str() {
            self.add(kind, name);
        }
        if kind == Kind::Pool {
            let ranges = object["spec"]["addresses"].as_array();
            let ranges = ranges.into_iter().flatten().filter_map(Value::as_str);
            self.pools.extend(ranges.filter_map(range));
        }
        self.labels(&metadata["labels"]);
        self.walk(object);
    }

    /// What the fields name, wherever they are.
    fn walk(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            Value::Object(fields) => {
                for (key, value) in fields {
                    self.field(key, value);
                    self.walk(value);
                }
                if let (Some("Hostname" | "InternalDNS" | "ExternalDNS"), Some(host)) =
                    (value["type"].as_str(), value["address"].as_str())
                {
                    self.host(host);
                }
                // Of `matchExpressions`.
                if let (Some(key), Some(_), Some(values)) = (
                    value["key"].as_str(),
                    value["operator"].as_str(),
                    value["values"].as_array(),
                ) {
                    values
                        .iter()
                        .for_each(|one| self.label(key, one.as_str().unwrap_or_default()));
                }
            }
            _ => {}
        }
    }

    fn field(&mut self, key: &str, value: &Value) {
        if matches!(key, "matchLabels" | "selector" | "nodeSelector") {
            self.labels(value);
        }
        let Some(text) = value.as_str() else {
            return self.list(key, value);
        };
        match key {
            "namespace" | "serviceNamespace" | "metallb.io/service-namespace" => {
                self.add(Kind::Namespace, text);
            }
            "serviceName" | "metallb.io/service-name" => self.add(Kind::Service, text),
            "node" | "nodeName" | "metallb.io/node" | "metallb.io/node-name" | "ferrolb.io/move-to" => {
                self.add(Kind::Node, text);
            }
            "host" | "hostname" | "externalName" => self.host(text),
            "generateName" => self.add(Kind::Name, text.trim_end_matches('-')),
            "holderIdentity" | "loadBalancerClass" | "serviceAccountName" | "serviceAccount" => {
                self.add(Kind::Name, text);
            }
            "image" | "imageID" => self.image(text),
            "metallb.io/address-pool" | "metallb.universe.tf/address-pool" => {
                text.split(',').for_each(|pool| self.add(Kind::Pool, pool.trim()));
            }
            "metallb.io/allow-shared-ip" | "metallb.universe.tf/allow-shared-ip" => {
                self.add(Kind::Label, text);
            }
            _ => {}
        }
    }

    fn list(&mut self, key: &str, value: &Value) {
        let kind = match key {
            "ipAddressPools" => Kind::Pool,
            "namespaces" => Kind::Namespace,
            "ownerReferences" | "involvedObject" | "targetRef" | "regarding" | "related" => Kind::Name,
            _ => return,
        };
        let items = value
            .as_array()
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        for item in items {
            if let Some(name) = item.as_str().or_else(|| item["name"].as_str()) {
                self.add(kind, name);
            }
        }
    }

    fn labels(&mut self, labels: &Value) {
        for (key, value) in labels.as_object().into_iter().flatten() {
            self.label(key, value.as_str().unwrap_or_default());
        }
    }

    fn label(&mut self, key: &str, value: &str) {
        let domain = key.split_once('/').map(|(domain, _)| domain);
        let is_plain = match domain {
            Some(domain) => DOMAINS
                .iter()
                .any(|one| domain == *one || domain.ends_with(&format!(".{one}"))),
            None => PLAIN_KEYS.contains(&key),
        };
        if !is_plain {
            self.add(Kind::Label, key);
        }
        if !PLAIN_LABELS.contains(&key) && domain != Some(POD_SECURITY) {
            self.add(Kind::Label, value);
        }
    }

    /// A name of a machine, and the domain that it is in.
    fn host(&mut self, host: &str) {
        self.add(Kind::Node, host);
        if let Some((_, domain)) = host.split_once('.')
            && host.parse::<IpAddr>().is_err()
        {
            self.add(Kind::Name, domain);
        }
    }

    /// Where an image comes from; not its last part and its tag.
    fn image(&mut self, image: &str) {
        let image = image.split_once("://").map_or(image, |(_, rest)| rest);
        if let Some((registry, _)) = image.rsplit_once('/') {
            self.add(Kind::Image, registry);
            let host = registry.split(['/', ':']).next().unwrap_or_default();
            self.add(Kind::Image, host);
        }
    }
}

/// First and last address of an entry of `spec.addresses`.
fn range(text: &str) -> Option<(IpAddr, IpAddr)> {
    if let Some((first, last)) = text.split_once('-') {
        return Some((first.trim().parse().ok()?, last.trim().parse().ok()?));
    }
    let network: IpNetwork = text.trim().parse().ok()?;
    Some((network.network(), network.broadcast()))
}
