//! Advertisements of BGP: which prefixes are told to which peers, with which attributes.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnetwork::IpNetwork;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use super::community::{Aliases, Community, not_read};
use super::{BgpAdvertName, ByFamily, Family, Invalid, PeerName, Selection};
use crate::api::BGPAdvertisement;
use crate::names::{LINK_BANDWIDTH, READY_ENDPOINTS};

/// MetalLB's limit of communities of one prefix.
const MOST_COMMUNITIES: usize = 63;

/// A valid `BGPAdvertisement`. Names in it need not exist.
#[derive(Clone, Debug, PartialEq)]
pub struct BgpAdvert {
    /// Its name.
    pub name: BgpAdvertName,
    /// When it was made: of two that contradict each other the older one counts.
    pub created: Option<Timestamp>,
    /// The pools, nodes and Services that it speaks of.
    pub selection: Selection,
    /// The peers that it names; empty means all.
    pub peers: BTreeSet<PeerName>,
    /// LOCAL_PREF for internal peers; none leaves it to them.
    pub local_pref: Option<u32>,
    /// What it says of communities, in the words of the object.
    pub communities: Vec<String>,
    /// Routes say how many ready endpoints are behind them.
    pub weighs: bool,
    lengths: ByFamily<u8>,
}

impl BgpAdvert {
    /// Reads the resource.
    ///
    /// # Errors
    /// The first field that is wrong, with its value.
    pub fn parse(resource: &BGPAdvertisement) -> Result<Self, Invalid> {
        let spec = &resource.spec;
        let selection = Selection::parse(
            &spec.ip_address_pools,
            &spec.ip_address_pool_selectors,
            &spec.node_selectors,
            &spec.service_selectors,
        )?;
        let mut lengths = ByFamily::of(full);
        for (family, field, given) in [
            (Family::V4, "aggregationLength", spec.aggregation_length),
            (Family::V6, "aggregationLengthV6", spec.aggregation_length_v6),
        ] {
            let Some(given) = given else { continue };
            let fits = u8::try_from(given).ok().filter(|length| *length <= full(family));
            let wrong = || format!("{given} is not within 0 to {}", full(family));
            lengths[family] = fits.ok_or_else(|| Invalid::new(format!("spec.{field}"), wrong()))?;
            if lengths[family] < full(family) && selection.restricts_services() {
                let why = format!("{given} cannot be combined with spec.serviceSelectors");
                return Err(Invalid::new(format!("spec.{field}"), why));
            }
        }
        let local_pref = spec.local_pref.filter(|given| *given != 0).map(u32::try_from);
        let local_pref = local_pref.transpose().map_err(|_| {
            let given = spec.local_pref.unwrap_or_default();
            Invalid::new(
                "spec.localPref",
                format!("{given} is not within 0 to {}", u32::MAX),
            )
        })?;
        if spec.communities.len() > MOST_COMMUNITIES {
            let why = format!(
                "{} of them are more than {MOST_COMMUNITIES}",
                spec.communities.len()
            );
            return Err(Invalid::new("spec.communities", why));
        }
        Ok(Self {
            name: resource.name_any().into(),
            created: resource.metadata.creation_timestamp.as_ref().map(|time| time.0),
            selection,
            peers: spec.peers.iter().map(|name| name.as_str().into()).collect(),
            local_pref,
            communities: spec.communities.clone(),
            weighs: weighs(resource)?,
            lengths,
        })
    }

    /// The pools and peers that the resource names and that are not there.
    pub fn unknown<'a>(
        resource: &'a BGPAdvertisement,
        is_pool: impl Fn(&str) -> bool + 'a,
        is_peer: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = Invalid> + 'a {
        let (pools, peers) = (&resource.spec.ip_address_pools, &resource.spec.peers);
        let pools = Selection::unknown("spec.ipAddressPools", "IPAddressPool", pools, is_pool);
        pools.chain(Selection::unknown("spec.peers", "BGPPeer", peers, is_peer))
    }

    /// The communities it says, and what is wrong with those that mean nothing.
    pub fn read_communities(&self, aliases: &Aliases) -> (BTreeSet<Community>, Vec<Invalid>) {
        let (mut known, mut wrong) = (BTreeSet::new(), Vec::new());
        for (at, text) in self.communities.iter().enumerate() {
            match aliases.get(text).copied().or_else(|| Community::parse(text)) {
                Some(community) => drop(known.insert(community)),
                None => {
                    let why = format!("{}, nor a name that a Community object defines", not_read(text));
                    wrong.push(Invalid::new(format!("spec.communities[{at}]"), why));
                }
            }
        }
        (known, wrong)
    }

    /// Whether it is told to this peer.
    pub fn names_peer(&self, peer: &PeerName) -> bool {
        self.peers.is_empty() || self.peers.contains(peer)
    }

    /// The prefix by which it tells of an address.
    pub fn prefix(&self, address: IpAddr) -> IpNetwork {
        let length = self.lengths[Family::of(address)];
        let network = IpNetwork::new(address, length).map(|prefix| (prefix.network(), prefix.prefix()));
        let (network, length) = network.unwrap_or((address, length));
        IpNetwork::new(network, length).unwrap_or_else(|_| address.into())
    }

    /// Whether addresses of the family are told of by a prefix that holds others too.
    pub fn aggregates(&self, family: Family) -> bool {
        self.lengths[family] < full(family)
    }
}

fn weighs(resource: &BGPAdvertisement) -> Result<bool, Invalid> {
    match resource.annotations().get(LINK_BANDWIDTH).map(String::as_str) {
        None => Ok(false),
        Some(READY_ENDPOINTS) => Ok(true),
        Some(other) => {
            let why = format!("\"{other}\" is not \"{READY_ENDPOINTS}\"");
            Err(Invalid::new(LINK_BANDWIDTH, why))
        }
    }
}

/// The length of the prefix of one address.
fn full(family: Family) -> u8 {
    match family {
        Family::V4 => 32,
        Family::V6 => 128,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn parse(spec: Value) -> Result<BgpAdvert, Invalid> {
        BgpAdvert::parse(&object(spec))
    }

    fn object(spec: Value) -> BGPAdvertisement {
        serde_json::from_value(json!({"metadata": {"name": "a"}, "spec": spec})).unwrap()
    }

    #[rstest]
    #[case::nothing_said(json!({}), "192.0.2.10", "192.0.2.10/32")]
    #[case::host_bits_are_cut(json!({"aggregationLength": 24}), "192.0.2.10", "192.0.2.0/24")]
    #[case::of_one_family(json!({"aggregationLength": 24}), "2001:db8::1", "2001:db8::1/128")]
    #[case::of_the_other(json!({"aggregationLengthV6": 64}), "2001:db8::1", "2001:db8::/64")]
    fn tells_by_prefix(#[case] spec: Value, #[case] address: &str, #[case] prefix: &str) {
        let prefix_of = parse(spec).unwrap().prefix(address.parse().unwrap());
        assert_eq!(prefix_of.to_string(), prefix);
    }

    #[rstest]
    #[case(json!({"aggregationLength": 33}), "spec.aggregationLength: 33 is not within 0 to 32")]
    #[case(json!({"aggregationLengthV6": -1}), "spec.aggregationLengthV6: -1 is not within 0 to 128")]
    #[case(json!({"aggregationLength": 24, "serviceSelectors": [{}]}), "spec.aggregationLength: 24 cannot be combined with spec.serviceSelectors")]
    #[case(json!({"localPref": -5}), "spec.localPref: -5 is not within 0 to 4294967295")]
    fn names_what_is_wrong(#[case] spec: Value, #[case] message: &str) {
        assert_eq!(parse(spec).unwrap_err().to_string(), message);
    }

    #[test]
    fn names_that_name_nothing_are_said() {
        let object = object(json!({"ipAddressPools": ["p", "q"], "peers": ["tor", "tro"]}));
        let unknown = BgpAdvert::unknown(&object, |pool| pool == "p", |peer| peer == "tor");
        let unknown: Vec<String> = unknown.map(|one| one.to_string()).collect();
        assert_eq!(
            unknown,
            [
                "spec.ipAddressPools[1]: there is no IPAddressPool q",
                "spec.peers[1]: there is no BGPPeer tro"
            ]
        );
    }

    #[test]
    fn a_community_may_be_said_by_a_name_that_an_object_defines() {
        let advert = parse(json!({"communities": ["gold", "65000:2", "no-export", "tin"]})).unwrap();
        let aliases = Aliases::from([("gold".to_owned(), Community::Standard(1, 1))]);
        let (known, wrong) = advert.read_communities(&aliases);
        assert_eq!(known.len(), 3);
        assert!(known.contains(&Community::Standard(1, 1)));
        assert!(
            wrong[0]
                .to_string()
                .starts_with("spec.communities[3]: \"tin\" is no community")
        );
    }

    #[rstest]
    #[case::not_said(json!({}), None)]
    #[case::zero(json!({"localPref": 0}), None)]
    #[case::the_greatest(json!({"localPref": 4_294_967_295_i64}), Some(u32::MAX))]
    fn a_local_pref_of_zero_is_none(#[case] spec: Value, #[case] expected: Option<u32>) {
        assert_eq!(parse(spec).unwrap().local_pref, expected);
    }

    #[rstest]
    #[case(json!({"aggregationLength": 32, "serviceSelectors": [{}]}), true)]
    #[case(json!({"aggregationLengthV6": 128, "serviceSelectors": [{}]}), true)]
    #[case(json!({"aggregationLengthV6": 64, "serviceSelectors": [{}]}), false)]
    fn services_are_selected_by_whole_addresses_only(#[case] spec: Value, #[case] valid: bool) {
        assert_eq!(parse(spec).is_ok(), valid);
    }

    #[rstest]
    #[case(63, true)]
    #[case(64, false)]
    fn a_prefix_has_63_communities_at_most(#[case] count: usize, #[case] valid: bool) {
        let communities: Vec<String> = (0..count).map(|number| format!("64512:{number}")).collect();
        assert_eq!(parse(json!({"communities": communities})).is_ok(), valid);
    }

    #[rstest]
    #[case::not_said(None, Ok(false))]
    #[case::said(Some("ready-endpoints"), Ok(true))]
    #[case::unknown(
        Some("true"),
        Err("ferrolb.io/link-bandwidth: \"true\" is not \"ready-endpoints\"")
    )]
    fn routes_say_how_many_endpoints_are_behind_them_if_that_is_asked_for(
        #[case] value: Option<&str>,
        #[case] expected: Result<bool, &str>,
    ) {
        let mut object = object(json!({}));
        let value = value.map(|value| ("ferrolb.io/link-bandwidth".to_owned(), value.to_owned()));
        object.metadata.annotations = Some(value.into_iter().collect());
        let weighs = BgpAdvert::parse(&object).map(|advert| advert.weighs);
        assert_eq!(
            weighs.map_err(|wrong| wrong.to_string()),
            expected.map_err(str::to_owned)
        );
    }

    #[test]
    fn without_names_of_peers_it_is_for_all() {
        let all = parse(json!({})).unwrap();
        let some = parse(json!({"peers": ["tor-a", "tor-b"]})).unwrap();
        assert!(all.names_peer(&"tor-c".into()) && some.names_peer(&"tor-b".into()));
        assert!(!some.names_peer(&"tor-c".into()));
    }
}
