//! The rows of the table.

use ferrolb_routers::Make;

use super::Answer::{No, Try};
use super::routes::{both, graceful_shutdown, ipv4, ipv6, many, of_another_as, of_one_as, unnumbered};
use super::sessions::{bfd, graceful_restart, md5, multihop, ttl_security};
use super::{Answer, Case};

const fn case(heading: &'static str, sentence: &'static str, answer: fn(Make) -> Answer) -> Case {
    Case {
        heading,
        sentence,
        answer,
    }
}

pub(super) const CASES: &[Case] = &[
    case(
        "IPv4; withdrawal",
        "has_ipv4_routes_until_they_are_withdrawn",
        |_| Try(ipv4),
    ),
    case(
        "IPv6; withdrawal",
        "has_ipv6_routes_until_they_are_withdrawn",
        |_| Try(ipv6),
    ),
    case(
        "both families on one session",
        "has_both_families_from_one_session",
        |_| Try(both),
    ),
    case(
        "external: AS path, communities, large communities",
        "has_the_attributes_of_an_external_session",
        |_| Try(of_another_as),
    ),
    case(
        "internal: the same, and `localPref`",
        "has_local_pref_from_an_internal_session",
        |_| Try(of_one_as),
    ),
    case(
        "TCP MD5; a wrong password is named",
        "takes_a_signed_session_and_no_other",
        |_| Try(md5),
    ),
    case(
        "TTL security",
        "takes_a_session_that_shows_that_it_is_near",
        |_| Try(ttl_security),
    ),
    case(
        "a router between both ends",
        "is_reached_over_another_router",
        |_| Try(multihop),
    ),
    case(
        "BFD finds a silent node",
        "finds_a_silent_node_by_bfd",
        |make| match make {
            Make::ExaBgp | Make::OpenBgpd => No("has no BFD"),
            _ => Try(bfd),
        },
    ),
    case(
        "graceful restart: the route stays",
        "keeps_routes_while_the_speaker_restarts",
        |make| match make {
            Make::ExaBgp => No("keeps no routes"),
            _ => Try(graceful_restart),
        },
    ),
    case(
        "a node that leaves comes last (`graceful-shutdown`)",
        "hears_that_a_node_is_about_to_leave",
        |_| Try(graceful_shutdown),
    ),
    case(
        "unnumbered, both families",
        "is_found_by_its_router_advertisements",
        |make| match make {
            Make::GoBgp | Make::ExaBgp | Make::OpenBgpd => No("sends no router advertisements"),
            _ => Try(unnumbered),
        },
    ),
    case("10,000 routes in and out", "has_ten_thousand_routes", |_| {
        Try(many)
    }),
];
