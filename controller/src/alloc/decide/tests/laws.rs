//! The laws of allocation, over worlds made at random. The strategies keep everything small, so that
//! conflicts are the rule and not the exception.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_crds::domain::Origins;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::sharing::local;
use super::*;

fn pools() -> impl Strategy<Value = Vec<Pool>> {
    let all = vec![
        plain("both", &["192.0.2.0/30", "2001:db8::/126"]),
        plain("four", &["192.0.2.4-192.0.2.6"]),
        plain("six", &["2001:db8::10-2001:db8::11"]),
        pool(
            "manual",
            json!({ "addresses": ["192.0.2.8/31"], "autoAssign": false }),
        ),
        pool(
            "web",
            json!({ "addresses": ["192.0.2.10/31"], "serviceAllocation":
            { "priority": 5, "serviceSelectors": [{ "matchLabels": { "app": "web" } }] } }),
        ),
        pool(
            "odd",
            json!({ "addresses": ["192.0.2.254-192.0.3.1"], "avoidBuggyIPs": true }),
        ),
    ];
    subsequence(all, 0..=6)
}

const HELD: [&[&str]; 7] = [
    &[],
    &[],
    &["192.0.2.1"],
    &["192.0.2.5"],
    &["192.0.2.1", "2001:db8::1"],
    &["2001:db8::10"],
    &["203.0.113.9"],
];

fn service(name: String) -> impl Strategy<Value = Svc> {
    let families = select(vec!["one", "six", "PreferDualStack", "RequireDualStack"]);
    let asked = select(vec![
        "",
        "",
        "",
        "pool",
        "192.0.2.1",
        "192.0.2.5",
        "192.0.2.1,2001:db8::1",
        "nonsense",
    ]);
    let shape = (families, asked, select(HELD.to_vec()), select(vec!["", "k", "l"]));
    let detail = (
        select(vec![80u16, 443]),
        any::<bool>(),
        any::<bool>(),
        0u8..3,
        select(vec!["", "app"]),
    );
    (shape, detail).prop_map(
        move |((families, asked, held, sharing), (port, local_pods, ours, day, label))| {
            let mut made = svc(&name)
                .port(port)
                .created(&format!("2026-01-0{}T00:00:00Z", day + 1));
            made = match families {
                "one" => made,
                "six" => made.spec("clusterIPs", json!(["fd00:10:96::9"])),
                policy => made.dual(policy),
            };
            made = match asked {
                "" => made,
                "pool" => made.annotated("address-pool", "manual"),
                addresses => made.annotated("loadBalancerIPs", addresses),
            };
            if !sharing.is_empty() {
                made = made.annotated("allow-shared-ip", sharing);
            }
            if local_pods {
                made = local(made, label);
            }
            if !label.is_empty() {
                made = made.labelled(label, "web");
            }
            match (held.is_empty(), ours) {
                (true, _) => made,
                (false, true) => made.holding(held, "both"),
                (false, false) => made.status(held),
            }
        },
    )
}

fn services() -> impl Strategy<Value = Vec<Svc>> {
    (0..8usize).prop_flat_map(|count| (0..count).map(|at| service(format!("s{at}"))).collect::<Vec<_>>())
}

/// Machines, a Service with an external IP, and one of another class with a status; each address is in a pool.
fn with_others(
    pools: impl Strategy<Value = Vec<Pool>>,
    services: impl Strategy<Value = Vec<Svc>>,
) -> impl Strategy<Value = World> {
    let addresses = || subsequence(vec!["192.0.2.0", "192.0.2.1", "192.0.2.5", "2001:db8::1"], 0..=2);
    (pools, services, addresses(), addresses(), addresses()).prop_map(
        |(pools, mut services, nodes, external, status)| {
            let pinned = svc("pinned").spec("type", json!("ClusterIP"));
            services.push(pinned.spec("externalIPs", json!(external)));
            let other = svc("other").spec("loadBalancerClass", json!("example.com/other"));
            services.push(other.status(&status));
            let mut world = world(pools, &services);
            world.nodes = nodes.iter().map(|address| (ip(address), "n1".into())).collect();
            world
        },
    )
}

/// What the owner of a Service may wish for instead.
fn wish() -> impl Strategy<Value = (Result<Asked, Invalid>, Option<Result<Families, Invalid>>)> {
    let unreadable = || Invalid::new("metallb.io/loadBalancerIPs", "\"nonsense\" is not an IP address");
    let addresses = |texts: &[&str]| {
        Ok(Asked::Addresses(
            texts.iter().map(|text| ip(text)).collect(),
            None,
        ))
    };
    let asked = vec![
        Ok(Asked::Anything),
        Ok(Asked::Pool("manual".into())),
        Ok(Asked::Pool("six".into())),
        Ok(Asked::Pool("mistyped".into())),
        Err(unreadable()),
        addresses(&["192.0.2.1"]),
        addresses(&["192.0.2.5"]),
        addresses(&["192.0.2.1", "2001:db8::1"]),
        addresses(&["203.0.113.1"]),
    ];
    let families = vec![None, Some(Ok(Families::Both)), Some(Err(unreadable()))];
    (select(asked), select(families))
}

/// The world after so many decisions that nobody moves any more.
fn at_rest(mut world: World) -> World {
    for _ in 0..=world.services.len() {
        let next = acted(&world, &decide(&world));
        if next.services == world.services {
            return world;
        }
        world = next;
    }
    panic!("it never comes to rest")
}

fn assigned(decision: &Decision) -> BTreeMap<ServiceKey, Addresses> {
    let of = |(key, outcome): (&ServiceKey, &Outcome)| match outcome {
        Outcome::Assigned(assignment) => Some((key.clone(), assignment.addresses)),
        _ => None,
    };
    decision.outcomes.iter().filter_map(of).collect()
}

/// The world as it is once the decision has been written.
fn acted(world: &World, decision: &Decision) -> World {
    let mut next = world.clone();
    next.changed.clear();
    for (key, service) in &mut next.services {
        let service = Arc::make_mut(service);
        match &decision.outcomes[key] {
            Outcome::Assigned(assignment) => {
                service.ingress = assignment.addresses;
                service.allocated_from = Origins::of(&assignment.pools);
            }
            Outcome::Refused(why) if why.leaves_status() => {}
            Outcome::NotOurs if !service.class.is_ours(None) => {}
            Outcome::Refused(_) | Outcome::NotOurs => {
                service.ingress = Addresses::default();
                service.allocated_from = Origins::default();
            }
        }
    }
    next
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_address_has_two_incompatible_users(pools in pools(), services in services()) {
        let world = world(pools, &services);
        let assigned = assigned(&decide(&world));
        for (one, at) in &assigned {
            for (other, there) in assigned.iter().filter(|(other, _)| *other > one) {
                if at.iter().any(|address| there.iter().any(|same| same == address)) {
                    let (a, b) = (&world.services[one], &world.services[other]);
                    prop_assert!(a.sharing.is_some() && a.sharing == b.sharing, "{one} and {other}");
                    prop_assert!(a.ports.is_disjoint(&b.ports), "{one} and {other} serve the same port");
                }
            }
        }
    }

    #[test]
    fn every_assigned_address_lies_in_a_live_pool_or_is_flagged(pools in pools(), services in services()) {
        let world = world(pools, &services);
        for (key, outcome) in &decide(&world).outcomes {
            let Outcome::Assigned(assignment) = outcome else { continue };
            for address in assignment.addresses.iter() {
                let flagged = assignment.notes.contains(&Note::OutsidePools { address });
                prop_assert_eq!(world.pools.owner(address).is_none(), flagged, "{} of {}", address, key);
            }
            prop_assert_eq!(assignment.pools.len(), assignment.addresses.len());
        }
    }

    #[test]
    fn deciding_again_after_acting_changes_nothing_unless_somebody_moved(pools in pools(), services in services()) {
        let world = world(pools, &services);
        let first = decide(&world);
        let second = decide(&acted(&world, &first));
        let now = assigned(&first);
        let left = |(key, service): (&ServiceKey, &Arc<ServiceView>)| {
            let stays = |address: IpAddr| now.get(key).is_some_and(|some| some.iter().any(|one| one == address));
            !service.ingress.iter().all(stays)
        };
        if !world.services.iter().any(left) {
            prop_assert_eq!(now, assigned(&second));
            prop_assert_eq!(first.usage, second.usage);
        }
    }

    #[test]
    fn deciding_again_and_again_comes_to_rest(world in with_others(pools(), services())) {
        at_rest(world);
    }

    #[test]
    fn no_edit_of_a_wish_takes_a_live_address_away(
        world in with_others(pools(), services()), edited in 0..8usize, (asked, families) in wish(),
    ) {
        let mut world = at_rest(world);
        let before = assigned(&decide(&world));
        let Some(edited) = before.keys().nth(edited).cloned() else { return Ok(()) };
        let service = Arc::make_mut(world.services.get_mut(&edited).unwrap());
        service.asked = asked;
        service.families = families.unwrap_or(service.families.clone());
        let after = assigned(&decide(&world));
        for (key, had) in &before {
            let has = after.get(key).copied().unwrap_or_default();
            if *key == edited {
                for family in had.iter().map(Family::of) {
                    prop_assert!(has.of(family).is_some(), "{} had {} and has {}", key, had, has);
                }
            } else {
                prop_assert_eq!(*had, has);
            }
        }
    }

    #[test]
    fn an_address_of_a_node_or_of_another_implementation_is_never_given_to_a_service_of_ours(
        world in with_others(pools(), services()),
    ) {
        for (key, outcome) in &decide(&world).outcomes {
            let Outcome::Assigned(assignment) = outcome else { continue };
            let service = &world.services[key];
            for address in assignment.addresses.iter() {
                prop_assert!(!world.nodes.contains_key(&address), "{} has {}", key, address);
                let used = |other: &ServiceView| {
                    let theirs = !other.is_written_by_us() && other.ingress.iter().any(|one| one == address);
                    other.key != *key && (theirs || other.external_ips.contains(&address))
                };
                if world.services.values().any(|other| used(other)) {
                    let had = service.is_written_by_us() && service.ingress.iter().any(|one| one == address);
                    let flagged = assignment.notes.iter().any(|note| matches!(note,
                        Note::UsedElsewhere { address: flagged, .. } if *flagged == address));
                    prop_assert!(flagged && (had || service.asks_for(address)), "{} has {}", key, address);
                }
            }
        }
    }

    #[test]
    fn adding_a_service_moves_nobody(pools in pools(), services in services(), new in service("new".to_owned())) {
        let settled = at_rest(world(pools, &services));
        let mut with_new = settled.clone();
        let mut view = new.view();
        (view.ingress, view.allocated_from) = Default::default();
        with_new.services.insert(view.key.clone(), view.clone().into());
        let (old, mut new) = (assigned(&decide(&settled)), assigned(&decide(&with_new)));
        new.remove(&view.key);
        prop_assert!(old.iter().all(|(key, addresses)| new.get(key) == Some(addresses)), "{:?} {:?}", old, new);
    }

    #[test]
    fn no_eligible_address_is_left_while_a_service_is_refused(world in with_others(pools(), services())) {
        let others = Others::new(&world);
        let decision = decide(&world);
        // What a Service leaves is nobody's until it is told.
        let has = |key: &ServiceKey| world.services[key].ingress.iter();
        let given = assigned(&decision);
        let used: Vec<IpAddr> = given.iter().flat_map(|(key, now)| now.iter().chain(has(key))).collect();
        for (key, outcome) in &decision.outcomes {
            let service = &world.services[key];
            let (Outcome::Refused(Reason::NoAddress(_)), Ok(Families::One(family))) = (outcome, &service.families)
            else { continue };
            for pool in world.pools.iter() {
                let usable = match &service.asked {
                    Ok(Asked::Pool(name)) => *name == pool.name,
                    _ => pool.auto_assign,
                } && pool.admits(&key.namespace, &service.labels, &world.namespaces);
                let all = &world.pools.all_addresses()[world.pools.position(&pool.name).unwrap()];
                let each = std::iter::successors(all.first(*family), |address| all.after(*address));
                for address in each.filter(|address| usable && others.withheld(pool, *address).is_none()) {
                    prop_assert!(used.contains(&address), "{address} is free, but {key} has none");
                }
            }
        }
    }

    #[test]
    fn the_order_of_pools_does_not_matter(pools in pools(), services in services()) {
        let forwards = decide(&world(pools.clone(), &services));
        let backwards = decide(&world(pools.into_iter().rev().collect(), &services));
        prop_assert_eq!(forwards, backwards);
    }
}
