//! Objects → the worlds of both daemons → their decisions → the report.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_controller::alloc::{self, Assignment, Note, Outcome, World};
use ferrolb_crds::api::core::EndpointSlice;
use ferrolb_crds::domain::{
    Addresses, Advert, AdvertName, Endpoints, Node, NodeLinks, NodeName, Origins, ServiceClass, ServiceKey,
    ServiceView,
};
use ferrolb_speaker::forecast::{Foreseen, Known, forecast};
use ferrolb_speaker::may::{Interfaces, May, Options, Service, View, may};
use kube::ResourceExt;

use super::hints::hints;
use super::report::{Announced, Change, Reason, Report, ServicePlan};
use super::routed::{Routed, Told};
use super::score::scores;
use crate::objects::{Objects, parse_all};
use crate::problem::Problem;

/// Label of an `EndpointSlice`: the Service it belongs to.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// What the daemons know besides the objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Daemons {
    pub(crate) options: Options,
    pub(crate) speakers: Speakers,
    /// Not of the daemons: whether it is asked how the nodes score.
    pub(crate) scores: bool,
    /// Services whose terms of sharing have just changed.
    pub(crate) changed: BTreeSet<ServiceKey>,
}

/// How the speakers stand.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Speakers {
    /// There is no cluster: every node counts as alive, and nobody holds anything yet.
    #[default]
    Imagined,
    /// They run on the nodes that are Ready, and hold what they say.
    Running,
}

/// The world as the speakers see it, with the addresses that Services have.
pub(crate) fn as_it_stands(objects: &Objects, options: Options) -> View {
    let mut problems = Vec::new();
    let world = objects.world(options.class.as_deref(), &mut problems);
    let adverts = parse_all(&objects.adverts, Advert::parse, &mut problems);
    let daemons = Daemons {
        options,
        ..Daemons::default()
    };
    view(objects, &world, |service, _| service.clone(), adverts, &daemons)
}

/// What the daemons make of objects.
pub(crate) struct Decided {
    /// What the controller decides on.
    pub(crate) world: World,
    /// What it decides.
    pub(crate) outcomes: BTreeMap<ServiceKey, Outcome>,
    /// The world as the speakers see it once that is written.
    pub(crate) view: View,
    /// Which nodes may announce what.
    pub(crate) may: Arc<May>,
}

/// Decides as the controller would, and judges as the speakers would.
pub(crate) fn decide(objects: &Objects, daemons: &Daemons, problems: &mut Vec<Problem>) -> Decided {
    let world = World {
        changed: daemons.changed.clone(),
        ..objects.world(daemons.options.class.as_deref(), problems)
    };
    let adverts = parse_all(&objects.adverts, Advert::parse, problems);
    let outcomes = alloc::decide(&world).outcomes;
    let assigned = |service: &ServiceView, key: &ServiceKey| written(service, &outcomes[key]);
    let view = view(objects, &world, assigned, adverts, daemons);
    let may = may(&view);
    Decided {
        world,
        outcomes,
        view,
        may,
    }
}

/// Decides as the controller would, then orders as the speakers would.
pub(crate) fn plan(objects: &Objects, daemons: &Daemons, mut problems: Vec<Problem>) -> Report {
    let Decided {
        world,
        outcomes,
        view,
        may,
    } = decide(objects, daemons, &mut problems);
    problems.extend(hints(objects));
    let routed = Routed::of(&objects.bgp, &objects.pools, &view, &mut problems);
    let foreseen = forecast(&view, &may, &daemons.speakers.known(objects, &view));
    problems.sort();
    problems.dedup();
    let class = daemons.options.class.as_deref();
    let service = |(key, outcome): (&ServiceKey, &Outcome)| {
        service_plan(&world.services[key], outcome, (&foreseen, &routed), class)
    };
    let mut services: Vec<ServicePlan> = outcomes.iter().map(service).collect();
    if daemons.scores {
        let announced = services.iter_mut().flat_map(|service| &mut service.announced);
        announced
            .for_each(|one| one.scores = Some(foreseen.get(&one.address).map(scores).unwrap_or_default()));
    }
    Report {
        services,
        routes: routed.routes,
        problems,
    }
}

/// The world as the speakers see it, once `assigned` gives each Service its addresses.
fn view(
    objects: &Objects,
    world: &World,
    assigned: impl Fn(&ServiceView, &ServiceKey) -> ServiceView,
    adverts: Vec<Advert>,
    daemons: &Daemons,
) -> View {
    let endpoints = endpoints(&objects.slices);
    let service = |(key, service): (&ServiceKey, &Arc<ServiceView>)| {
        let view = Arc::new(assigned(service, key).into());
        let endpoints = endpoints.get(key).cloned().unwrap_or_default();
        (key.clone(), Service { view, endpoints })
    };
    let by_name = |advert: Advert| -> (AdvertName, Advert) { (advert.name.clone(), advert) };
    View {
        services: Arc::new(world.services.iter().map(service).collect()),
        pools: Arc::new(world.pools.clone()),
        adverts: Arc::new(adverts.into_iter().map(by_name).collect()),
        nodes: Arc::new(objects.nodes()),
        links: Arc::new(objects.states.iter().filter_map(NodeLinks::of_state).collect()),
        options: daemons.options.clone(),
    }
}

impl Speakers {
    fn known(self, objects: &Objects, view: &View) -> Known {
        match self {
            Self::Imagined => Known {
                alive: view.nodes.keys().cloned().collect(),
                holders: BTreeMap::new(),
            },
            Self::Running => Known {
                alive: alive(&view.nodes),
                holders: holders(objects, view),
            },
        }
    }
}

/// A node that is Ready counts as alive: the speakers know better, and tell nobody outside of their segment.
pub(crate) fn alive(nodes: &BTreeMap<NodeName, Node>) -> BTreeSet<NodeName> {
    let ready = nodes.iter().filter(|(_, node)| node.ready);
    ready.map(|(name, _)| name.clone()).collect()
}

/// The nodes that announce the Services, by ServiceL2Status. A Service whose addresses are on two nodes is known on the
/// first of them.
pub(crate) fn holders(objects: &Objects, view: &View) -> BTreeMap<IpAddr, NodeName> {
    let mut holders = BTreeMap::new();
    for status in objects.statuses.iter().filter_map(|one| one.status.as_ref()) {
        let key = ServiceKey::new(status.service_namespace.as_str(), status.service_name.as_str());
        let addresses = view.services.get(&key).map(|service| service.view.ingress);
        for address in addresses.iter().flat_map(Addresses::iter) {
            holders
                .entry(address)
                .or_insert_with(|| NodeName::from(status.node.as_str()));
        }
    }
    holders
}

fn endpoints(slices: &[EndpointSlice]) -> BTreeMap<ServiceKey, Endpoints> {
    let mut by_service: BTreeMap<ServiceKey, Vec<&EndpointSlice>> = BTreeMap::new();
    for slice in slices {
        if let Some(service) = slice.labels().get(SERVICE_NAME) {
            let key = ServiceKey::new(slice.namespace().unwrap_or_default(), service.clone());
            by_service.entry(key).or_default().push(slice);
        }
    }
    let read = |(key, slices)| (key, Endpoints::from_slices(slices));
    by_service.into_iter().map(read).collect()
}

fn written(service: &ServiceView, outcome: &Outcome) -> ServiceView {
    let mut written = service.clone();
    (written.ingress, written.allocated_from) = match outcome {
        Outcome::Assigned(assignment) => (assignment.addresses, Origins::of(&assignment.pools)),
        Outcome::Refused(_) | Outcome::NotOurs => Default::default(),
    };
    written
}

fn service_plan(
    service: &ServiceView,
    outcome: &Outcome,
    (foreseen, routed): (&BTreeMap<IpAddr, Foreseen>, &Routed),
    class: Option<&str>,
) -> ServicePlan {
    let key = &service.key;
    let nothing = Assignment::default();
    let (assignment, refused) = match outcome {
        Outcome::Assigned(assignment) => (assignment, None),
        Outcome::Refused(refusal) => (&nothing, Some(refusal.into())),
        Outcome::NotOurs => (&nothing, Some(Reason::not_ours(&service.class, class))),
    };
    ServicePlan {
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
        pool: assignment.pools.first().cloned(),
        pools: assignment.pools.clone(),
        addresses: assignment.addresses.iter().collect(),
        refused,
        change: Change::of(service, outcome, assignment.addresses),
        is_load_balancer: service.class != ServiceClass::NotLoadBalancer,
        notes: assignment.notes.iter().map(|note: &Note| note.into()).collect(),
        announced: assignment
            .addresses
            .iter()
            .map(|address| announced(key, address, foreseen, routed.told(address)))
            .collect(),
    }
}

fn announced(
    service: &ServiceKey,
    address: IpAddr,
    foreseen: &BTreeMap<IpAddr, Foreseen>,
    bgp: Option<Told>,
) -> Announced {
    let mut announced = Announced {
        address,
        node: None,
        interfaces: Vec::new(),
        refused: None,
        bgp,
        scores: None,
    };
    match foreseen.get(&address).map(|one| one.of_service(service)) {
        None => {}
        // Nobody wants layer 2 for it.
        Some(Err(why)) if announced.bgp.is_some() && why.is_of_layer2_alone() => {}
        Some(Err(why)) => announced.refused = Some(why.into()),
        Some(Ok(winner)) => {
            announced.node = Some(winner.node.clone());
            if let Interfaces::Only(names) = &winner.interfaces {
                announced.interfaces.extend(names.iter().cloned());
            }
        }
    }
    announced
}
