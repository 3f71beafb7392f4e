use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const KEY: [u8; 32] = [7; 32];

fn pool(name: &str, ranges: &[&str]) -> Value {
    json!({"kind": "IPAddressPool", "metadata": {"name": name}, "spec": {"addresses": ranges}})
}

fn named(names: &[&str]) -> Originals {
    let mut originals = Originals::default();
    names
        .iter()
        .for_each(|name| originals.add(originals::Kind::Service, name));
    originals
}

fn anonymized(originals: &Originals, text: &str) -> String {
    Anonymizer::of(originals, [text], &KEY).unwrap().text(text)
}

/// Every way in which people and programs write an address.
fn forms(address: IpAddr) -> Vec<String> {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            vec![
                v4.to_string(),
                format!("{a}-{b}-{c}-{d}"),
                format!("{a:03}.{b:03}.{c:03}.{d:03}"),
                v4.to_ipv6_mapped().to_string(),
            ]
        }
        IpAddr::V6(v6) => {
            let groups = v6.segments();
            let whole = groups.map(|group| format!("{group:04x}")).join(":");
            let short = groups.map(|group| format!("{group:x}")).join(":");
            vec![
                v6.to_string(),
                v6.to_string().to_uppercase(),
                whole.to_uppercase(),
                whole,
                short,
            ]
        }
    }
}

fn mac_forms(mac: [u8; 6]) -> Vec<String> {
    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    let colons = mac.map(|byte| format!("{byte:02x}")).join(":");
    let dots = format!("{}.{}.{}", &hex[..4], &hex[4..8], &hex[8..]);
    vec![
        colons.to_uppercase(),
        mac.map(|byte| format!("{byte:02x}")).join("-"),
        colons,
        dots,
        hex,
    ]
}

/// Addresses that are somebody's.
fn v4() -> impl Strategy<Value = IpAddr> {
    let octets = (1u8..=223).prop_filter("loopback", |first| *first != 127);
    (octets, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| Ipv4Addr::new(a, b, c, d).into())
}

fn v6() -> impl Strategy<Value = IpAddr> {
    let first = prop_oneof![Just(0x2001_u16), Just(0xfd00), 0x2000_u16..0x3fff, Just(0xfe80)];
    (first, any::<[u16; 7]>(), any::<bool>()).prop_map(|(first, rest, is_sparse)| {
        let [b, c, d, e, f, g, h] = rest;
        let is_link_local = first == 0xfe80;
        let (b, c, d) = if is_link_local { (0, 0, 0) } else { (b, c, d) };
        let (d, e, f) = if is_sparse && !is_link_local {
            (0, 0, 0)
        } else {
            (d, e, f)
        };
        Ipv6Addr::new(first, b, c, d, e, f, g, h | 1).into()
    })
}

fn mac() -> impl Strategy<Value = [u8; 6]> {
    any::<[u8; 6]>().prop_filter("of nobody", |mac| *mac != [0; 6] && *mac != [0xff; 6])
}

/// Nothing that the texts below say anyway.
fn name() -> impl Strategy<Value = String> {
    "[g-z][a-z0-9]{3,7}(-[g-z][a-z0-9]{2,5})?".prop_filter("a word of the texts", |name| {
        let words = [
            "line", "plain", "name", "node", "svc", "pool", "list", "items", "local", "cluster",
        ];
        !words.iter().any(|word| name.split('-').any(|part| part == *word))
    })
}

/// Whether the name is there as a word, or as some words of a longer name. By another way than the one that replaces.
fn mentions(text: &str, name: &str) -> bool {
    let text = text.to_lowercase();
    let is_alone = |at: usize| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
        !is_part(before) && !is_part(after)
    };
    text.match_indices(&name.to_lowercase())
        .any(|(at, _)| is_alone(at))
}

/// A text as logs, metrics and objects have it.
fn written(names: &[String], addresses: &[IpAddr], macs: &[[u8; 6]]) -> String {
    let mut text = String::new();
    for name in names {
        let upper = name.to_uppercase();
        text += &format!(
            "line {name} \"{name}\" ({name}) {upper} {name}-7f9c l2-{name} {name}.{name}.svc.cluster.local x={name},\n"
        );
        text += &format!(
            "plain \\\"{name}\\\" a\\n{name}\\t{name} \\u003c{name} {name}/{name} {name}_total é{name} a%2F{name}%3D{name}\n"
        );
    }
    for address in addresses {
        for form in forms(*address) {
            text += &format!(
                "line {form} [{form}]:80 \"{form}\" at {form}. {form}, ({form}) x={form} {form}%eth0 {form}/32 {form}-{form} \\n{form} \\u0026{form} %20{form}\n"
            );
        }
    }
    for mac in macs {
        for form in mac_forms(*mac) {
            text += &format!("line {form} ({form}) lladdr={form}, \"{form}\" \\t{form} %2F{form}\n");
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_of_the_original_is_left_however_it_is_written(
        names in btree_set(name(), 0..8), v4 in btree_set(v4(), 0..12), v6 in btree_set(v6(), 0..8), macs in btree_set(mac(), 0..6),
        key: [u8; 32],
    ) {
        let names: Vec<String> = names.into_iter().collect();
        let addresses: Vec<IpAddr> = v4.into_iter().chain(v6).collect();
        let macs: Vec<[u8; 6]> = macs.into_iter().collect();
        let text = written(&names, &addresses, &macs);
        let originals = named(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let others = Anonymizer::of(&originals, [text.as_str()], &key).unwrap();
        let object = others.json(&json!({"items": [&text], &text: {"x": &text}})).to_string();
        for out in [others.text(&text), object] {
            let lower = out.to_lowercase();
            for name in &names {
                prop_assert!(!mentions(&out, name), "{name} in {out}");
            }
            for form in addresses.iter().flat_map(|address| forms(*address)) {
                let words = out.split(|letter: char| !(letter.is_ascii_hexdigit() || matches!(letter, ':' | '.' | '-')));
                let mut words = words.map(|word| word.trim_end_matches(['.', ':']));
                prop_assert!(!words.any(|word| word.eq_ignore_ascii_case(&form)), "{form} in {out}");
            }
            for form in macs.iter().flat_map(|mac| mac_forms(*mac)) {
                prop_assert!(!lower.contains(&form.to_lowercase()), "{form} in {out}");
            }
        }
    }

    #[test]
    fn the_same_becomes_the_same_and_different_ones_become_different(
        names in btree_set(name(), 2..8), addresses in btree_set(prop_oneof![v4(), v6()], 2..16), macs in btree_set(mac(), 2..6),
        key: [u8; 32],
    ) {
        let names: Vec<String> = names.into_iter().collect();
        let addresses: Vec<IpAddr> = addresses.into_iter().collect();
        let macs: Vec<[u8; 6]> = macs.into_iter().collect();
        let text = written(&names, &addresses, &macs);
        let originals = named(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let others = Anonymizer::of(&originals, [text.as_str()], &key).unwrap();
        let of_address = |address: &IpAddr| -> BTreeSet<IpAddr> {
            let text = |form: String| others.text(&format!("x={form},"));
            let parsed = |text: String| text[2..text.len() - 1].parse::<IpAddr>();
            // The dashed form is no address to the parser.
            forms(*address).into_iter().filter(|form| !form.contains('-') && !form.starts_with("::ffff") && !form.starts_with('0'))
                .map(text).filter_map(|text| parsed(text).ok()).collect()
        };
        let became: Vec<BTreeSet<IpAddr>> = addresses.iter().map(of_address).collect();
        prop_assert!(became.iter().all(|one| one.len() == 1), "{became:?}");
        prop_assert_eq!(became.iter().flatten().collect::<BTreeSet<_>>().len(), addresses.len());
        let of_name: BTreeSet<String> = names.iter().map(|name| others.text(name)).collect();
        prop_assert_eq!(of_name.len(), names.len());
        let of_mac = |mac: &[u8; 6]| -> BTreeSet<String> {
            mac_forms(*mac).iter().map(|form| others.text(form).replace([':', '-', '.'], "")).collect()
        };
        let became: Vec<BTreeSet<String>> = macs.iter().map(of_mac).collect();
        prop_assert!(became.iter().all(|one| one.len() == 1), "{became:?}");
        prop_assert_eq!(became.iter().flatten().collect::<BTreeSet<_>>().len(), macs.len());
    }

    #[test]
    fn addresses_of_one_network_stay_of_one_network(
        network: [u8; 3], hosts in btree_set(any::<u8>(), 2..6), length in 8u8..=24, key: [u8; 32],
    ) {
        let [_, b, c] = network;
        let text: String = hosts.iter().map(|host| format!("203.{b}.{c}.{host} ")).collect();
        let base = u32::from(Ipv4Addr::new(203, b, c, 0)) >> (32 - length) << (32 - length);
        let network = format!("{}/{length}", Ipv4Addr::from(base));
        let text = format!("{network} {text}");
        let out = Anonymizer::of(&Originals::default(), [text.as_str()], &key).unwrap().text(&text);
        let mut words = out.split_whitespace();
        let network: ipnetwork::IpNetwork = words.next().unwrap().parse().unwrap();
        prop_assert_eq!(network.network(), network.ip(), "{}", out);
        for word in words {
            prop_assert!(network.contains(word.parse().unwrap()), "{word} in {network}");
        }
    }

    #[test]
    fn the_addresses_of_a_pool_keep_their_order_and_their_distances(
        c: u8, first in 0u8..=200, length in 1u8..=50, offsets in vec(0u8..50, 1..6), key: [u8; 32],
    ) {
        let at = |offset: u8| Ipv4Addr::new(198, 51, c, first + offset.min(length));
        let range = format!("{}-{}", at(0), at(length));
        let mut originals = Originals::default();
        originals.add_object(&pool("lan", &[&range]));
        let text: String = offsets.iter().map(|offset| format!("{} ", at(*offset))).collect();
        let text = format!("{range} {text}");
        let out = Anonymizer::of(&originals, [text.as_str()], &key).unwrap().text(&text);
        let mut words = out.split_whitespace();
        let (begin, end) = words.next().unwrap().split_once('-').unwrap();
        let number = |text: &str| u32::from(text.parse::<Ipv4Addr>().unwrap());
        prop_assert_eq!(number(end) - number(begin), u32::from(length));
        for (word, offset) in words.zip(offsets) {
            prop_assert_eq!(number(word) - number(begin), u32::from(offset.min(length)));
        }
    }

    #[test]
    fn no_text_makes_it_fail(text in any::<String>(), name in name()) {
        anonymized(&named(&[&name]), &text);
    }
}

#[test]
fn what_is_of_nobody_stays() {
    let text = "0.0.0.0/0 127.0.0.1 255.255.255.255 224.0.0.251 ::/0 ::1 ff02::1 ff:ff:ff:ff:ff:ff 00:00:00:00:00:00";
    assert_eq!(anonymized(&Originals::default(), text), text);
}

#[test]
fn what_only_looks_like_it_stays() {
    for text in [
        "2026-11-29T06:31:12.093Z",
        "took 12:30:45",
        "v1.36.0",
        "ferrolb_speaker::tell::add",
        "rate 0.25 of 1.5",
        "12 MiB, 65536 bytes",
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef",
    ] {
        assert_eq!(anonymized(&named(&["shop"]), text), text);
    }
}

#[test]
fn a_group_that_shows_the_end_of_an_address_does_not() {
    let out = anonymized(&Originals::default(), "2001:db8::12:3456 ff02::1:ff12:3456");
    assert!(!out.contains("3456") && out.contains("ff02::1:ff"), "{out}");
}

#[test]
fn the_longer_name_wins_and_other_words_that_begin_like_it_stay() {
    let originals = named(&["web", "web-front", "n1"]);
    let out = anonymized(&originals, "web web-front webshop web-front-7f9c n1 n12");
    let words: Vec<&str> = out.split(' ').collect();
    assert_eq!((words[2], words[5]), ("webshop", "n12"));
    assert_ne!(words[0], words[1]);
    assert_eq!(words[3], format!("{}-7f9c", words[1]));
}

#[test]
fn no_replacement_is_a_name_that_is_there() {
    let out = anonymized(&named(&["svcx1", "web"]), "svcx1 web");
    assert!(!mentions(&out, "svcx1") && !mentions(&out, "web"), "{out}");
}

#[test]
fn keys_of_the_form_stay_keys_though_somebody_is_named_like_them() {
    let originals = named(&["ingress", "shop"]);
    let value = json!({"ingress": [{"ip": "192.0.2.1"}], "shop": "ingress"});
    let text = value.to_string();
    let out = Anonymizer::of(&originals, [text.as_str()], &KEY)
        .unwrap()
        .json(&value);
    assert!(out["ingress"].is_array() && out.get("shop").is_none(), "{out}");
    assert!(!out.to_string().contains("\"ingress\"}"), "{out}");
}

#[test]
fn the_mapping_says_what_became_what() {
    let originals = named(&["shop"]);
    let text = "shop 192.0.2.7 192.0.2.0/24 02:00:00:00:00:07";
    let others = Anonymizer::of(&originals, [text], &KEY).unwrap();
    let mapping = json!(others.mapping());
    let out = others.text(text);
    let words: Vec<&str> = out.split(' ').collect();
    let said = [
        &mapping["names"]["shop"],
        &mapping["addresses"]["192.0.2.7"],
        &mapping["networks"]["192.0.2.0/24"],
        &mapping["macs"]["02:00:00:00:00:07"],
    ];
    assert_eq!(said.map(|one| one.as_str().unwrap()).to_vec(), words);
}

#[test]
fn objects_tell_the_names_of_what_they_are_about() {
    let mut originals = Originals::default();
    for object in [
        json!({"kind": "Service", "metadata": {"name": "web", "namespace": "shop", "labels": {"example.com/team": "blue", "app": "cart"},
               "annotations": {"metallb.io/address-pool": "lan,wan", "metallb.io/allow-shared-ip": "sharedkey"}}}),
        json!({"kind": "Node", "metadata": {"name": "n1", "labels": {"kubernetes.io/os": "linux", "topology.kubernetes.io/zone": "rack7"}},
               "status": {"addresses": [{"type": "Hostname", "address": "n1.corp.example"}, {"type": "InternalIP", "address": "192.0.2.1"}]}}),
        json!({"kind": "L2Advertisement", "metadata": {"name": "adv", "namespace": "metallb-system"},
               "spec": {"ipAddressPools": ["dmz"], "nodeSelectors": [{"matchExpressions": [{"key": "bay", "operator": "In", "values": ["seven"]}]}]}}),
        json!({"kind": "Pod", "metadata": {"name": "speaker-x7k2p", "namespace": "metallb-system"},
               "spec": {"nodeName": "n2", "containers": [{"image": "registry.corp.example/lb/ferrolb:1"}]}}),
    ] {
        originals.add_object(&object);
    }
    let names: BTreeSet<&str> = originals.names().keys().map(String::as_str).collect();
    let expected = [
        "web",
        "shop",
        "example.com/team",
        "blue",
        "cart",
        "lan",
        "wan",
        "sharedkey",
        "n1",
        "rack7",
        "n1.corp.example",
        "corp.example",
        "adv",
        "dmz",
        "bay",
        "seven",
        "speaker-x7k2p",
        "n2",
        "registry.corp.example/lb",
        "registry.corp.example",
    ];
    assert_eq!(names, expected.into());
}
