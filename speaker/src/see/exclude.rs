//! Interfaces that never announce, by name: MetalLB's ConfigMap and its default list.

use ferrolb_crds::domain::InterfaceName;
use k8s_openapi::api::core::v1::ConfigMap;
use regex_lite::Regex;
use serde::Deserialize;

/// Name of the ConfigMap, in our own namespace.
pub(crate) const CONFIG_MAP: &str = "metallb-excludel2";
/// Its key, and MetalLB's name for the file it becomes.
const KEY: &str = "excludel2.yaml";

/// MetalLB's list, which holds where there is no ConfigMap.
const DEFAULT: [&str; 14] = [
    "^docker.*",
    "^cbr.*",
    "^dummy.*",
    "^virbr.*",
    "^lxcbr.*",
    "^veth.*",
    "^lo$",
    "^cali.*",
    "^tunl.*",
    "^flannel.*",
    "^kube-ipvs.*",
    "^cni.*",
    "^nodelocaldns.*",
    "^lxc.*",
];

/// Patterns of interface names. One matches anywhere in a name unless it is anchored.
#[derive(Clone, Debug)]
pub(crate) struct ExcludeList(Vec<Regex>);

#[derive(Deserialize)]
struct File {
    #[serde(default, rename = "announcedInterfacesToExclude")]
    patterns: Vec<String>,
}

/// Equal patterns in the same order.
impl PartialEq for ExcludeList {
    fn eq(&self, other: &Self) -> bool {
        self.0
            .iter()
            .map(Regex::as_str)
            .eq(other.0.iter().map(Regex::as_str))
    }
}

impl Default for ExcludeList {
    fn default() -> Self {
        let pattern = |pattern| Regex::new(pattern).expect("the default patterns are valid");
        Self(DEFAULT.into_iter().map(pattern).collect())
    }
}

impl ExcludeList {
    /// Reads the ConfigMap, which replaces the default list; and says what is wrong in it. A pattern that cannot be
    /// read is left out; where nothing can be read, the default list holds.
    pub(crate) fn read(config: &ConfigMap) -> (Self, Vec<String>) {
        let Some(text) = config.data.as_ref().and_then(|data| data.get(KEY)) else {
            return (Self::default(), vec![format!("data: has no key {KEY}")]);
        };
        let file: File = match serde_saphyr::from_str(text) {
            Ok(file) => file,
            Err(error) => return (Self::default(), vec![format!("data.{KEY}: {error}")]),
        };
        let (mut list, mut problems) = (Vec::new(), Vec::new());
        for (at, pattern) in file.patterns.iter().enumerate() {
            match Regex::new(pattern) {
                Ok(regex) => list.push(regex),
                Err(error) => {
                    let field = format!("data.{KEY}.announcedInterfacesToExclude[{at}]");
                    problems.push(format!("{field}: \"{pattern}\": {error}"));
                }
            }
        }
        (Self(list), problems)
    }

    /// Whether an interface of this name never announces.
    pub(crate) fn excludes(&self, interface: &InterfaceName) -> bool {
        self.0.iter().any(|pattern| pattern.is_match(interface.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> (ExcludeList, Vec<String>) {
        let config = json!({"metadata": {"name": CONFIG_MAP}, "data": {KEY: text}});
        ExcludeList::read(&serde_json::from_value(config).unwrap())
    }

    #[rstest]
    #[case("veth1234", true)]
    #[case("lo", true)]
    #[case("lo0", false)]
    #[case("eth0", false)]
    #[case("kube-ipvs0", true)]
    fn the_default_is_that_of_metallb(#[case] name: &str, #[case] excluded: bool) {
        assert_eq!(ExcludeList::default().excludes(&name.into()), excluded);
    }

    #[rstest]
    #[case("eth9", true)]
    #[case("net-eth9", true)]
    #[case("veth1234", false)]
    fn the_config_map_replaces_the_default(#[case] name: &str, #[case] excluded: bool) {
        let (list, problems) = read("announcedInterfacesToExclude: [\"eth9\"]");
        assert_eq!(list.excludes(&name.into()), excluded);
        assert!(problems.is_empty(), "{problems:?}");
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_reported_and_the_others_hold() {
        let (list, problems) = read("announcedInterfacesToExclude: [\"^a\", \"(\"]");
        assert!(list.excludes(&"a0".into()) && !list.excludes(&"b0".into()));
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].starts_with("data.excludel2.yaml.announcedInterfacesToExclude[1]: \"(\": "),
            "{problems:?}"
        );
    }

    #[test]
    fn where_nothing_can_be_read_the_default_holds() {
        let (list, problems) = read("announcedInterfacesToExclude: {");
        assert!(list.excludes(&"docker0".into()));
        assert_eq!(problems.len(), 1);
    }
}
