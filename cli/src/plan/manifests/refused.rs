//! What the API server refuses of an object that it can decode, in its words, as far as it has to do with addresses, ports and names. The
//! object is planned all the same. Which families the cluster has is asked elsewhere.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ferrolb_crds::domain::is_link_local;
use ipnetwork::IpNetwork;
use itertools::Itertools;
use serde_json::Value;

/// A message for each value.
pub(super) fn by_the_api_server(kind: &str, object: &Value) -> Vec<String> {
    let mut refusals = Refusals(Vec::new());
    refusals.metadata(kind, object);
    match kind {
        "Service" => refusals.service(&object["spec"]),
        "EndpointSlice" => refusals.slice(object),
        _ => {}
    }
    refusals.0
}

struct Refusals(Vec<String>);

impl Refusals {
    fn invalid(&mut self, field: &str, value: &Value, why: &str) {
        self.0.push(format!("{field}: Invalid value: {value}: {why}"));
    }

    fn unless(&mut self, holds: bool, field: &str, value: &Value, why: &str) {
        if !holds {
            self.invalid(field, value, why);
        }
    }

    /// An enumeration; absent and null are fine.
    fn one_of(&mut self, values: &[&str], field: &str, value: &Value) {
        if value.as_str().is_some_and(|text| !values.contains(&text)) {
            let supported = values.iter().map(|one| format!("\"{one}\"")).join(", ");
            let text = format!("{field}: Unsupported value: {value}: supported values: {supported}");
            self.0.push(text);
        }
    }

    fn forbidden_unless(&mut self, allowed: bool, field: &str, value: &Value, when: &str) {
        let given = match value {
            Value::Null => false,
            Value::Array(items) => !items.is_empty(),
            Value::String(_) | Value::Bool(_) | Value::Object(_) => true,
            Value::Number(number) => number.as_i64() != Some(0),
        };
        if given && !allowed {
            self.0
                .push(format!("{field}: Forbidden: may only be used when {when}"));
        }
    }

    fn metadata(&mut self, kind: &str, object: &Value) {
        let name = &object["metadata"]["name"];
        let text = name.as_str().unwrap_or_default();
        if kind == "Service" || kind == "Namespace" {
            self.unless(is_label(text), "metadata.name", name, LABEL);
        } else {
            let subdomain = text.len() <= 253 && text.split('.').all(|part| is_lower_case_label(part, 253));
            let why = "a lowercase RFC 1123 subdomain is needed";
            self.unless(subdomain, "metadata.name", name, why);
        }
        self.labels("metadata.labels", &object["metadata"]["labels"]);
        for key in keys(&object["metadata"]["annotations"]) {
            let (valid, key) = (is_qualified(&key.to_lowercase()), &key.as_str().into());
            self.unless(valid, "metadata.annotations", key, QUALIFIED);
        }
    }

    fn labels(&mut self, field: &str, labels: &Value) {
        for (key, value) in labels.as_object().into_iter().flatten() {
            self.unless(is_qualified(key), field, &key.as_str().into(), QUALIFIED);
            let text = value.as_str().unwrap_or_default();
            let valid = text.is_empty() || is_name_part(text);
            self.unless(valid, field, value, "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character");
        }
    }

    fn service(&mut self, spec: &Value) {
        let kind = spec["type"]
            .as_str()
            .filter(|kind| !kind.is_empty())
            .unwrap_or("ClusterIP");
        let balanced = kind == "LoadBalancer";
        self.one_of(
            &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
            "spec.type",
            &kind.into(),
        );
        self.ports(
            &spec["ports"],
            kind == "ExternalName" || spec["clusterIP"] == "None",
        );
        self.cluster_ips(spec, balanced);
        self.labels("spec.selector", &spec["selector"]);
        self.policies(spec, kind);
        let class = &spec["loadBalancerClass"];
        if let Some(text) = class.as_str() {
            self.unless(is_qualified(text), "spec.loadBalancerClass", class, QUALIFIED);
        }
        for field in [
            "loadBalancerClass",
            "allocateLoadBalancerNodePorts",
            "loadBalancerSourceRanges",
        ] {
            let (value, field) = (&spec[field], format!("spec.{field}"));
            self.forbidden_unless(balanced, &field, value, "`type` is 'LoadBalancer'");
        }
        for (at, range) in items(&spec["loadBalancerSourceRanges"]) {
            let field = format!("spec.loadBalancerSourceRanges[{at}]");
            let is_prefix = |text: &str| text.contains('/') && text.trim().parse::<IpNetwork>().is_ok();
            let valid = range.as_str().is_some_and(is_prefix);
            self.unless(valid, &field, range, "must be a valid CIDR value");
        }
        for (at, address) in items(&spec["externalIPs"]) {
            let field = format!("spec.externalIPs[{at}]");
            match parsed(address) {
                None => self.invalid(&field, address, ADDRESS),
                Some(ip) if ip.is_loopback() || ip.is_unspecified() || is_link_local(ip) => {
                    self.invalid(&field, address, "may not be unspecified, loopback or link-local");
                }
                Some(_) => {}
            }
        }
    }

    fn policies(&mut self, spec: &Value, kind: &str) {
        let enumerations: [(&str, &[&str]); 4] = [
            ("externalTrafficPolicy", &["Cluster", "Local"]),
            ("internalTrafficPolicy", &["Cluster", "Local"]),
            ("sessionAffinity", &["ClientIP", "None", ""]),
            (
                "ipFamilyPolicy",
                &["PreferDualStack", "RequireDualStack", "SingleStack"],
            ),
        ];
        for (field, values) in enumerations {
            self.one_of(values, &format!("spec.{field}"), &spec[field]);
        }
        let traffic = &spec["externalTrafficPolicy"];
        let outside =
            matches!(kind, "LoadBalancer" | "NodePort") || items(&spec["externalIPs"]).next().is_some();
        if traffic.as_str().is_some_and(|policy| !policy.is_empty()) && !outside {
            self.invalid(
                "spec.externalTrafficPolicy",
                traffic,
                "may only be set for externally-accessible services",
            );
        }
        let check = &spec["healthCheckNodePort"];
        let checked = kind == "LoadBalancer" && traffic == "Local";
        let when = "`type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        self.forbidden_unless(checked, "spec.healthCheckNodePort", check, when);
    }

    fn ports(&mut self, ports: &Value, may_lack: bool) {
        let count = items(ports).count();
        if count == 0 && !may_lack {
            self.0.push("spec.ports: Required value".to_owned());
        }
        let (mut names, mut numbers) = (BTreeSet::new(), BTreeSet::new());
        for (at, port) in items(ports) {
            let field = |name: &str| format!("spec.ports[{at}].{name}");
            let number = port["port"].as_i64().unwrap_or_default();
            let valid = (1..=65535).contains(&number);
            self.unless(valid, &field("port"), &number.into(), PORT);
            self.one_of(&["SCTP", "TCP", "UDP", ""], &field("protocol"), &port["protocol"]);
            match port["name"].as_str().unwrap_or_default() {
                "" if count > 1 => self.0.push(format!("{}: Required value", field("name"))),
                "" => {}
                name if !names.insert(name) => self
                    .0
                    .push(format!("{}: Duplicate value: \"{name}\"", field("name"))),
                name => self.unless(is_label(name), &field("name"), &name.into(), LABEL),
            }
            let protocol = port["protocol"]
                .as_str()
                .filter(|one| !one.is_empty())
                .unwrap_or("TCP");
            if !numbers.insert((protocol, number)) {
                self.0
                    .push(format!("spec.ports[{at}]: Duplicate value: {protocol}/{number}"));
            }
            let target = &port["targetPort"];
            let valid = match target {
                Value::String(name) => is_port_name(name),
                Value::Number(number) => number
                    .as_i64()
                    .is_some_and(|number| (0..=65535).contains(&number)),
                _ => true,
            };
            let why = "must be a port number, or a name with at least one letter (a-z)";
            self.unless(valid, &field("targetPort"), target, why);
        }
    }

    fn cluster_ips(&mut self, spec: &Value, balanced: bool) {
        let (one, all) = (
            spec["clusterIP"].as_str().unwrap_or_default(),
            &spec["clusterIPs"],
        );
        let addresses: Vec<&Value> = items(all).map(|(_, address)| address).collect();
        if !addresses.is_empty() && one.is_empty() {
            let why = "must be empty when `clusterIP` is not specified";
            self.invalid("spec.clusterIPs", all, why);
        } else if addresses.first().is_some_and(|first| *first != one) {
            self.invalid("spec.clusterIPs", all, "first value must match `clusterIP`");
        }
        let single = Value::from(one);
        let given = if addresses.is_empty() && !one.is_empty() {
            vec![&single]
        } else {
            addresses
        };
        let families: Vec<&Value> = items(&spec["ipFamilies"]).map(|(_, family)| family).collect();
        for (at, address) in given.into_iter().enumerate() {
            let field = format!("spec.clusterIPs[{at}]");
            match (address.as_str().unwrap_or_default(), parsed(address)) {
                ("None", _) if balanced => {
                    let why = "may not be set to 'None' for LoadBalancer services";
                    self.invalid(&field, address, why);
                }
                ("None", _) => {}
                (_, None) => self.invalid(&field, address, ADDRESS),
                (_, Some(ip)) => {
                    let family = if ip.is_ipv4() { "IPv4" } else { "IPv6" };
                    if families.get(at).is_some_and(|named| **named != family) {
                        let why = format!("expected the family of `ipFamilies[{at}]`");
                        self.invalid(&field, address, &why);
                    }
                }
            }
        }
        for (at, family) in families.iter().enumerate() {
            let field = format!("spec.ipFamilies[{at}]");
            self.one_of(&["IPv4", "IPv6"], &field, family);
            if families[..at].contains(family) {
                self.0.push(format!("{field}: Duplicate value: {family}"));
            }
        }
    }

    fn slice(&mut self, slice: &Value) {
        let kind = slice["addressType"].as_str().unwrap_or_default();
        if kind.is_empty() {
            self.0.push("addressType: Required value".to_owned());
        }
        self.one_of(&["FQDN", "IPv4", "IPv6"], "addressType", &slice["addressType"]);
        for (at, endpoint) in items(&slice["endpoints"]) {
            let field = format!("endpoints[{at}].addresses");
            if items(&endpoint["addresses"]).next().is_none() {
                let text = format!("{field}: Required value: must contain at least 1 address");
                self.0.push(text);
            }
            for (_, address) in items(&endpoint["addresses"]) {
                let fits = match parsed(address) {
                    Some(ip) => kind != if ip.is_ipv4() { "IPv6" } else { "IPv4" },
                    None => !matches!(kind, "IPv4" | "IPv6"),
                };
                self.unless(fits, &field, address, &format!("must be an {kind} address"));
            }
        }
    }
}

const ADDRESS: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', start and end with an alphanumeric character, and have no more than 63";
const PORT: &str = "must be between 1 and 65535, inclusive";
const QUALIFIED: &str = "a qualified name is an optional prefix, a DNS subdomain and '/', and a name of alphanumeric characters, '-', '_' or '.'";

fn items(list: &Value) -> impl Iterator<Item = (usize, &Value)> {
    list.as_array().into_iter().flatten().enumerate()
}

fn keys(map: &Value) -> impl Iterator<Item = &String> {
    map.as_object().into_iter().flat_map(|map| map.keys())
}

fn parsed(address: &Value) -> Option<IpAddr> {
    address.as_str()?.parse().ok()
}

fn is_lower_case_label(text: &str, most: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = |text: &str| text.bytes().next().is_some_and(plain) && text.bytes().last().is_some_and(plain);
    text.len() <= most && ends(text) && text.bytes().all(|byte| plain(byte) || byte == b'-')
}

fn is_label(text: &str) -> bool {
    is_lower_case_label(text, 63)
}

/// The name of a key without its prefix, and the value of a label.
fn is_name_part(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    let ends = text.bytes().next().is_some_and(plain) && text.bytes().last().is_some_and(plain);
    text.len() <= 63 && ends && text.bytes().all(|byte| plain(byte) || b"-_.".contains(&byte))
}

fn is_qualified(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => {
            prefix.split('.').all(|part| is_lower_case_label(part, 253)) && is_name_part(name)
        }
        None => is_name_part(key),
    }
}

/// RFC 6335: at most 15 characters, with a letter.
fn is_port_name(text: &str) -> bool {
    is_lower_case_label(text, 15)
        && !text.contains("--")
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
}
