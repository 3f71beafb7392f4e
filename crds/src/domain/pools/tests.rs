use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use proptest::prelude::*;
use range_set_blaze::RangeSetBlaze;

use super::*;

fn pool(name: &str, created_unix_seconds: i64, ranges: Vec<AddressRange>) -> Pool {
    Pool {
        name: name.into(),
        labels: BTreeMap::new(),
        created_unix_seconds,
        ranges,
        unusable: Vec::new(),
        auto_assign: true,
        avoid_buggy_ips: false,
        scope: None,
        allows_node_addresses: false,
        shares_across_namespaces: false,
        doubts: Vec::new(),
    }
}

fn owned<'a>(pools: &'a Pools, name: &str) -> &'a AddressSet {
    &pools.all_addresses()[pools.position(&name.into()).unwrap()]
}

fn ranges(texts: &[&str]) -> Vec<AddressRange> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn an_overlap_belongs_to_the_pool_made_first_and_is_a_problem_of_the_other() {
    let young = pool("a", 2, ranges(&["192.0.2.0/28"]));
    let old = pool("b", 1, ranges(&["192.0.2.8-192.0.2.20"]));
    let (pools, problems) = Pools::new([young, old]);
    assert_eq!(
        problems
            .iter()
            .map(|(_, why)| why.to_string())
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
    assert_eq!(owned(&pools, "a").count(Family::V4), 8);
}

#[test]
fn a_pool_inside_an_older_one_owns_nothing() {
    let young = pool("a", 2, ranges(&["2001:db8::/64"]));
    let old = pool(
        "b",
        1,
        vec![
            AddressRange::new(
                "::".parse().unwrap(),
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap(),
            )
            .unwrap(),
        ],
    );
    let (pools, problems) = Pools::new([young, old]);
    assert_eq!(problems.len(), 1);
    assert_eq!(owned(&pools, "a").count(Family::V6), 0);
    assert_eq!(owned(&pools, "b").count(Family::V6), u128::MAX);
}

/// The rules pool by pool and range by range: what [`Pools::new`] has to come to, with n² steps.
fn by_the_rules(pools: Vec<Pool>) -> (Vec<AddressSet>, Vec<(PoolName, Invalid)>) {
    let by_name: BTreeMap<PoolName, Pool> = pools.into_iter().map(|pool| (pool.name.clone(), pool)).collect();
    let mut by_age: Vec<&Pool> = by_name.values().collect();
    by_age.sort_by_key(|pool| pool.created_unix_seconds);
    let mut addresses = BTreeMap::new();
    let mut problems = Vec::new();
    for (age, pool) in by_age.iter().enumerate() {
        let older = &by_age[..age];
        let own: AddressSet = pool.ranges.iter().copied().collect();
        let taken: AddressSet = older
            .iter()
            .flat_map(|older| older.ranges.iter().copied())
            .collect();
        let own = without(&own, &taken);
        addresses.insert(&pool.name, own);
        problems.extend(first_overlap(pool, older));
    }
    (addresses.into_values().collect(), problems)
}

fn without(own: &AddressSet, taken: &AddressSet) -> AddressSet {
    let numbers = |set: &AddressSet, family| -> RangeSetBlaze<u128> {
        let bounds = set.ranges(family).map(|range| range.bounds());
        bounds.map(|(first, last)| first..=last).collect()
    };
    let left = |family| {
        let left = &numbers(own, family) - &numbers(taken, family);
        left.ranges().map(RangeInclusive::into_inner).collect()
    };
    AddressSet::from_disjoint(&ByFamily::of(left))
}

fn first_overlap(pool: &Pool, older: &[&Pool]) -> Option<(PoolName, Invalid)> {
    let overlap = |a: &AddressRange, b: &AddressRange| {
        a.family() == b.family() && a.first() <= b.last() && b.first() <= a.last()
    };
    let mut found = BTreeMap::new();
    for range in &pool.ranges {
        for earlier in older {
            if earlier.ranges.iter().any(|other| overlap(range, other)) {
                found.entry(&earlier.name).or_insert(range);
            }
        }
    }
    let (earlier, range) = found.into_iter().next()?;
    let reason = format!("{range} overlaps pool {earlier}, which keeps the common addresses");
    Some((pool.name.clone(), Invalid::new("spec.addresses", reason)))
}

/// The numbers up to 40 and as many below the largest, so that ranges often touch, overlap or reach the end.
fn address(family: Family, number: u8) -> IpAddr {
    let number = u32::from(number);
    let low = number < 40;
    match family {
        Family::V4 if low => Ipv4Addr::from_bits(number).into(),
        Family::V4 => Ipv4Addr::from_bits(u32::MAX - (79 - number)).into(),
        Family::V6 if low => Ipv6Addr::from_bits(number.into()).into(),
        Family::V6 => Ipv6Addr::from_bits(u128::MAX - u128::from(79 - number)).into(),
    }
}

fn any_range() -> impl Strategy<Value = AddressRange> {
    let family = prop_oneof![Just(Family::V4), Just(Family::V6)];
    let wide = prop_oneof![4 => 0u8..6, 1 => 0u8..80];
    (family, 0u8..80, wide).prop_map(|(family, first, wide)| {
        let last = first.saturating_add(wide).min(79);
        AddressRange::new(address(family, first), address(family, last)).unwrap()
    })
}

fn any_pools() -> impl Strategy<Value = Vec<Pool>> {
    let one = ("[a-h]", 0i64..4, proptest::collection::vec(any_range(), 0..8))
        .prop_map(|(name, created, ranges)| pool(&name, created, ranges));
    proptest::collection::vec(one, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn pools_together_are_what_the_rules_say_pool_by_pool(given in any_pools()) {
        let (addresses, expected) = by_the_rules(given.clone());
        let (pools, problems) = Pools::new(given);
        prop_assert_eq!(pools.all_addresses(), &addresses[..]);
        prop_assert_eq!(problems, expected);
        for family in [Family::V4, Family::V6] {
            for address in (0..80).map(|number| address(family, number)) {
                let owner = addresses.iter().position(|set| set.contains(address));
                prop_assert_eq!(pools.owner_position(address), owner, "{}", address);
            }
        }
    }
}
