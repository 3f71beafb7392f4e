//! A pool of addresses, and which Services it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::net::IpAddr;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::core::ObjectMeta;

use super::{AddressRange, Invalid, Labels, PoolName, Selector};
use crate::api::{IPAddressPool, ServiceAllocation};
use crate::names::{ALLOW_NODE_ADDRESSES, ALLOW_SHARING_ACROSS_NAMESPACES};

/// Labels of every namespace by its name.
pub type Namespaces = BTreeMap<String, Labels>;

/// A valid `IPAddressPool`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Its name.
    pub name: PoolName,
    /// Its labels, by which advertisements select it.
    pub labels: Labels,
    /// When it was made (Unix time in seconds); objects not yet made come last.
    pub created_unix_seconds: i64,
    /// What it was given, in the order written.
    pub ranges: Vec<AddressRange>,
    /// Entries of `spec.addresses` and selectors of `spec.serviceAllocation` that cannot be used: such an entry is left out, and
    /// such a selector selects nobody.
    pub unusable: Vec<Invalid>,
    /// Whether Services that name no pool may use it.
    pub auto_assign: bool,
    /// Whether IPv4 addresses ending in .0 and .255 are left out.
    pub avoid_buggy_ips: bool,
    /// Which Services it is for; none means all, tried after the pools that have a scope.
    pub scope: Option<Scope>,
    /// Whether Services that ask for them may have addresses of nodes and of the API server.
    pub allows_node_addresses: bool,
    /// Whether Services of different namespaces may share an address.
    pub shares_across_namespaces: bool,
    /// What is used as it is, and probably meant otherwise: prefixes with host bits, and annotations of ours with a value that
    /// says nothing.
    pub doubts: Vec<Invalid>,
}

/// `spec.serviceAllocation`: which Services a pool is for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    priority: i64,
    namespaces: BTreeSet<String>,
    namespace_selectors: Vec<Selector>,
    service_selectors: Vec<Selector>,
}

impl Pool {
    /// Reads the resource. What can be used of it is used.
    pub fn read(resource: &IPAddressPool) -> Self {
        let spec = &resource.spec;
        let (mut ranges, mut unusable, mut doubts) = (Vec::new(), Vec::new(), Vec::new());
        if spec.addresses.is_empty() {
            let reason = "must hold at least one prefix or range";
            unusable.push(Invalid::new("spec.addresses", reason));
        }
        for (at, text) in spec.addresses.iter().enumerate() {
            let invalid = |reason: &dyn Display| Invalid::new(format!("spec.addresses[{at}]"), reason);
            match text.parse::<AddressRange>() {
                Ok(range) => {
                    doubts.extend(host_bits(text, &range).map(|doubt| invalid(&doubt)));
                    ranges.push(range);
                }
                Err(error) => unusable.push(invalid(&error)),
            }
        }
        let allocation = spec.service_allocation.as_ref();
        let scope = allocation.map(|allocation| Scope::read(allocation, &mut unusable));
        let mut allows = |name: &str| match resource.annotations().get(name).map(String::as_str) {
            Some("true") => true,
            None | Some("false") => false,
            Some(other) => {
                let reason = format!("\"{other}\" is neither \"true\" nor \"false\"");
                doubts.push(Invalid::new(name, reason));
                false
            }
        };
        Self {
            name: resource.name_any().into(),
            labels: resource.labels().clone(),
            created_unix_seconds: created_unix_seconds(&resource.metadata),
            ranges,
            unusable,
            auto_assign: spec.auto_assign,
            avoid_buggy_ips: spec.avoid_buggy_ips,
            scope,
            allows_node_addresses: allows(ALLOW_NODE_ADDRESSES),
            shares_across_namespaces: allows(ALLOW_SHARING_ACROSS_NAMESPACES),
            doubts,
        }
    }

    /// Whether `avoidBuggyIPs` forbids this address.
    pub fn avoids(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.avoid_buggy_ips && matches!(v4.octets()[3], 0 | 255),
            IpAddr::V6(_) => false,
        }
    }

    /// Whether a Service with these labels in this namespace may use the pool.
    pub fn admits(&self, namespace: &str, service: &Labels, namespaces: &Namespaces) -> bool {
        self.scope
            .as_ref()
            .is_none_or(|scope| scope.admits(namespace, service, namespaces))
    }
}

/// A prefix that is given by one of its later addresses holds those before it too.
fn host_bits(text: &str, range: &AddressRange) -> Option<String> {
    let (address, _) = text.split_once('/')?;
    let (first, last) = (range.first(), range.last());
    (address.parse() != Ok(first)).then(|| format!("{text} has host bits: it gives out {first} to {last}"))
}

/// When the object was made; not yet made sorts last.
pub(super) fn created_unix_seconds(metadata: &ObjectMeta) -> i64 {
    let created = metadata.creation_timestamp.as_ref();
    created.map_or(i64::MAX, |time| time.0.as_second())
}

impl Scope {
    /// A selector that cannot be read is `unusable` and selects nobody. Without it the list might select everybody.
    fn read(allocation: &ServiceAllocation, unusable: &mut Vec<Invalid>) -> Self {
        let mut selectors = |field: &str, list: &[LabelSelector]| {
            let read = |(at, selector)| {
                Selector::parse(selector).unwrap_or_else(|error| {
                    unusable.push(error.within(&format!("spec.serviceAllocation.{field}[{at}]")));
                    Selector::of_nobody()
                })
            };
            list.iter().enumerate().map(read).collect()
        };
        Self {
            priority: allocation.priority,
            namespaces: allocation.namespaces.iter().cloned().collect(),
            namespace_selectors: selectors("namespaceSelectors", &allocation.namespace_selectors),
            service_selectors: selectors("serviceSelectors", &allocation.service_selectors),
        }
    }

    /// By which pools with a scope are tried, the least first: by priority, of which 0 means "none" and comes last (MetalLB's
    /// rule).
    pub fn turn(&self) -> (bool, i64) {
        (self.priority == 0, self.priority)
    }

    /// Whether it depends on labels of Services.
    pub fn selects_services(&self) -> bool {
        !self.service_selectors.is_empty()
    }

    /// Namespace named or selected (if any rule names namespaces) and Service selected (if any rule
    /// selects Services). Namespace selectors that match nothing admit nobody; MetalLB takes that for
    /// "no limit".
    fn admits(&self, namespace: &str, service: &Labels, namespaces: &Namespaces) -> bool {
        let unlimited = self.namespaces.is_empty() && self.namespace_selectors.is_empty();
        let selected = || {
            let labels = namespaces.get(namespace);
            labels.is_some_and(|labels| self.namespace_selectors.iter().any(|one| one.matches(labels)))
        };
        let namespace_fits = unlimited || self.namespaces.contains(namespace) || selected();
        namespace_fits && Selector::any_or_empty(&self.service_selectors, service)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn resource(name: &str, spec: Value) -> IPAddressPool {
        let object = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": { "name": name, "namespace": "metallb-system" }, "spec": spec });
        serde_json::from_value(object).unwrap()
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// Stands for a selector with an operator that there is not.
    const BAD: &str = "bad";

    #[test]
    fn pools_without_a_priority_come_last() {
        let mut scopes = [0, 20, 10].map(|priority| Scope {
            priority,
            ..Scope::default()
        });
        scopes.sort_by_key(Scope::turn);
        assert_eq!(scopes.map(|scope| scope.priority), [10, 20, 0]);
    }

    #[rstest]
    #[case::reversed_ipv6(json!({"addresses": ["2001:db8::9-2001:db8::1"]}), "spec.addresses[0]: \"2001:db8::9-2001:db8::1\": the start of a range must not be above its end")]
    #[case::second_entry(json!({"addresses": ["192.0.2.0/24", "192.0.2.0/33"]}), "spec.addresses[1]: \"192.0.2.0/33\": must be a CIDR prefix like 192.0.2.0/28 or an inclusive range like 192.0.2.10-192.0.2.20")]
    #[case::empty(json!({"addresses": []}), "spec.addresses: must hold at least one prefix or range")]
    fn names_the_entry_that_cannot_be_used(#[case] spec: Value, #[case] message: &str) {
        let pool = Pool::read(&resource("p", spec));
        let unusable: Vec<String> = pool.unusable.iter().map(ToString::to_string).collect();
        assert_eq!(unusable, [message]);
    }

    #[test]
    fn what_can_be_used_of_a_pool_is_used() {
        let spec = json!({"addresses": ["192.0.2.0/33", "192.0.2.8/29", "x"]});
        let mut resource = resource("p", spec);
        resource.metadata.labels = Some(labels(&[("zone", "a")]));
        let pool = Pool::read(&resource);
        assert_eq!(pool.ranges, ["192.0.2.8/29".parse().unwrap()]);
        assert_eq!(pool.unusable.len(), 2);
        assert_eq!(pool.labels, labels(&[("zone", "a")]));
    }

    #[rstest]
    #[case::of_services(json!({"serviceSelectors": [BAD]}), "serviceSelectors[0]", &[])]
    #[case::beside_one_that_can_be_read(json!({"serviceSelectors": [{"matchLabels": {"app": "web"}}, BAD]}), "serviceSelectors[1]", &["red", "blue"])]
    #[case::of_namespaces(json!({"namespaceSelectors": [BAD]}), "namespaceSelectors[0]", &[])]
    #[case::beside_a_namespace_by_name(json!({"namespaces": ["red"], "namespaceSelectors": [BAD]}), "namespaceSelectors[0]", &["red"])]
    fn a_selector_that_cannot_be_read_is_named_and_selects_nobody(
        #[case] allocation: Value,
        #[case] field: &str,
        #[case] admitted: &[&str],
    ) {
        let bad = json!({"matchExpressions": [{"key": "a", "operator": "Near"}]});
        let allocation = allocation
            .to_string()
            .replace(&json!(BAD).to_string(), &bad.to_string());
        let allocation: Value = serde_json::from_str(&allocation).unwrap();
        let spec = json!({"addresses": ["192.0.2.0/24"], "serviceAllocation": allocation});
        let pool = Pool::read(&resource("p", spec));
        let unusable: Vec<String> = pool.unusable.iter().map(ToString::to_string).collect();
        let why = "matchExpressions[0].operator: \"Near\" is none of In, NotIn, Exists, DoesNotExist";
        assert_eq!(unusable, [format!("spec.serviceAllocation.{field}.{why}")]);
        let namespaces = ["red", "blue"].map(|name| (name.to_owned(), labels(&[("a", "b")])));
        let admits = |name: &&str| pool.admits(name, &labels(&[("app", "web")]), &namespaces.clone().into());
        assert_eq!(
            ["red", "blue"].into_iter().filter(admits).collect::<Vec<_>>(),
            admitted
        );
        assert_eq!(pool.ranges.len(), 1);
    }

    #[rstest]
    #[case::named_namespace(json!({"namespaces": ["red"]}), "red", true)]
    #[case::other_namespace(json!({"namespaces": ["red"]}), "blue", false)]
    #[case::selected_namespace(json!({"namespaceSelectors": [{"matchLabels": {"team": "b"}}]}), "blue", true)]
    #[case::named_or_selected(json!({"namespaces": ["red"], "namespaceSelectors": [{"matchLabels": {"team": "b"}}]}), "blue", true)]
    #[case::selector_that_matches_no_namespace(json!({"namespaceSelectors": [{"matchLabels": {"team": "z"}}]}), "blue", false)]
    #[case::selected_service(json!({"serviceSelectors": [{"matchLabels": {"app": "web"}}]}), "blue", true)]
    #[case::namespace_and_service_must_fit(json!({"namespaces": ["red"], "serviceSelectors": [{"matchLabels": {"app": "web"}}]}), "blue", false)]
    #[case::only_a_priority(json!({"priority": 10}), "blue", true)]
    fn admits_by_scope(#[case] allocation: Value, #[case] namespace: &str, #[case] expected: bool) {
        let pool = Pool::read(&resource(
            "p",
            json!({ "addresses": ["192.0.2.0/24"], "serviceAllocation": allocation }),
        ));
        let namespaces = Namespaces::from([
            ("red".to_owned(), labels(&[("team", "r")])),
            ("blue".to_owned(), labels(&[("team", "b")])),
        ]);
        assert_eq!(
            pool.admits(namespace, &labels(&[("app", "web")]), &namespaces),
            expected
        );
    }

    #[test]
    fn buggy_addresses_are_avoided_in_ipv4_only() {
        let spec = json!({"addresses": ["192.0.2.0/24"], "avoidBuggyIPs": true});
        let pool = Pool::read(&resource("p", spec));
        let avoids = |address: &str| pool.avoids(address.parse().unwrap());
        assert!(avoids("192.0.2.0") && avoids("192.0.2.255"));
        assert!(!avoids("192.0.2.1") && !avoids("2001:db8::"));
    }
}
