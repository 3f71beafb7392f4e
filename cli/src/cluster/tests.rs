use ferrolb_controller::alloc::{Outcome, decide};
use ferrolb_crds::api::IPAddressPool;
use ferrolb_crds::api::core::{Node, Service};
use ferrolb_crds::domain::ServiceKey;
use ferrolb_runtime::reflect::Reflection;

use tokio::time::Instant;

use super::*;

/// Lists pools of an API server that answers so many times that it would rather do so later.
async fn listed_after(refusals: u32) -> Result<Snapshot<IPAddressPool>, AccessError> {
    let mut left = refusals;
    let server = tower::service_fn(move |_: http::Request<kube::client::Body>| {
        let later = left > 0;
        left = left.saturating_sub(1);
        let (code, body) = match later {
            true => (
                429,
                json!({"kind": "Status", "status": "Failure", "code": 429, "message": "later"}),
            ),
            false => (
                200,
                json!({"kind": "IPAddressPoolList", "items": [], "metadata": {}}),
            ),
        };
        let answer = http::Response::builder().status(code);
        let answer = answer
            .body(kube::client::Body::from(body.to_string().into_bytes()))
            .unwrap();
        async move { Ok::<_, std::convert::Infallible>(answer) }
    });
    let cluster = Cluster {
        client: Client::new(server, "default"),
        namespace: "metallb-system".to_owned(),
        args: ClusterArgs {
            kubeconfig: None,
            namespace: None,
        },
    };
    cluster.entries(None, &ALL).await
}

#[tokio::test(start_paused = true)]
async fn a_list_that_the_api_server_would_rather_give_later_is_asked_for_again_soon() {
    let began = Instant::now();
    assert!(listed_after(1).await.unwrap().is_empty());
    assert!(began.elapsed() <= Duration::from_millis(50));
    assert!(listed_after(ATTEMPTS - 1).await.unwrap().is_empty());
    let refused = listed_after(ATTEMPTS).await.unwrap_err();
    assert!(refused.to_string().ends_with("later"), "{refused}");
}

#[test]
fn the_address_of_a_service_that_cannot_be_read_goes_to_nobody_else() {
    let service = |name, ports| {
        json!({"metadata": {"name": name, "namespace": "shop"},
            "spec": {"type": "LoadBalancer", "clusterIPs": ["10.96.0.7"], "ports": ports}})
    };
    let mut odd = service("odd", json!([{"port": "x"}]));
    odd["status"] = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.0"}]}});
    let node = json!({"metadata": {"name": "n1", "labels": 7},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}});
    let pool = json!({"metadata": {"name": "p"}, "spec": {"addresses": ["192.0.2.0/29"]}});
    let services: Snapshot<Service> = Reflection::of([odd, service("new", json!([]))]).snapshot();
    let nodes: Snapshot<Node> = Reflection::of([node]).snapshot();
    let mut problems = Vec::new();
    let objects = Objects {
        pools: vec![serde_json::from_value(pool).unwrap()],
        held_by_odd: raw(&services).flat_map(held_by_odd).collect(),
        services: readable(services, &mut problems),
        addresses_of_odd: raw(&nodes).flat_map(addresses_of_odd).collect(),
        ..Objects::default()
    };
    let outcomes = decide(&objects.world(None, &mut Vec::new())).outcomes;
    let Outcome::Assigned(new) = &outcomes[&ServiceKey::new("shop", "new")] else {
        panic!("it gets an address")
    };
    assert_eq!(new.addresses.to_string(), "192.0.2.2");
    let said: Vec<String> = problems.iter().map(|one| one.object.to_string()).collect();
    assert_eq!(said, ["Service/shop/odd"]);
}

#[test]
fn the_families_are_those_of_the_first_service_network() {
    let range = |name, cidrs| json!({"metadata": {"name": name}, "spec": {"cidrs": cidrs}});
    let cidrs = [
        range("added", json!(["10.97.0.0/16"])),
        range("kubernetes", json!(["2001:db8:9::/112", "10.96.0.0/16"])),
    ];
    assert_eq!(families(&cidrs), [Family::V6, Family::V4]);
    assert_eq!(families(&[]), []);
}

#[test]
fn an_object_that_does_not_fit_its_type_is_a_problem_and_the_others_are_read() {
    let pool = |name, addresses| json!({"metadata": {"name": name, "namespace": "metallb-system"}, "spec": {"addresses": addresses}});
    let mut problems = Vec::new();
    let items = vec![pool("good", json!(["192.0.2.0/28"])), pool("bad", json!(7))];
    let pools: Vec<IPAddressPool> = readable(Reflection::of(items).snapshot(), &mut problems);
    assert_eq!(pools.len(), 1);
    let texts: Vec<String> = problems
        .iter()
        .map(|one| format!("{}: {}", one.object, one.message))
        .collect();
    assert_eq!(
        texts,
        ["IPAddressPool/metallb-system/bad: spec.addresses: invalid type: integer `7`, expected a sequence"]
    );
}
