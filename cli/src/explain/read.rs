//! Reads of a cluster what an explanation needs, and no more: the Service and its own objects by name, all other
//! Services only where they matter. What may not be read is left out and named.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ferrolb_controller::alloc::{addresses_of_odd, held_by_odd};
use ferrolb_crds::api::ServiceL2Status;
use ferrolb_crds::api::core::{EndpointSlice, Service};
use ferrolb_crds::domain::{ServiceKey, ServiceView};
use ferrolb_crds::names::{
    CONDITION_ASSIGNED, CONTROLLER_LEASE, STATUS_SERVICE_NAME, STATUS_SERVICE_NAMESPACE,
};
use ferrolb_runtime::reflect::Snapshot;
use ferrolb_speaker::may::Options;
use futures::future::try_join_all;
use futures::try_join;
use k8s_openapi::jiff::Timestamp;
use kube::api::ListParams;
use serde_json::Value;

use super::case::Evidence;
use super::live::Live;
use super::subject::Subject;
use crate::cluster::{ALL, AccessError, Cluster, raw};
use crate::conditions::ASSIGNED;
use crate::objects::{BgpObjects, Objects};
use crate::seeing::Seeing;
use crate::speakers::{Pod, SPEAKER_PODS};

/// Reads what explains the subject, whose namespace is given.
///
/// # Errors
/// The cluster cannot be reached, or the Services may not be read.
pub(super) async fn read(
    cluster: &Cluster,
    subject: &Subject,
    options: Options,
) -> Result<Evidence, AccessError> {
    let reader = Reader {
        seeing: Seeing::of(cluster),
        class: options.class.as_deref(),
    };
    let (common, (of_service, events)) = try_join!(reader.common(), reader.of_subject(subject))?;
    let (shared, pods, lease) = common;
    let objects = Objects {
        pools: shared.pools,
        adverts: shared.adverts,
        nodes: shared.nodes,
        states: shared.states,
        sessions: shared.sessions,
        bgp: shared.bgp,
        addresses_of_odd: shared.addresses_of_odd,
        ..of_service
    };
    let problems = reader.seeing.problems.into_inner();
    let live = Live {
        pods,
        lease,
        events,
        unseen: reader.seeing.unseen.into_inner(),
    };
    Ok(Evidence {
        objects,
        problems,
        live: Some(live),
        options,
        now: Timestamp::now(),
    })
}

struct Reader<'a> {
    seeing: Seeing<'a>,
    class: Option<&'a str>,
}

impl Reader<'_> {
    /// What is the same for all Services: objects, the speakers' pods, the Lease.
    async fn common(&self) -> Result<(Objects, Option<Vec<Pod>>, Option<Value>), AccessError> {
        let namespace = &*self.seeing.cluster.namespace;
        let own = Some(namespace);
        let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}");
        let of_pods = ListParams::default().labels(SPEAKER_PODS);
        let of_lease = ListParams::default().fields(&format!("metadata.name={CONTROLLER_LEASE}"));
        let (pools, adverts, nodes, states, pods, lease, sessions, peers) = try_join!(
            self.seeing.objects(own, &ALL),
            self.seeing.objects(own, &ALL),
            self.seeing.entries(None, &ALL),
            self.seeing.objects(own, &ALL),
            self.seeing.entries(own, &of_pods),
            self.seeing.untyped(&leases, "leases", &of_lease),
            self.seeing.if_known(),
            self.seeing.if_known(),
        )?;
        let nodes = nodes.unwrap_or_default();
        let objects = Objects {
            pools,
            adverts,
            addresses_of_odd: raw(&nodes).flat_map(addresses_of_odd).collect(),
            nodes: self.seeing.readable(nodes),
            states,
            sessions,
            bgp: BgpObjects {
                peers,
                ..BgpObjects::default()
            },
            ..Objects::default()
        };
        let pods = pods.map(|pods| self.seeing.readable(pods));
        Ok((objects, pods, lease.and_then(|all| all.into_iter().next())))
    }

    async fn of_subject(&self, subject: &Subject) -> Result<(Objects, Vec<Value>), AccessError> {
        match subject {
            Subject::Service { namespace, name } => {
                let key = ServiceKey::new(namespace.as_deref().unwrap_or_default(), name.as_str());
                self.of_service(&key).await
            }
            Subject::Address(address) => self.of_address(*address).await,
        }
    }

    /// One Service with what belongs to it; all Services if it waits for an address, or may share one.
    async fn of_service(&self, key: &ServiceKey) -> Result<(Objects, Vec<Value>), AccessError> {
        let by_name = ListParams::default().fields(&format!("metadata.name={}", key.name));
        let of_namespace = ListParams::default().fields(&format!("metadata.name={}", key.namespace));
        let (service, namespaces, owned) = try_join!(
            self.seeing.cluster.entries(Some(&key.namespace), &by_name),
            self.seeing.objects(None, &of_namespace),
            self.owned(key)
        )?;
        let mut objects = self.services(service);
        objects.namespaces = namespaces;
        let (slices, statuses, events) = owned;
        objects.slices = slices;
        objects.statuses = statuses;
        let first = objects.services.first();
        if let Some(view) = first.and_then(|service| self.depends_on_others(service)) {
            let all = self.all_services().await?;
            objects.services = all.services;
            objects.held_by_odd = all.held_by_odd;
            objects.namespaces = all.namespaces;
            objects.slices.extend(all.slices);
            objects
                .slices
                .extend(self.slices_of_sharers(&objects.services, &view).await?);
        }
        Ok((objects, events))
    }

    /// All Services, and what belongs to the one that has the address.
    async fn of_address(&self, address: IpAddr) -> Result<(Objects, Vec<Value>), AccessError> {
        let mut objects = self.all_services().await?;
        let views = objects.services.iter().map(ServiceView::read);
        let mut having: Vec<ServiceView> = views
            .filter(|view| view.in_status().any(|one| one == address))
            .collect();
        // As `Evidence::owner` has it.
        having.sort_by_key(|view| (!view.class.is_ours(self.class), view.key.clone()));
        let Some(view) = having.first() else {
            return Ok((objects, Vec::new()));
        };
        let (owned, of_sharers) = try_join!(
            self.owned(&view.key),
            self.slices_of_sharers(&objects.services, view)
        )?;
        let (slices, statuses, events) = owned;
        objects.slices.extend(slices.into_iter().chain(of_sharers));
        objects.statuses = statuses;
        Ok((objects, events))
    }

    /// The Service, if the decision about it cannot be made without the others: it lacks something, or may share.
    fn depends_on_others(&self, service: &Service) -> Option<ServiceView> {
        let view = ServiceView::read(service);
        let is_as_it_should_be = service
            .condition(CONDITION_ASSIGNED)
            .is_some_and(|condition| condition.status == "True" && condition.reason == ASSIGNED);
        let is_settled = is_as_it_should_be && !view.ingress.is_empty() && view.sharing.is_none();
        (view.class.is_ours(self.class) && !is_settled).then_some(view)
    }

    /// What belongs to a Service by its name: EndpointSlices, `ServiceL2Status` objects and events.
    async fn owned(
        &self,
        key: &ServiceKey,
    ) -> Result<(Vec<EndpointSlice>, Vec<ServiceL2Status>, Vec<Value>), AccessError> {
        let (namespace, name) = (&key.namespace, &key.name);
        let events = format!("/api/v1/namespaces/{namespace}");
        let of_slices = ListParams::default().labels(&format!("kubernetes.io/service-name={name}"));
        let of_statuses = ListParams::default().labels(&format!(
            "{STATUS_SERVICE_NAME}={name},{STATUS_SERVICE_NAMESPACE}={namespace}"
        ));
        let of_events =
            ListParams::default().fields(&format!("involvedObject.kind=Service,involvedObject.name={name}"));
        let (slices, statuses, events) = try_join!(
            self.seeing.objects(Some(namespace), &of_slices),
            self.seeing
                .objects(Some(&self.seeing.cluster.namespace), &of_statuses),
            self.seeing.untyped(&events, "events", &of_events),
        )?;
        Ok((slices, statuses, events.unwrap_or_default()))
    }

    /// All Services and what the controller weighs beside them.
    async fn all_services(&self) -> Result<Objects, AccessError> {
        let of_api_server = ListParams::default().labels("kubernetes.io/service-name=kubernetes");
        let (services, namespaces, slices) = try_join!(
            self.seeing.cluster.entries(None, &ALL),
            self.seeing.objects(None, &ALL),
            self.seeing.objects(Some("default"), &of_api_server),
        )?;
        Ok(Objects {
            namespaces,
            slices,
            ..self.services(services)
        })
    }

    fn services(&self, entries: Snapshot<Service>) -> Objects {
        Objects {
            held_by_odd: raw(&entries).flat_map(held_by_odd).collect(),
            services: self.seeing.readable(entries),
            ..Objects::default()
        }
    }

    /// The EndpointSlices of the other Services that have an address of this one: the node has to suit them all.
    async fn slices_of_sharers(
        &self,
        services: &[Service],
        view: &ServiceView,
    ) -> Result<Vec<EndpointSlice>, AccessError> {
        let views = services.iter().map(ServiceView::read);
        let shares = |other: &ServiceView| other.ingress.iter().any(|one| view.ingress.contains(one));
        let sharers: BTreeSet<ServiceKey> = views
            .filter(|other| other.key != view.key && shares(other))
            .map(|other| other.key)
            .collect();
        let slices = sharers.iter().map(|key| async move {
            let of_slices = ListParams::default().labels(&format!("kubernetes.io/service-name={}", key.name));
            self.seeing.objects(Some(&key.namespace), &of_slices).await
        });
        Ok(try_join_all(slices).await?.into_iter().flatten().collect())
    }
}
