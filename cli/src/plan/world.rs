//! Objects → the worlds of both daemons → their decisions → the report.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_controller::alloc::{self, Assignment, Outcome, World};
use ferrolb_crds::domain::{
    Advert, AdvertName, Endpoints, Invalid, Namespaces, Node, NodeName, ObjectId, Pool, Pools, Problem,
    ServiceKey, ServiceView,
};
use ferrolb_speaker::election::{self, Candidate, Elections, Interfaces, Liveness, Options, Ranking, View};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Resource, ResourceExt};

use super::Args;
use super::defaults::{fill_namespace, fill_service};
use super::manifests::Manifests;
use super::report::{Announced, Reason, Report, ServicePlan};

/// Label of an `EndpointSlice`: the Service it belongs to.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Decides as the controller would, then elects as the speakers would.
pub(super) fn plan(mut manifests: Manifests, args: &Args) -> Report {
    let mut problems = std::mem::take(&mut manifests.problems);
    let fill = |service| fill_service(service, &args.cluster_families);
    problems.extend(manifests.services.iter_mut().filter_map(fill));
    manifests.namespaces.iter_mut().for_each(fill_namespace);

    let (pools, overlaps) = Pools::new(parse_all(&manifests.pools, Pool::parse, &mut problems));
    problems.extend(overlaps);
    let adverts = parse_all(&manifests.adverts, Advert::parse, &mut problems);
    let nodes: BTreeMap<NodeName, Node> = manifests.nodes.iter().map(Node::read).collect();
    let world = world(&manifests, pools, &nodes, args);
    let decision = alloc::decide(&world);
    let view = view(&manifests, &world, &decision, adverts, nodes, args);
    let elections = election::elect(&view);
    problems.sort();
    let service = |(key, outcome): (&ServiceKey, &Outcome)| service_plan(key, outcome, &elections);
    Report {
        services: decision.outcomes.iter().map(service).collect(),
        problems,
    }
}

fn parse_all<K, T>(
    objects: &[K],
    parse: impl Fn(&K) -> Result<T, Invalid>,
    problems: &mut Vec<Problem>,
) -> Vec<T>
where
    K: Resource<DynamicType = ()>,
{
    let mut valid = Vec::new();
    for object in objects {
        match parse(object) {
            Ok(value) => valid.push(value),
            Err(invalid) => {
                let namespace = object.namespace().unwrap_or_default();
                problems.push(Problem::new(
                    ObjectId::new(&K::kind(&()), namespace, object.name_any()),
                    invalid,
                ));
            }
        }
    }
    valid
}

fn world(manifests: &Manifests, pools: Pools, nodes: &BTreeMap<NodeName, Node>, args: &Args) -> World {
    let views = manifests
        .services
        .iter()
        .map(|service| Arc::new(ServiceView::read(service)));
    World {
        services: views.map(|view| (view.key.clone(), view)).collect(),
        pools,
        namespaces: namespaces(manifests),
        reserved: nodes
            .values()
            .flat_map(|node| node.addresses.iter().copied())
            .collect(),
        class: args.lb_class.clone(),
        ..World::default()
    }
}

fn namespaces(manifests: &Manifests) -> Namespaces {
    manifests
        .namespaces
        .iter()
        .map(|one| (one.name_any(), one.labels().clone()))
        .collect()
}

/// The world as the speakers would see it once the controller has written its decision.
fn view(
    manifests: &Manifests,
    world: &World,
    decision: &alloc::Decision,
    adverts: Vec<Advert>,
    nodes: BTreeMap<NodeName, Node>,
    args: &Args,
) -> View {
    let endpoints = endpoints(&manifests.slices);
    let candidate = |(key, service): (&ServiceKey, &Arc<ServiceView>)| {
        let service = Arc::new(written(service, &decision.outcomes[key]));
        let endpoints = Arc::new(endpoints.get(key).cloned().unwrap_or_default());
        (key.clone(), Candidate { service, endpoints })
    };
    let by_name = |advert: Advert| -> (AdvertName, Advert) { (advert.name.clone(), advert) };
    View {
        services: world.services.iter().map(candidate).collect(),
        pools: world.pools.clone(),
        adverts: adverts.into_iter().map(by_name).collect(),
        liveness: Liveness::Known(nodes.keys().cloned().collect()),
        nodes,
        options: Options {
            class: args.lb_class.clone(),
            ignore_exclude_label: args.ignore_exclude_lb,
            ranking: Ranking::Full,
        },
        ..View::default()
    }
}

fn endpoints(slices: &[EndpointSlice]) -> BTreeMap<ServiceKey, Endpoints> {
    let mut by_service: BTreeMap<ServiceKey, Vec<&EndpointSlice>> = BTreeMap::new();
    for slice in slices {
        if let Some(service) = slice.labels().get(SERVICE_NAME) {
            let key = ServiceKey::new(slice.namespace().unwrap_or_default(), service.clone());
            by_service.entry(key).or_default().push(slice);
        }
    }
    by_service
        .into_iter()
        .map(|(key, slices)| (key, Endpoints::from_slices(slices)))
        .collect()
}

fn written(service: &ServiceView, outcome: &Outcome) -> ServiceView {
    let mut written = service.clone();
    (written.ingress, written.allocated_from) = match outcome {
        Outcome::Assigned(assignment) => (assignment.addresses, assignment.pools.first().cloned()),
        Outcome::Refused(_) | Outcome::NotOurs => Default::default(),
    };
    written
}

fn service_plan(key: &ServiceKey, outcome: &Outcome, elections: &Elections) -> ServicePlan {
    let nothing = Assignment {
        addresses: Default::default(),
        pools: Vec::new(),
        notes: Vec::new(),
    };
    let (assignment, refused) = match outcome {
        Outcome::Assigned(assignment) => (assignment, None),
        Outcome::Refused(refusal) => (&nothing, Some(refusal.into())),
        Outcome::NotOurs => (&nothing, Some(Reason::not_ours())),
    };
    ServicePlan {
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        pool: assignment.pools.first().cloned(),
        pools: assignment.pools.clone(),
        addresses: assignment.addresses.iter().collect(),
        refused,
        announced: assignment
            .addresses
            .iter()
            .map(|address| announced(key, address, elections))
            .collect(),
    }
}

fn announced(service: &ServiceKey, address: IpAddr, elections: &Elections) -> Announced {
    let nobody = |refused| Announced {
        address,
        node: None,
        interfaces: Vec::new(),
        refused,
    };
    match elections
        .by_address
        .get(&address)
        .map(|election| election.of_service(service))
    {
        None => nobody(None),
        Some(Err(why)) => nobody(Some(why.into())),
        Some(Ok(winner)) => Announced {
            address,
            node: Some(winner.node.clone()),
            interfaces: match &winner.interfaces {
                Interfaces::Any => Vec::new(),
                Interfaces::Only(names) => names.iter().cloned().collect(),
            },
            refused: None,
        },
    }
}
