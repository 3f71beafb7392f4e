//! Whatever may be written.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use crate::bgp::wire::{Capabilities, GracefulRestart, KeptFamily, Open, PathStyle};
use crate::bgp::{Asn, Attributes, Bandwidth, Communities, Community, LargeCommunity, NextHops, V6NextHop};
use crate::prefix::{Family, Prefix};

/// An external peer that forwards IPv4 to this address.
pub(in crate::bgp) fn external(next_hop: [u8; 4]) -> PathStyle {
    PathStyle {
        asn: Asn(64512),
        internal: false,
        four_octets: true,
        extended_next_hop: false,
        next_hops: NextHops {
            v4: Some(next_hop.into()),
            v6: None,
        },
    }
}

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::V4), Just(Family::V6)]
}

pub(in crate::bgp) fn any_open() -> impl Strategy<Value = Open> {
    let kept = btree_set(
        (family(), any::<bool>()).prop_map(|(family, forwarding)| KeptFamily { family, forwarding }),
        0..3,
    );
    let restart =
        (any::<bool>(), 0..4096_u64, kept).prop_map(|(restarted, seconds, families)| GracefulRestart {
            restarted,
            notifications: false,
            time: Duration::from_secs(seconds),
            families,
        });
    let flags = any::<[bool; 4]>();
    let name = option::of("[a-z0-9.-]{1,64}");
    let head = (any::<u32>(), any::<u16>(), any::<u32>());
    (head, flags, btree_set(family(), 0..3), option::of(restart), name).prop_map(
        |(
            (asn, hold, identifier),
            [refresh, next_hop, messages, four],
            families,
            graceful_restart,
            host_name,
        )| {
            let asn = Asn(if four { asn } else { asn & 0xffff });
            Open {
                asn,
                hold,
                identifier: Ipv4Addr::from_bits(identifier),
                capabilities: Capabilities {
                    families,
                    route_refresh: refresh,
                    extended_next_hop: next_hop,
                    extended_messages: messages,
                    graceful_restart,
                    four_octets: four.then_some(asn),
                    host_name,
                    other: BTreeSet::new(),
                },
            }
        },
    )
}

pub(in crate::bgp) fn any_attributes() -> impl Strategy<Value = Attributes> {
    let standard = btree_set(
        any::<(u16, u16)>().prop_map(|(one, two)| Community(one, two)),
        0..70,
    );
    let large = btree_set(
        any::<(u32, u32, u32)>().prop_map(|(one, two, three)| LargeCommunity(one, two, three)),
        0..70,
    );
    let bandwidth = option::of((1..1000_u32).prop_map(Bandwidth::of_weight));
    let communities = (standard, large, bandwidth).prop_map(|(standard, large, bandwidth)| Communities {
        standard,
        large,
        bandwidth,
    });
    (option::of(any::<u32>()), communities).prop_map(|(local_pref, communities)| Attributes {
        local_pref,
        communities,
    })
}

pub(in crate::bgp) fn any_prefix() -> impl Strategy<Value = Prefix> {
    any::<(IpAddr, u8)>().prop_map(|(address, length)| {
        let bits = Family::of(address).bits();
        Prefix::new(address, length % (bits + 1)).unwrap()
    })
}

/// Prefixes of one family, none of them twice.
pub(in crate::bgp) fn any_prefixes() -> impl Strategy<Value = Vec<Prefix>> {
    vec(any_prefix(), 1..500).prop_map(|prefixes| {
        let family = prefixes[0].family();
        let of_family = prefixes.into_iter().filter(|prefix| prefix.family() == family);
        of_family.collect::<BTreeSet<_>>().into_iter().collect()
    })
}

pub(in crate::bgp) fn any_style() -> impl Strategy<Value = PathStyle> {
    let v6 = any::<(u128, Option<u128>)>().prop_map(|(address, link_local)| V6NextHop {
        address: Ipv6Addr::from_bits(address),
        link_local: link_local.map(|bits| Ipv6Addr::from_bits(0xfe80 << 112 | bits >> 64)),
    });
    let next_hops = (option::of(any::<u32>()), option::of(v6)).prop_map(|(v4, v6)| NextHops {
        v4: v4.map(Ipv4Addr::from_bits),
        v6,
    });
    (1..=u32::MAX, any::<[bool; 3]>(), next_hops).prop_map(
        |(asn, [internal, four_octets, extended_next_hop], next_hops)| PathStyle {
            asn: Asn(asn),
            internal,
            four_octets,
            extended_next_hop,
            next_hops,
        },
    )
}
