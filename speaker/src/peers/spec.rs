//! From what the cluster says of a peer to what its session is to be.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ferrolb_crds::domain::{
    BgpPeer, Family, Node, NodeName, Password, PeerName, PeerPlace, RemoteAs, Secrecy, is_router_id,
};
use ferrolb_peering as peering;
use ferrolb_peering::Moment;
use ferrolb_peering::bgp::{
    Asn, Endpoint, Hold, PeerAsn, PeerSpec, Session, Start, reset_causes, waits_for_reset,
};

use super::WantedPeer;

/// How long routers keep routes while a speaker restarts: longer than to pull an image, shorter than FRR's 120 s.
const RESTART: Duration = Duration::from_secs(60);

/// The passwords in Secrets, by their names; or why there is none.
pub type Passwords = BTreeMap<String, Result<Secrecy, String>>;

/// The Secret with the password of a peer cannot be used, so that there is no session.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("spec.passwordSecret: Secret {secret} {why}")]
pub struct NoPassword {
    /// Its name.
    pub secret: String,
    /// What is wrong.
    pub why: String,
}

/// What the session of this node with the peer is to be.
///
/// # Errors
/// There is no password where there must be one.
pub fn spec(
    peer: &BgpPeer,
    name: &NodeName,
    node: &Node,
    passwords: &Passwords,
) -> Result<PeerSpec, NoPassword> {
    let asn = |number: ferrolb_crds::domain::Asn| Asn(number.get());
    let remote = match peer.remote_as {
        RemoteAs::Is(number) => PeerAsn::Is(asn(number)),
        RemoteAs::Internal => PeerAsn::Internal,
        RemoteAs::External => PeerAsn::External,
    };
    let endpoint = Endpoint {
        port: peer.port.get(),
        vrf: peer.vrf.as_ref().map(ToString::to_string),
        source: peer.source,
        password: password(peer, passwords)?.map(|one| peering::bgp::Password(one.0)),
        multihop: peer.multihop,
        ttl_security: peer.ttl_security,
        ..match &peer.place {
            PeerPlace::Address(address) => Endpoint::new(*address),
            PeerPlace::Interface(interface) => Endpoint::behind(interface.as_str()),
        }
    };
    let router_id = peer.router_id.unwrap_or_else(|| router_id(name, node));
    let families = Family::BOTH.into_iter().filter(|family| peer.carries(*family));
    let hold = u16::try_from(peer.timers.hold.as_secs()).ok().and_then(Hold::new);
    Ok(PeerSpec {
        families: families.map(of_family).collect(),
        hold: hold.unwrap_or(Hold::DEFAULT),
        keepalive: Some(peer.timers.keepalive).filter(|time| !time.is_zero()),
        connect: peer.connect,
        graceful_restart: peer.graceful_restart.then_some(RESTART),
        host_name: Some(name.to_string()),
        ..PeerSpec::new(asn(peer.local_as), remote, router_id, endpoint)
    })
}

/// What becomes of a session whose specification changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Turn {
    /// It goes on.
    GoesOn,
    /// It goes on, and what is new counts from the next one on.
    Later,
    /// It is reset, because of these, in words.
    BeginsAnew(Vec<String>),
}

/// What becomes of it.
pub fn turn(before: &PeerSpec, after: &PeerSpec) -> Turn {
    let because = reset_causes(before, after);
    match (because.is_empty(), waits_for_reset(before, after)) {
        (false, _) => Turn::BeginsAnew(because.iter().map(ToString::to_string).collect()),
        (true, true) => Turn::Later,
        (true, false) => Turn::GoesOn,
    }
}

/// The session with a peer; its timers are spread by its name. It always counts as restarted: what a router has kept of this
/// node is told again at once, or dropped with the end marker.
pub(super) fn session(name: &PeerName, wanted: &WantedPeer) -> Session {
    let mut seed = DefaultHasher::new();
    (name, wanted.spec.router_id).hash(&mut seed);
    Session::new(
        wanted.spec.clone(),
        Start::Restarted,
        seed.finish(),
        Moment::ORIGIN,
    )
}

fn password(peer: &BgpPeer, passwords: &Passwords) -> Result<Option<Secrecy>, NoPassword> {
    match &peer.password {
        Password::None => Ok(None),
        Password::Plain(password) => Ok(Some(password.clone())),
        Password::Secret(secret) => {
            let found = passwords.get(secret).cloned();
            let found = found.unwrap_or_else(|| Err("was not read yet".to_owned()));
            found.map(Some).map_err(|why| NoPassword {
                secret: secret.clone(),
                why,
            })
        }
    }
}

fn of_family(family: Family) -> peering::Family {
    match family {
        Family::V4 => peering::Family::V4,
        Family::V6 => peering::Family::V6,
    }
}

/// An address of the node, which is never that of a Service; else a number made of its name, within the range that routers
/// take (1.0.0.0 to 126.255.255.255).
fn router_id(name: &NodeName, node: &Node) -> Ipv4Addr {
    let own = node.addresses.iter().find_map(|address| match address {
        IpAddr::V4(address) if is_router_id(*address) => Some(*address),
        _ => None,
    });
    own.unwrap_or_else(|| {
        let mut hash = DefaultHasher::new();
        name.as_str().hash(&mut hash);
        Ipv4Addr::from_bits(0x0100_0000 + (hash.finish() % 0x7e00_0000) as u32)
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use std::collections::BTreeSet;

    use super::*;

    fn peer(more: Value) -> BgpPeer {
        let mut spec = json!({"myASN": 64512, "peerASN": 64500, "peerAddress": "198.51.100.1"});
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        BgpPeer::parse(&serde_json::from_value(json!({"metadata": {"name": "tor"}, "spec": spec})).unwrap())
            .unwrap()
    }

    fn node(addresses: &[&str]) -> Node {
        Node {
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            ..Node::default()
        }
    }

    #[test]
    fn the_router_id_is_what_is_said_else_an_address_of_the_node_else_made_of_its_name() {
        let id = |more: Value, addresses: &[&str]| {
            spec(&peer(more), &"n1".into(), &node(addresses), &Passwords::new())
                .unwrap()
                .router_id
        };
        assert_eq!(
            id(json!({"routerID": "192.0.2.9"}), &["192.0.2.11"]).to_string(),
            "192.0.2.9"
        );
        assert_eq!(
            id(json!({}), &["2001:db8::11", "192.0.2.11"]).to_string(),
            "192.0.2.11"
        );
        let made = id(json!({}), &["2001:db8::11"]);
        assert!(is_router_id(made) && made.octets()[0] < 127);
        assert_eq!(id(json!({}), &[]), made);
    }

    #[rstest]
    #[case::of_its_own_family(json!({}), &[peering::Family::V4])]
    #[case::of_both(json!({"dualStackAddressFamily": true}), &[peering::Family::V4, peering::Family::V6])]
    fn the_session_carries_families(#[case] more: Value, #[case] families: &[peering::Family]) {
        let spec = spec(&peer(more), &"n1".into(), &node(&[]), &Passwords::new()).unwrap();
        assert_eq!(spec.families, families.iter().copied().collect::<BTreeSet<_>>());
    }

    #[test]
    fn without_the_password_that_a_secret_should_hold_there_is_no_session() {
        let peer = peer(json!({"passwordSecret": {"name": "tor"}}));
        let of = |passwords: &Passwords| spec(&peer, &"n1".into(), &node(&[]), passwords);
        assert_eq!(
            of(&Passwords::new()).unwrap_err().to_string(),
            "spec.passwordSecret: Secret tor was not read yet"
        );
        let known = Passwords::from([("tor".to_owned(), Ok(Secrecy("x".to_owned())))]);
        assert_eq!(of(&known).unwrap().endpoint.password.unwrap().0, "x");
    }
}
