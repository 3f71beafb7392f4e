//! BGP communities: what routers treat routes by.

use std::collections::BTreeMap;
use std::fmt;

use kube::ResourceExt;

use super::Invalid;
use crate::api;

/// A community of four octets (RFC 1997) or a large one of twelve (RFC 8092). Sorts by what it is on the wire.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Community {
    /// `high:low`.
    Standard(u16, u16),
    /// `large:global:local1:local2`.
    Large(u32, u32, u32),
}

/// Communities that have names of their own (IANA, "BGP Well-known Communities"). MetalLB does not know them.
const WELL_KNOWN: [(&str, Community); 7] = [
    ("graceful-shutdown", Community::Standard(0xffff, 0)),
    ("accept-own", Community::Standard(0xffff, 1)),
    ("blackhole", Community::Standard(0xffff, 0x029a)),
    ("no-export", Community::Standard(0xffff, 0xff01)),
    ("no-advertise", Community::Standard(0xffff, 0xff02)),
    ("no-export-subconfed", Community::Standard(0xffff, 0xff03)),
    ("no-peer", Community::Standard(0xffff, 0xff04)),
];

impl Community {
    /// Reads `65000:1`, `large:65000:1:2`, or a well-known name as `no-export`. None for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((_, known)) = WELL_KNOWN.iter().find(|(name, _)| *name == text) {
            return Some(*known);
        }
        let large = text.strip_prefix("large:");
        let parts: Vec<&str> = large.unwrap_or(text).split(':').collect();
        match (large.is_some(), parts.as_slice()) {
            (false, [high, low]) => Some(Self::Standard(high.parse().ok()?, low.parse().ok()?)),
            (true, [global, one, two]) => Some(Self::Large(
                global.parse().ok()?,
                one.parse().ok()?,
                two.parse().ok()?,
            )),
            _ => None,
        }
    }
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = WELL_KNOWN.iter().find(|(_, known)| known == self) {
            return f.write_str(name);
        }
        match *self {
            Self::Standard(high, low) => write!(f, "{high}:{low}"),
            Self::Large(global, one, two) => write!(f, "large:{global}:{one}:{two}"),
        }
    }
}

/// The names of one `Community` object.
pub type Aliases = BTreeMap<String, Community>;

/// Reads the object: the names that can be used, and what is wrong with the others.
pub fn aliases(resource: &api::Community) -> (Aliases, Vec<Invalid>) {
    let (mut aliases, mut wrong) = (Aliases::new(), Vec::new());
    for (at, one) in resource.spec.communities.iter().enumerate() {
        let field = |name: &str| format!("spec.communities[{at}].{name}");
        match Community::parse(&one.value) {
            _ if one.name.is_empty() => wrong.push(Invalid::new(field("name"), "must not be empty")),
            None => wrong.push(Invalid::new(field("value"), not_read(&one.value))),
            Some(_) if aliases.contains_key(&one.name) => {
                wrong.push(Invalid::new(
                    field("name"),
                    format!("{} is defined twice", one.name),
                ));
            }
            Some(value) => drop(aliases.insert(one.name.clone(), value)),
        }
    }
    (aliases, wrong)
}

/// All names of all objects, in order of the objects' names; of two definitions of one name the first counts, and the
/// object of the other is said with what is wrong.
pub fn all_aliases<'a>(
    objects: impl IntoIterator<Item = (&'a api::Community, &'a Aliases)>,
) -> (Aliases, Vec<(String, Invalid)>) {
    let mut all: BTreeMap<&String, (String, Community)> = BTreeMap::new();
    let mut twice = Vec::new();
    for (object, aliases) in objects {
        for (name, value) in aliases {
            match all.get(name) {
                Some((other, _)) => {
                    let why = format!("{name} is defined by Community {other} too, which counts");
                    twice.push((object.name_any(), Invalid::new("spec.communities", why)));
                }
                None => drop(all.insert(name, (object.name_any(), *value))),
            }
        }
    }
    let all = all.into_iter().map(|(name, (_, value))| (name.clone(), value));
    (all.collect(), twice)
}

/// What is wrong with a text that is no community.
pub(super) fn not_read(text: &str) -> String {
    format!("\"{text}\" is no community: neither 65000:1, nor large:65000:1:2, nor a well-known name")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("65000:1", Some(Community::Standard(65000, 1)))]
    #[case("large:4200000000:1:2", Some(Community::Large(4_200_000_000, 1, 2)))]
    #[case("no-export", Some(Community::Standard(0xffff, 0xff01)))]
    #[case("no-advertise", Some(Community::Standard(0xffff, 0xff02)))]
    #[case("no-export-subconfed", Some(Community::Standard(0xffff, 0xff03)))]
    #[case("no-peer", Some(Community::Standard(0xffff, 0xff04)))]
    #[case("blackhole", Some(Community::Standard(0xffff, 0x029a)))]
    #[case("graceful-shutdown", Some(Community::Standard(0xffff, 0)))]
    #[case("no-such", None)]
    #[case("65536:1", None)]
    #[case("1:2:3", None)]
    #[case("large:1:2", None)]
    #[case("large:1:2:4294967296", None)]
    #[case("gold", None)]
    #[case("", None)]
    fn reads(#[case] text: &str, #[case] expected: Option<Community>) {
        assert_eq!(Community::parse(text), expected);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(high: u16, low: u16, large: [u32; 3]) {
            for one in [Community::Standard(high, low), Community::Large(large[0], large[1], large[2])] {
                prop_assert_eq!(Community::parse(&one.to_string()), Some(one));
            }
        }
    }

    fn object(name: &str, pairs: &[(&str, &str)]) -> api::Community {
        let pair = |(name, value): &(&str, &str)| json!({"name": name, "value": value});
        let all: Vec<_> = pairs.iter().map(pair).collect();
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": {"communities": all}})).unwrap()
    }

    #[test]
    fn what_is_wrong_with_one_name_says_which_and_leaves_the_others() {
        let (aliases, wrong) = aliases(&object("c", &[("gold", "1:1"), ("bad", "1"), ("gold", "1:2")]));
        assert_eq!(
            aliases,
            Aliases::from([("gold".to_owned(), Community::Standard(1, 1))])
        );
        let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        assert_eq!(
            wrong,
            [
                "spec.communities[1].value: \"1\" is no community: neither 65000:1, nor large:65000:1:2, nor a well-known name",
                "spec.communities[2].name: gold is defined twice"
            ]
        );
    }

    #[test]
    fn of_two_objects_with_one_name_the_first_counts() {
        let objects = [
            object("a", &[("gold", "1:1")]),
            object("b", &[("gold", "1:2"), ("tin", "1:3")]),
        ];
        let read: Vec<_> = objects.iter().map(|one| (one, aliases(one).0)).collect();
        let (all, twice) = all_aliases(read.iter().map(|(object, aliases)| (*object, aliases)));
        assert_eq!(all["gold"], Community::Standard(1, 1));
        assert_eq!(all["tin"], Community::Standard(1, 3));
        assert_eq!(twice[0].0, "b");
    }
}
