//! Each cause in a cluster that is healthy but for it.

mod doubtful;
pub(crate) mod fixture;
mod no_address;
mod not_announced;

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use fixture::*;

#[test]
fn a_healthy_service_is_said_to_be_so() {
    let explanation = healthy().about("svc/web");
    assert!(explanation.healthy, "{}", explanation.headline);
    assert_eq!(
        explanation.headline,
        "shop/web is announced: 192.0.2.200 from node n1 on eth0 (02:00:c0:00:02:0b)"
    );
    assert_eq!(healthy().about("192.0.2.200").headline, explanation.headline);
}

#[test]
fn a_service_that_is_not_there_is_named() {
    let explanation = healthy().about("svc/other/web");
    assert_eq!(
        explanation.headline,
        "other/web is not served (NotFound): there is no Service other/web"
    );
}

#[test]
fn a_service_that_cannot_be_read_names_the_field() {
    let first_line = headline(|it| {
        it.objects.services.clear();
        let id = ObjectId::new("Service", "shop", "web");
        it.problems
            .push(Problem::new(id, "spec.ports[0].port: must be a number"));
    });
    assert_eq!(
        first_line,
        "shop/web is not served (Unreadable): the Service cannot be read: spec.ports[0].port: must be a number"
    );
}

#[rstest]
#[case::another_class(
    json!({"spec": {"loadBalancerClass": "example.com/other"}}),
    "shop/web is not served (NotOurs): spec.loadBalancerClass is \"example.com/other\"; Services without one are ours (--lb-class)"
)]
#[case::another_type(
    json!({"spec": {"type": "ClusterIP"}}),
    "shop/web is not served (NotOurs): not of type LoadBalancer"
)]
fn a_service_that_is_not_ours_is_not_served(#[case] more: Value, #[case] expected: &str) {
    assert_eq!(headline(|it| it.of_service(more)), expected);
}

#[test]
fn without_the_rights_to_judge_the_conditions_are_the_answer() {
    let mut evidence = healthy();
    evidence.objects.nodes.clear();
    evidence.objects.adverts.clear();
    evidence.live().unseen = [("nodes".to_owned(), "may not list nodes".to_owned())].into();
    let explanation = evidence.about("svc/web");
    assert!(explanation.healthy, "{}", explanation.headline);
    evidence.announced(
        "False",
        "NotAdvertised",
        "192.0.2.200 not announced: no L2Advertisement selects pool lan",
    );
    assert_eq!(
        evidence.about("svc/web").headline,
        "shop/web is not announced (NotAdvertised): 192.0.2.200 not announced: no L2Advertisement selects pool lan"
    );
}

#[rstest]
#[case::of_a_node("192.0.2.12", "192.0.2.12 is not served (Elsewhere): it belongs to node n2")]
#[case::external(
    "198.51.100.9",
    "198.51.100.9 is not served (Elsewhere): it is an external IP of Service shop/chat (spec.externalIPs)"
)]
#[case::of_another_class(
    "198.51.100.8",
    "198.51.100.8 is not served (Elsewhere): it is in the status of Service shop/mail, and not from this controller"
)]
#[case::free(
    "192.0.2.201",
    "192.0.2.201 is not served (Free): no Service has it; pool lan holds it"
)]
#[case::in_no_pool(
    "198.51.100.1",
    "198.51.100.1 is not served (InNoPool): no Service has it, and 198.51.100.1 is in no pool"
)]
fn an_address_that_no_service_of_ours_has_is_somebody_elses(#[case] address: &str, #[case] expected: &str) {
    let mut evidence = healthy();
    let external = json!({"spec": {"type": "ClusterIP", "externalIPs": ["198.51.100.9"]}, "status": null});
    let foreign = json!({"spec": {"loadBalancerClass": "example.com/other"}, "status": {"conditions": null}});
    evidence.objects.services.extend([
        object(service("chat", "192.0.2.201", external)),
        object(service("mail", "198.51.100.8", foreign)),
    ]);
    assert_eq!(evidence.about(address).headline, expected);
}

#[test]
fn of_two_addresses_the_one_that_is_not_announced_is_named() {
    let mut evidence = healthy();
    let pool6 = json!({"spec": {"addresses": ["2001:db8::200/127"]}});
    evidence
        .objects
        .pools
        .push(metallb("IPAddressPool", "lan6", pool6));
    let only = json!({"spec": {"ipAddressPools": ["lan"]}});
    evidence.objects.adverts = vec![metallb("L2Advertisement", "lan", only)];
    evidence.of_service(json!({
        "metadata": {"annotations": {"ferrolb.io/second-allocated-from-pool": "lan6"}},
        "spec": {"clusterIPs": ["10.96.0.7", "2001:db8:9::7"], "ipFamilyPolicy": "RequireDualStack"},
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.200"}, {"ip": "2001:db8::200"}]},
            "conditions": [condition("Assigned", "True", "Assigned", ""), condition("Announced", "False", "NotAdvertised", "")]}}));
    let first_line = evidence.about("svc/web").headline;
    assert!(
        first_line.contains(
            "is not announced at 2001:db8::200 (NotAdvertised): no L2Advertisement selects pool lan6"
        ),
        "{first_line}"
    );
}

#[test]
fn the_screen_shows_the_whole_chain() {
    let evidence = healthy();
    let screen = render::render(&evidence.about("svc/web"), evidence.now);
    assert_eq!(
        screen,
        "\
shop/web is announced: 192.0.2.200 from node n1 on eth0 (02:00:c0:00:02:0b)

Service      type LoadBalancer, class none, externalTrafficPolicy Cluster
Endpoints    ready on n1 (1)
Address      192.0.2.200 from pool lan
  Advertised L2Advertisement lan
  Nodes      n1, n2: may announce; speaker ready
  Holder     node n1 on eth0 (02:00:c0:00:02:0b), since 2026-01-01T00:30:00Z (30m ago)
Assigned     True Assigned: 192.0.2.200 from pool lan, since 2026-01-01T00:00:00Z (60m ago)
Announced    True Announced: 192.0.2.200 announced from node n1 on eth0, since 2026-01-01T00:00:00Z (60m ago)
Events       30m ago Normal nodeAssigned: announcing from node \"n1\" with protocol \"layer2\"
"
    );
}

#[test]
fn the_screen_says_what_to_do_before_the_chain() {
    let mut evidence = healthy();
    evidence.without_address(json!([]));
    fill(&mut evidence);
    evidence.live().lease = None;
    let screen = render::render(&evidence.about("svc/web"), evidence.now);
    assert_eq!(
        screen,
        "\
shop/web has no address (NoAddress): pool lan has no free IPv4 address

Besides:
  has no address (NoController): no controller leads: there is no Lease ferrolb-controller

What to do:
  Add addresses to a pool that is for the Service; what each pool lacks is said above. ferrolb status shows how full they are.
  Find out why no controller runs: kubectl get pods -n metallb-system -l component=controller, and their logs.

Service      type LoadBalancer, class none, externalTrafficPolicy Cluster
Pools        pool lan has no free IPv4 address
Endpoints    ready on n1 (1)
Events       30m ago Normal nodeAssigned: announcing from node \"n1\" with protocol \"layer2\"
"
    );
}
