//! Pools of addresses, one by one and all together.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use kube::ResourceExt;

use super::range::number;
use super::{AddressRange, AddressSet, Family, Invalid, Labels, ObjectId, PoolName, Problem, Selector};
use crate::api::{IPAddressPool, ServiceAllocation};

/// Labels of every namespace by its name.
pub type Namespaces = BTreeMap<String, Labels>;

/// A valid `IPAddressPool`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Its name.
    pub name: PoolName,
    /// Its namespace, for messages.
    pub namespace: String,
    /// Its labels, by which advertisements select it.
    pub labels: Labels,
    /// When it was made (Unix time in seconds); objects not yet made come last.
    pub created_unix_seconds: i64,
    /// What it was given, in the order written.
    pub ranges: Vec<AddressRange>,
    /// Whether Services that name no pool may use it.
    pub auto_assign: bool,
    /// Whether IPv4 addresses ending in .0 and .255 are left out.
    pub avoid_buggy_ips: bool,
    /// Which Services it is for; none means all, tried after the pools that have a scope.
    pub scope: Option<Scope>,
}

/// `spec.serviceAllocation`: which Services a pool is for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// The order in which pools with a scope are tried.
    pub priority: PoolPriority,
    namespaces: BTreeSet<String>,
    namespace_selectors: Vec<Selector>,
    service_selectors: Vec<Selector>,
}

/// Lower numbers are tried first; 0 means "no priority" and comes last (MetalLB's rule).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PoolPriority(pub i64);

impl Ord for PoolPriority {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0 == 0, self.0).cmp(&(other.0 == 0, other.0))
    }
}

impl PartialOrd for PoolPriority {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Pool {
    /// Reads the resource.
    ///
    /// # Errors
    /// The first field that is wrong, with its value.
    pub fn parse(resource: &IPAddressPool) -> Result<Self, Invalid> {
        let spec = &resource.spec;
        if spec.addresses.is_empty() {
            return Err(Invalid::new(
                "spec.addresses",
                "must hold at least one prefix or range",
            ));
        }
        let range = |(at, text): (usize, &String)| {
            text.parse::<AddressRange>()
                .map_err(|error| Invalid::new(format!("spec.addresses[{at}]"), error))
        };
        Ok(Self {
            name: resource.name_any().into(),
            namespace: resource.namespace().unwrap_or_default(),
            labels: resource.labels().clone(),
            created_unix_seconds: created_unix_seconds(&resource.metadata),
            ranges: spec
                .addresses
                .iter()
                .enumerate()
                .map(range)
                .collect::<Result<_, _>>()?,
            auto_assign: spec.auto_assign,
            avoid_buggy_ips: spec.avoid_buggy_ips,
            scope: spec.service_allocation.as_ref().map(Scope::parse).transpose()?,
        })
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

    /// The pool as an object, for messages.
    pub fn id(&self) -> ObjectId {
        ObjectId::new("IPAddressPool", self.namespace.clone(), self.name.as_str())
    }
}

/// When the object was made; not yet made sorts last.
pub(super) fn created_unix_seconds(
    metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
) -> i64 {
    metadata
        .creation_timestamp
        .as_ref()
        .map_or(i64::MAX, |time| time.0.as_second())
}

impl Scope {
    fn parse(allocation: &ServiceAllocation) -> Result<Self, Invalid> {
        let path = "spec.serviceAllocation";
        let selectors = |field: &str, list| Selector::parse_all(&format!("{path}.{field}"), list);
        Ok(Self {
            priority: PoolPriority(allocation.priority),
            namespaces: allocation.namespaces.iter().cloned().collect(),
            namespace_selectors: selectors("namespaceSelectors", &allocation.namespace_selectors)?,
            service_selectors: selectors("serviceSelectors", &allocation.service_selectors)?,
        })
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

/// All pools. Each address belongs to one pool at most: where pools overlap, to the one made first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pools {
    /// By name; a pool's place here is its position.
    pools: Vec<Pool>,
    addresses: Vec<AddressSet>,
    /// First and last number of each interval with the position of its pool, in order.
    owned_v4: Vec<(u128, u128, usize)>,
    owned_v6: Vec<(u128, u128, usize)>,
}

impl Pools {
    /// Puts pools together. An overlap is a problem of the pool made later (by name where that is
    /// equal), which does without the common addresses and goes on working.
    pub fn new(pools: impl IntoIterator<Item = Pool>) -> (Self, Vec<Problem>) {
        let by_name: BTreeMap<PoolName, Pool> =
            pools.into_iter().map(|pool| (pool.name.clone(), pool)).collect();
        let pools: Vec<Pool> = by_name.into_values().collect();
        let mut positions: Vec<usize> = (0..pools.len()).collect();
        positions.sort_by_key(|position| pools[*position].created_unix_seconds);
        let mut all = Self {
            addresses: vec![AddressSet::default(); pools.len()],
            pools,
            ..Self::default()
        };
        let mut problems = Vec::new();
        for (older, position) in positions.iter().enumerate() {
            problems.extend(all.overlap(&positions[..older], *position));
            all.own(&positions[..older], *position);
        }
        all.owned_v4.sort_unstable();
        all.owned_v6.sort_unstable();
        (all, problems)
    }

    fn overlap(&self, older: &[usize], position: usize) -> Option<Problem> {
        let pool = &self.pools[position];
        let mut found = BTreeMap::new();
        for range in &pool.ranges {
            for earlier in older.iter().map(|position| &self.pools[*position]) {
                let shared = earlier.ranges.iter().any(|other| overlaps(*range, *other));
                if shared {
                    found.entry(&earlier.name).or_insert(*range);
                }
            }
        }
        let (earlier, range) = found.into_iter().next()?;
        Some(Problem::new(
            pool.id(),
            format!("spec.addresses: {range} overlaps pool {earlier}, which keeps the common addresses"),
        ))
    }

    fn own(&mut self, older: &[usize], position: usize) {
        let mut own: AddressSet = self.pools[position].ranges.iter().copied().collect();
        for range in older.iter().flat_map(|position| &self.pools[*position].ranges) {
            own.remove_range(*range);
        }
        let intervals = |family| {
            let bounds = own.ranges(family).map(|range| range.bounds());
            bounds.map(move |(first, last)| (first, last, position))
        };
        self.owned_v4.extend(intervals(Family::V4));
        self.owned_v6.extend(intervals(Family::V6));
        self.addresses[position] = own;
    }

    /// The pool of this name.
    pub fn named(&self, name: &PoolName) -> Option<&Pool> {
        self.position(name).map(|position| &self.pools[position])
    }

    /// The pool that owns this address.
    pub fn owner(&self, address: IpAddr) -> Option<&Pool> {
        self.owner_position(address).map(|position| &self.pools[position])
    }

    /// The place of the owner among all pools by name.
    pub fn owner_position(&self, address: IpAddr) -> Option<usize> {
        let owned = match Family::of(address) {
            Family::V4 => &self.owned_v4,
            Family::V6 => &self.owned_v6,
        };
        let number = number(address);
        let after = owned.partition_point(|(first, ..)| *first <= number);
        let (_, last, position) = owned.get(after.checked_sub(1)?)?;
        (*last >= number).then_some(*position)
    }

    /// The place of a pool among all by name.
    pub fn position(&self, name: &PoolName) -> Option<usize> {
        self.pools.binary_search_by(|pool| pool.name.cmp(name)).ok()
    }

    /// The addresses a pool owns, those in use included.
    pub fn addresses(&self, name: &PoolName) -> Option<&AddressSet> {
        self.position(name).map(|position| &self.addresses[position])
    }

    /// The addresses of each pool, in the order of [`Self::iter`].
    pub fn all_addresses(&self) -> &[AddressSet] {
        &self.addresses
    }

    /// All pools by name.
    pub fn iter(&self) -> impl Iterator<Item = &Pool> {
        self.pools.iter()
    }

    /// Whether there is no pool at all.
    pub fn is_empty(&self) -> bool {
        self.pools.is_empty()
    }
}

fn overlaps(a: AddressRange, b: AddressRange) -> bool {
    a.family() == b.family() && a.first() <= b.last() && b.first() <= a.last()
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

    fn pool(name: &str, addresses: &[&str]) -> Pool {
        Pool::parse(&resource(name, json!({ "addresses": addresses }))).unwrap()
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn pools_without_a_priority_come_last() {
        let mut priorities = [PoolPriority(0), PoolPriority(20), PoolPriority(10)];
        priorities.sort();
        assert_eq!(priorities, [PoolPriority(10), PoolPriority(20), PoolPriority(0)]);
    }

    #[rstest]
    #[case::reversed_ipv6(json!({"addresses": ["2001:db8::9-2001:db8::1"]}), "spec.addresses[0]: \"2001:db8::9-2001:db8::1\" starts above its end")]
    #[case::second_entry(json!({"addresses": ["192.0.2.0/24", "192.0.2.0/33"]}), "spec.addresses[1]: \"192.0.2.0/33\" is neither a CIDR prefix like 192.0.2.0/28 nor a range like 192.0.2.10-192.0.2.20")]
    #[case::empty(json!({"addresses": []}), "spec.addresses: must hold at least one prefix or range")]
    #[case::selector(json!({"addresses": ["192.0.2.0/24"], "serviceAllocation": {"serviceSelectors": [{"matchExpressions": [{"key": "a", "operator": "Near"}]}]}}), "spec.serviceAllocation.serviceSelectors[0].matchExpressions[0].operator: \"Near\" is none of In, NotIn, Exists, DoesNotExist")]
    fn names_the_field_and_value_that_is_wrong(#[case] spec: Value, #[case] message: &str) {
        assert_eq!(
            Pool::parse(&resource("p", spec)).unwrap_err().to_string(),
            message
        );
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
        let pool = Pool::parse(&resource(
            "p",
            json!({ "addresses": ["192.0.2.0/24"], "serviceAllocation": allocation }),
        ))
        .unwrap();
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
    fn an_overlap_belongs_to_the_pool_made_first_and_is_a_problem_of_the_other() {
        let mut young = pool("a", &["192.0.2.0/28"]);
        let mut old = pool("b", &["192.0.2.8-192.0.2.20"]);
        (young.created_unix_seconds, old.created_unix_seconds) = (2, 1);
        let (pools, problems) = Pools::new([young, old]);
        assert_eq!(
            problems
                .iter()
                .map(|problem| problem.message.as_str())
                .collect::<Vec<_>>(),
            ["spec.addresses: 192.0.2.0-192.0.2.15 overlaps pool b, which keeps the common addresses"]
        );
        let owner = |address: &str| {
            pools
                .owner(address.parse().unwrap())
                .map(|pool| pool.name.to_string())
        };
        assert_eq!(owner("192.0.2.7").as_deref(), Some("a"));
        assert_eq!(owner("192.0.2.8").as_deref(), Some("b"));
        assert_eq!(owner("192.0.2.21"), None);
        assert_eq!(pools.addresses(&"a".into()).unwrap().count(Family::V4), 8);
    }

    #[test]
    fn buggy_addresses_are_avoided_in_ipv4_only() {
        let spec = json!({"addresses": ["192.0.2.0/24"], "avoidBuggyIPs": true});
        let pool = Pool::parse(&resource("p", spec)).unwrap();
        let avoids = |address: &str| pool.avoids(address.parse().unwrap());
        assert!(avoids("192.0.2.0") && avoids("192.0.2.255"));
        assert!(!avoids("192.0.2.1") && !avoids("2001:db8::"));
    }
}
