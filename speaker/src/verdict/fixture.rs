//! What a node knows once the living have agreed as they would.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::NodeName;
use ferrolb_runtime::reflect::{Entry, Reflection};
use ferrolb_segment::SegmentView;
use ferrolb_segment::mac::Mac;
use ferrolb_segment::message::{NodeId, Wire};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Evidence, Verdicts};
use crate::forecast::{Known, forecast};
use crate::layer2::announce::{Look, Reports, SegmentReport, Views};
use crate::may::{View, may};
use crate::routes::{Routes, SessionsByNode};
use crate::see::dataplane::Dataplane;
use crate::tell::l2_status::Seen;

/// A segment `eth0` that all nodes are on.
pub(crate) struct Segment<'a> {
    pub(crate) view: &'a View,
    pub(crate) alive: &'a [&'a str],
    pub(crate) statuses: &'a [Arc<Seen>],
}

impl Segment<'_> {
    fn holders(&self) -> BTreeMap<IpAddr, NodeName> {
        let known = Known {
            alive: self.alive.iter().map(|name| NodeName::from(*name)).collect(),
            holders: BTreeMap::new(),
        };
        let foreseen = forecast(self.view, &may(self.view), &known);
        let held = foreseen
            .into_iter()
            .filter_map(|(address, one)| Some((address, one.outcome.ok()?.node)));
        held.collect()
    }

    /// What the node makes of it.
    pub(crate) fn seen_from(&self, node: &str) -> Verdicts {
        self.found(node, "", &[])
    }

    /// What the node makes of it when `witness` finds this on the wire.
    pub(crate) fn found(&self, node: &str, witness: &str, wire: &[(&str, Wire)]) -> Verdicts {
        self.reported(&node.into(), self.report(node, witness, wire))
    }

    /// What the node makes of it if it does this with packets.
    pub(crate) fn doing(&self, node: &str, dataplane: &Dataplane) -> Verdicts {
        self.reported_on(&node.into(), self.report(node, "", &[]), dataplane)
    }

    fn report(&self, node: &str, witness: &str, wire: &[(&str, Wire)]) -> SegmentReport {
        let (node, holders) = (NodeName::from(node), self.holders());
        let id = |name: &str| NodeId::of(&NodeName::from(name));
        let look = |(address, wire): &(&str, Wire)| {
            let address: IpAddr = address.parse().unwrap();
            let look = Look {
                wire: *wire,
                holder: NodeId::of(&holders[&address]),
                witness: id(witness),
                since: Instant::now(),
            };
            (address, look)
        };
        let held = holders.iter().filter(|(_, holder)| **holder == node);
        SegmentReport {
            joined: true,
            up: self.alive.iter().map(|name| id(name)).collect(),
            held: Arc::new(held.map(|(address, _)| *address).collect()),
            holders: holders
                .iter()
                .map(|(address, holder)| (*address, NodeId::of(holder)))
                .collect(),
            wire: Arc::new(wire.iter().map(look).collect()),
            ..SegmentReport::default()
        }
    }

    /// What the node makes of it when nobody holds the address, because `finder` found that this station has it.
    pub(crate) fn taken(&self, node: &str, finder: &str, address: &str, station: Mac) -> Verdicts {
        let (node, finder) = (NodeName::from(node), NodeId::of(&finder.into()));
        let look = Look {
            wire: Wire::Foreign(station),
            holder: finder,
            witness: finder,
            since: Instant::now(),
        };
        let id = |name: &&str| NodeId::of(&NodeName::from(*name));
        let report = SegmentReport {
            joined: true,
            up: self.alive.iter().map(id).collect(),
            wire: Arc::new([(address.parse().unwrap(), look)].into()),
            ..SegmentReport::default()
        };
        self.reported(&node, report)
    }

    /// What the node makes of this report.
    pub(crate) fn reported(&self, node: &NodeName, report: SegmentReport) -> Verdicts {
        self.reported_on(node, report, &Dataplane::default())
    }

    fn reported_on(&self, node: &NodeName, report: SegmentReport, dataplane: &Dataplane) -> Verdicts {
        let may = may(self.view);
        let group = |(address, judged): (&IpAddr, &Arc<crate::may::Judged>)| {
            Some((*address, judged.eligible.as_ref().ok()?.group.clone()))
        };
        let told = SegmentView {
            groups: may.by_address.iter().filter_map(group).collect(),
            ..SegmentView::default()
        };
        Verdicts::of(&Evidence {
            node,
            view: self.view,
            may: &may,
            told: &Views::new([("eth0".into(), Arc::new(told))].into()),
            reports: &Reports::from([("eth0".into(), report)]),
            dataplane,
            statuses: self.statuses,
            has_key: true,
            routes: &Routes::default(),
            sessions: &SessionsByNode::new(),
        })
    }
}

/// What a node that knows nothing yet makes of it.
pub(crate) fn of_nothing(view: &View, node: &str) -> Verdicts {
    let report = SegmentReport {
        up: BTreeSet::from([NodeId::of(&node.into())]),
        ..SegmentReport::default()
    };
    let segment = Segment {
        view,
        alive: &[],
        statuses: &[],
    };
    segment.reported(&node.into(), report)
}

/// The object as the watch of the statuses keeps it.
pub(crate) fn seen(object: Value) -> Arc<Seen> {
    Reflection::kept([object], Seen::reader(Arc::default()))
        .snapshot()
        .values()
        .find_map(Entry::object)
        .unwrap()
        .clone()
}

/// The `ServiceL2Status` of shop/web by which the node says that it announces it.
pub(crate) fn status(node: &str) -> Arc<Seen> {
    seen(
        json!({"apiVersion": "metallb.io/v1beta1", "kind": "ServiceL2Status",
        "metadata": {"name": format!("l2-{node}")}, "spec": {},
        "status": {"node": node, "serviceName": "web", "serviceNamespace": "shop", "interfaces": []}}),
    )
}
