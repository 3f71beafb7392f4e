use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::bgp::{Asn, Endpoint, Hold, Password, PeerAsn};
use crate::prefix::Family;

fn spec() -> PeerSpec {
    let endpoint = Endpoint::new(IpAddr::from([192, 0, 2, 1]));
    PeerSpec::new(
        Asn(64512),
        PeerAsn::Is(Asn(64500)),
        [192, 0, 2, 11].into(),
        endpoint,
    )
}

type Edit = fn(&mut PeerSpec);

#[rstest]
#[case(|spec: &mut PeerSpec| spec.asn = Asn(64513), ResetCause::Asn, "own AS")]
#[case(|spec: &mut PeerSpec| spec.shown_asn = Some(Asn(64513)), ResetCause::Asn, "own AS")]
#[case(|spec: &mut PeerSpec| spec.peer_asn = PeerAsn::External, ResetCause::PeerAsn, "peer's AS")]
#[case(|spec: &mut PeerSpec| spec.router_id = [192, 0, 2, 12].into(), ResetCause::RouterId, "router ID")]
#[case(|spec: &mut PeerSpec| spec.families = BTreeSet::from([Family::V6]), ResetCause::Families, "address families")]
#[case(|spec: &mut PeerSpec| spec.graceful_restart = None, ResetCause::GracefulRestart, "graceful restart")]
#[case(|spec: &mut PeerSpec| spec.endpoint.address = Some([192, 0, 2, 2].into()), ResetCause::Address, "peer's address or interface")]
#[case(|spec: &mut PeerSpec| spec.endpoint.interface = Some("eth1".to_owned()), ResetCause::Address, "peer's address or interface")]
#[case(|spec: &mut PeerSpec| spec.endpoint.port = 1179, ResetCause::Port, "peer's port")]
#[case(|spec: &mut PeerSpec| spec.endpoint.vrf = Some("red".to_owned()), ResetCause::Vrf, "VRF")]
#[case(|spec: &mut PeerSpec| spec.endpoint.source = Some([192, 0, 2, 11].into()), ResetCause::Source, "source address")]
#[case(|spec: &mut PeerSpec| spec.endpoint.password = Some(Password("x".to_owned())), ResetCause::Password, "password")]
#[case(|spec: &mut PeerSpec| spec.endpoint.multihop = true, ResetCause::Multihop, "multihop")]
#[case(|spec: &mut PeerSpec| spec.endpoint.ttl_security = true, ResetCause::TtlSecurity, "TTL security")]
fn what_is_in_the_open_or_on_the_socket_needs_a_new_session(
    #[case] edit: Edit,
    #[case] cause: ResetCause,
    #[case] words: &str,
) {
    let mut changed = spec();
    edit(&mut changed);
    assert_eq!(reset_causes(&spec(), &changed), [cause]);
    assert_eq!(cause.to_string(), words);
    assert!(!waits_for_reset(&spec(), &changed));
}

#[rstest]
#[case(|spec: &mut PeerSpec| spec.hold = Hold::new(30).unwrap(), true)]
#[case(|spec: &mut PeerSpec| spec.keepalive = Some(Duration::from_secs(1)), true)]
#[case(|spec: &mut PeerSpec| spec.connect = Duration::from_secs(1), false)]
#[case(|spec: &mut PeerSpec| spec.host_name = Some("n1".to_owned()), false)]
fn everything_else_leaves_it_alone(#[case] edit: Edit, #[case] waits: bool) {
    let mut changed = spec();
    edit(&mut changed);
    assert_eq!(reset_causes(&spec(), &changed), []);
    assert_eq!(waits_for_reset(&spec(), &changed), waits);
}
