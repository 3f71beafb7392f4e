//! `BGPSessionState`: what the sessions of this node are at, as objects. Other speakers do not read them.
//!
//! What matters is written at once: that a session is up or down, and why. What merely counts up is written as often as all
//! nodes together may write: each write is sent to all who watch.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_crds::api::{
    AgreedBfd, AgreedSession, BGPSessionState, BGPSessionStateSpec, BGPSessionStateStatus, PrefixesSent,
};
use ferrolb_crds::domain::{BgpPeer, NodeName, PeerName};
use ferrolb_crds::names::{SESSION_NODE, SESSION_PEER, SESSION_VRF};
use ferrolb_peering::Liveness;
use ferrolb_peering::bgp::Negotiated;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::time::Instant;

use crate::bfd;
use crate::peers::PeerReport;
use crate::tell::status_object::{self, Owner};

/// Between two writes of one object.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);
/// All nodes together write at most so many counts in a second.
const COUNTS_PER_SECOND: u32 = 10;

/// A `BGPSessionState` as it should be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    /// The Pod that it goes with; none outside of a Pod.
    owner: Option<Owner>,
    status: BGPSessionStateStatus,
}

/// What is known of a session.
pub(crate) struct Known<'a> {
    pub(crate) peer: &'a BgpPeer,
    /// Why there can be none.
    pub(crate) refused: Option<&'a String>,
    pub(crate) report: Option<&'a PeerReport>,
    /// If BFD is to watch the peer.
    pub(crate) bfd: Option<Option<&'a bfd::Report>>,
}

/// The session as an object shows it.
pub(crate) fn status(node: &NodeName, known: &Known<'_>) -> BGPSessionStateStatus {
    let report = known.report.cloned().unwrap_or_default();
    let last = known.refused.cloned().or(report.last);
    let sent = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    BGPSessionStateStatus {
        bgp_status: report.state.to_string(),
        bfd_status: match known.bfd {
            None => "N/A",
            Some(Some(report)) if report.liveness == Liveness::Up => "up",
            Some(_) => "down",
        }
        .to_owned(),
        node: node.to_string(),
        peer: known.peer.address.to_string(),
        vrf: known
            .peer
            .vrf
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        bgp_peer: known.peer.name.to_string(),
        since: known.report.map(|report| Time(whole_seconds(report.since))),
        last_error: last.unwrap_or_default(),
        agreed: report.agreed.as_deref().map(agreed),
        prefixes_sent: report.established.then(|| PrefixesSent {
            ipv4: sent(report.sent[0]),
            ipv6: sent(report.sent[1]),
        }),
        prefixes_received: i64::try_from(report.received).unwrap_or(i64::MAX),
        agreed_bfd: known.bfd.flatten().and_then(|report| report.agreed).map(times),
    }
}

fn agreed(agreed: &Negotiated) -> AgreedSession {
    AgreedSession {
        peer_asn: agreed.peer_asn.0.into(),
        peer_router_id: agreed.peer_id.to_string(),
        peer_name: agreed.peer_name.clone().unwrap_or_default(),
        hold_time_seconds: agreed.hold.seconds().into(),
        families: agreed.families.iter().map(ToString::to_string).collect(),
    }
}

fn times(times: bfd::Times) -> AgreedBfd {
    let milliseconds = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    AgreedBfd {
        transmit_interval_milliseconds: milliseconds(times.transmit),
        detection_time_milliseconds: milliseconds(times.detection),
    }
}

/// The API server keeps no fractions.
fn whole_seconds(time: k8s_openapi::jiff::Timestamp) -> k8s_openapi::jiff::Timestamp {
    k8s_openapi::jiff::Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// What was told last of each session, and when.
#[derive(Debug, Default)]
pub(crate) struct Told {
    by_peer: BTreeMap<PeerName, (BGPSessionStateStatus, Instant)>,
    /// When a count that waits has its turn.
    next: Option<Instant>,
}

impl Told {
    /// Takes in what the sessions are at. What merely counts up waits its turn, with this many sessions in the cluster.
    pub(crate) fn follow(
        &mut self,
        now_at: BTreeMap<PeerName, BGPSessionStateStatus>,
        sessions: usize,
        now: Instant,
    ) {
        let pace = pace(sessions);
        let mut before = std::mem::take(&mut self.by_peer);
        self.next = None;
        for (peer, status) in now_at {
            let told = match before.remove(&peer) {
                Some(same) if same.0 == status => same,
                Some((told, at)) if is_merely_counted(&told, &status) && now < at + pace => {
                    self.next = self.next.into_iter().chain([at + pace]).min();
                    (told, at)
                }
                _ => (status, now),
            };
            self.by_peer.insert(peer, told);
        }
    }

    /// When to tell something although nothing changes.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// The objects that tell it, by name.
    pub(crate) fn objects(&self, node: &NodeName, owner: Option<&Owner>) -> BTreeMap<String, Wanted> {
        let wanted = |(peer, (status, _)): (&PeerName, &(BGPSessionStateStatus, Instant))| {
            let wanted = Wanted {
                owner: owner.cloned(),
                status: status.clone(),
            };
            (status_object::name("session", peer, node), wanted)
        };
        self.by_peer.iter().map(wanted).collect()
    }
}

/// How long a count waits.
fn pace(sessions: usize) -> Duration {
    let sessions = u32::try_from(sessions).unwrap_or(u32::MAX);
    INTERVAL.max(Duration::from_secs(1) * sessions / COUNTS_PER_SECOND)
}

/// Whether one differs from the other by numbers and by states on the way only.
fn is_merely_counted(told: &BGPSessionStateStatus, now: &BGPSessionStateStatus) -> bool {
    let up = |status: &BGPSessionStateStatus| status.agreed.is_some();
    let counted = BGPSessionStateStatus {
        bgp_status: told.bgp_status.clone(),
        prefixes_sent: told.prefixes_sent.clone(),
        prefixes_received: told.prefixes_received,
        agreed_bfd: told.agreed_bfd.clone(),
        ..now.clone()
    };
    up(told) == up(now) && counted == *told
}

impl Wanted {
    /// The object.
    pub(crate) fn object(&self, _seen: Option<&BGPSessionState>) -> BGPSessionState {
        let status = &self.status;
        let node = NodeName::from(status.node.as_str());
        let peer = PeerName::from(status.bgp_peer.as_str());
        let name = status_object::name("session", &peer, &node);
        let mut object = BGPSessionState::new(&name, BGPSessionStateSpec {});
        let address = as_label(&status.peer);
        object.metadata.labels = Some(status_object::fitting([
            (SESSION_NODE, status.node.as_str()),
            (SESSION_PEER, &address),
            (SESSION_VRF, &status.vrf),
        ]));
        object.metadata.owner_references = Some(self.owner.iter().map(Owner::reference).collect());
        object.status = Some(status.clone());
        object
    }
}

/// FRR-K8s writes IPv6 addresses in full, with `-` where a label may have no colon.
fn as_label(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) => address.segments().map(|group| format!("{group:04x}")).join("-"),
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_crds::api::BGPPeer;
    use ferrolb_peering::bgp::State;
    use serde_json::json;

    use super::*;

    fn peer(address: &str) -> BgpPeer {
        let object: BGPPeer = serde_json::from_value(json!({"metadata": {"name": "tor"},
            "spec": {"myASN": 64512, "peerASN": 64500, "peerAddress": address}}))
        .unwrap();
        BgpPeer::parse(&object).unwrap()
    }

    fn known<'a>(peer: &'a BgpPeer, report: Option<&'a PeerReport>) -> Known<'a> {
        Known {
            peer,
            refused: None,
            report,
            bfd: None,
        }
    }

    fn up(sent: usize) -> BGPSessionStateStatus {
        BGPSessionStateStatus {
            bgp_status: "Established".to_owned(),
            agreed: Some(AgreedSession::default()),
            prefixes_sent: Some(PrefixesSent {
                ipv4: i64::try_from(sent).unwrap(),
                ipv6: 0,
            }),
            ..BGPSessionStateStatus::default()
        }
    }

    fn down(why: &str) -> BGPSessionStateStatus {
        BGPSessionStateStatus {
            bgp_status: "Active".to_owned(),
            last_error: why.to_owned(),
            ..BGPSessionStateStatus::default()
        }
    }

    /// What is told of one session of this many.
    fn follow(
        told: &mut Told,
        status: BGPSessionStateStatus,
        sessions: usize,
        now: Instant,
    ) -> BGPSessionStateStatus {
        told.follow(BTreeMap::from([("tor".into(), status)]), sessions, now);
        told.by_peer[&PeerName::from("tor")].0.clone()
    }

    #[test]
    fn a_session_is_shown_by_the_names_that_frr_k8s_gave_and_in_the_words_of_who_ended_it() {
        let peer = peer("2001:db8::1");
        let report = PeerReport {
            state: State::Active,
            last: Some("peer says: Cease: administrative shutdown".to_owned()),
            ..PeerReport::default()
        };
        let wanted = Wanted {
            owner: None,
            status: status(&"n1".into(), &known(&peer, Some(&report))),
        };
        let object = serde_json::to_value(wanted.object(None)).unwrap();
        let label = |name: &str| object["metadata"]["labels"][format!("frrk8s.metallb.io/{name}")].clone();
        assert_eq!(
            [label("node"), label("peer"), label("vrf")],
            ["n1", "2001-0db8-0000-0000-0000-0000-0000-0001", ""]
        );
        let shown = &object["status"];
        assert_eq!(
            (&shown["bgpStatus"], &shown["bfdStatus"], &shown["peer"]),
            (&json!("Active"), &json!("N/A"), &json!("2001:db8::1"))
        );
        assert_eq!(shown["lastError"], "peer says: Cease: administrative shutdown");
        assert_eq!(shown["prefixesSent"], json!(null));
    }

    #[test]
    fn a_session_that_there_cannot_be_says_why() {
        let (peer, why) = (peer("192.0.2.1"), "Secret \"tor\" does not exist".to_owned());
        let known = Known {
            refused: Some(&why),
            ..known(&peer, None)
        };
        let status = status(&"n1".into(), &known);
        assert_eq!((&*status.bgp_status, &*status.last_error), ("Idle", &*why));
    }

    #[test]
    fn bfd_that_is_not_up_yet_is_down() {
        let peer = peer("192.0.2.1");
        let known = Known {
            bfd: Some(None),
            ..known(&peer, None)
        };
        assert_eq!(status(&"n1".into(), &known).bfd_status, "down");
    }

    #[tokio::test]
    async fn up_and_down_are_told_at_once_and_counts_in_their_turn() {
        let (mut told, now) = (Told::default(), Instant::now());
        let ms = Duration::from_millis;
        follow(&mut told, down("refused"), 1, now);
        assert_eq!(follow(&mut told, up(0), 1, now + ms(1)), up(0));
        assert_eq!(follow(&mut told, up(5), 1, now + ms(2)), up(0));
        assert_eq!(told.next(), Some(now + ms(1001)));
        assert_eq!(follow(&mut told, up(6), 1, now + ms(1001)), up(6));
        assert_eq!(told.next(), None);
        assert_eq!(follow(&mut told, up(7), 1, now + ms(1002)), up(6));
        assert_eq!(follow(&mut told, down("cease"), 1, now + ms(1003)), down("cease"));
        assert_eq!(follow(&mut told, down("reset"), 1, now + ms(1004)), down("reset"));
    }

    #[test]
    fn the_more_sessions_there_are_the_longer_a_count_waits() {
        let seconds = [0, 1, 10, 400].map(|sessions| pace(sessions).as_secs());
        assert_eq!(seconds, [1, 1, 1, 40]);
    }
}
