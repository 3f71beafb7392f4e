use ferrolb_segment::message::NodeId;
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::layer2::announce::SegmentReport;
use crate::may::View;
use crate::may::fixture::{cluster, ip, key, service};
use crate::may::may;

const TAKEN: &str = "192.0.2.2 not announced: another station (MAC address 52:54:00:00:00:09, QEMU/KVM), which is no node, \
                     answers when node n1 asks for the address on eth0 before its first use";

/// A speaker, and the cluster that it sees.
struct Seeing {
    fresh: Fresh,
    view: View,
    shown: BTreeMap<ServiceKey, Arc<Shown>>,
    reports: Reports,
}

impl Seeing {
    /// It starts while there is a Service `web` with 192.0.2.2, whose condition says this.
    fn start(message: &str) -> Self {
        let mut view = cluster(&["n1"]);
        service(&mut view, "web", &["192.0.2.2"]);
        let condition = json!({"type": "ferrolb.io/Announced", "status": "False", "reason": "r", "message": message,
            "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let object = json!({"metadata": {"name": "web"}, "spec": {"type": "LoadBalancer"},
            "status": {"conditions": [condition]}});
        let shown = Shown::read(&serde_json::from_value(object).unwrap(), None);
        Self {
            fresh: Fresh::default(),
            view,
            shown: [(key("web"), Arc::new(shown))].into(),
            reports: Reports::new(),
        }
    }

    fn fresh(&mut self) -> Vec<IpAddr> {
        let fresh = self.fresh.follow(&may(&self.view), &self.shown, &self.reports);
        fresh.iter().copied().collect()
    }

    fn hold(&mut self, address: &str) {
        let report = SegmentReport {
            holders: [(ip(address), NodeId([7; 16]))].into_iter().collect(),
            ..SegmentReport::default()
        };
        self.reports.insert("eth0".into(), report);
    }
}

#[rstest]
#[case::announced("192.0.2.2 announced from node n1 on eth0", &[])]
#[case::another_station_s(TAKEN, &["192.0.2.2"])]
fn what_is_there_when_the_speaker_starts_is_new_only_if_it_was_another_station_s(
    #[case] message: &str,
    #[case] expected: &[&str],
) {
    let expected: Vec<IpAddr> = expected.iter().map(|one| ip(one)).collect();
    assert_eq!(Seeing::start(message).fresh(), expected);
}

#[test]
fn what_comes_later_is_new_until_a_node_holds_it_and_not_when_that_node_dies() {
    let mut seeing = Seeing::start("");
    assert!(seeing.fresh().is_empty());
    service(&mut seeing.view, "mail", &["192.0.2.3"]);
    assert_eq!(seeing.fresh(), [ip("192.0.2.3")]);
    assert_eq!(seeing.fresh(), [ip("192.0.2.3")], "nobody held it yet");
    seeing.hold("192.0.2.3");
    assert!(seeing.fresh().is_empty());
    seeing.reports.clear();
    assert!(seeing.fresh().is_empty());
}

#[test]
fn what_goes_and_comes_back_is_new_again() {
    let mut seeing = Seeing::start("");
    seeing.fresh();
    seeing.view.services = Arc::default();
    assert!(seeing.fresh().is_empty());
    service(&mut seeing.view, "web", &["192.0.2.2"]);
    assert_eq!(seeing.fresh(), [ip("192.0.2.2")]);
}
