//! The bill of materials of one program, as CycloneDX writes it in JSON.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// What `cargo tree` prints of each crate with [`FORMAT`] and `--prefix depth`.
pub(crate) const FORMAT: &str = "|{p}|{l}";

/// Something that is linked into the program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) version: String,
    /// An expression as SPDX writes it.
    pub(crate) licence: String,
    /// `cargo`, `generic`, or nothing for a crate of this tree.
    pub(crate) kind: &'static str,
}

/// The program that the bill is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) architecture: &'a str,
    pub(crate) sha256: &'a str,
    /// As RFC 3339 writes it.
    pub(crate) created: &'a str,
}

/// The crates of a program, the program first, and which of them uses which.
#[derive(Debug, Default)]
pub(crate) struct Crates {
    parts: Vec<Part>,
    uses: BTreeMap<String, BTreeSet<String>>,
}

impl Part {
    fn purl(&self) -> String {
        format!("pkg:{}/{}@{}", self.kind, self.name, self.version)
    }

    /// Names it within the bill.
    fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    fn component(&self, sums: &BTreeMap<String, String>) -> Value {
        let mut component = json!({
            "type": "library",
            "bom-ref": self.id(),
            "name": self.name,
            "version": self.version,
            "licenses": [{"expression": self.licence}],
        });
        if !self.kind.is_empty() {
            component["purl"] = json!(self.purl());
        }
        if let Some(sum) = sums.get(&self.id()) {
            component["hashes"] = json!([{"alg": "SHA-256", "content": sum}]);
        }
        component
    }
}

impl Crates {
    /// Reads what `cargo tree` prints: `2|serde v1.0.0|MIT OR Apache-2.0`, with the path of a crate of this tree behind
    /// its version, and ` (*)` at the end where the crate's own crates are listed elsewhere.
    pub(crate) fn parse(tree: &str) -> Result<Self> {
        let mut crates = Self::default();
        let mut above: Vec<String> = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let (depth, part) =
                parse_line(line).with_context(|| format!("what cargo tree prints: {line:?}"))?;
            above.truncate(depth);
            if let Some(user) = above.last() {
                crates.uses.entry(user.clone()).or_default().insert(part.id());
            }
            above.push(part.id());
            if !crates.parts.contains(&part) {
                crates.parts.push(part);
            }
        }
        Ok(crates)
    }

    /// The bill. `sums` has the SHA-256 of each crate's archive by `NAME@VERSION`; `beside` are parts that are no
    /// crates.
    pub(crate) fn bill(
        &self,
        subject: &Subject<'_>,
        beside: &[Part],
        sums: &BTreeMap<String, String>,
    ) -> Result<Value> {
        let (program, crates) = self.parts.split_first().context("cargo tree prints nothing")?;
        let mut components: Vec<&Part> = crates.iter().chain(beside).collect();
        components.sort();
        let mut uses = self.uses.clone();
        uses.entry(program.id())
            .or_default()
            .extend(beside.iter().map(Part::id));
        let dependencies: Vec<_> = uses
            .iter()
            .map(|(user, used)| json!({"ref": user, "dependsOn": used}))
            .collect();
        Ok(json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {
                "timestamp": subject.created,
                "component": {
                    "type": "application",
                    "bom-ref": program.id(),
                    "name": program.name,
                    "version": program.version,
                    "licenses": [{"expression": program.licence}],
                    "hashes": [{"alg": "SHA-256", "content": subject.sha256}],
                    "properties": [{"name": "architecture", "value": subject.architecture}],
                },
            },
            "components": components.iter().map(|part| part.component(sums)).collect::<Vec<_>>(),
            "dependencies": dependencies,
        }))
    }
}

fn parse_line(line: &str) -> Option<(usize, Part)> {
    let mut fields = line.split('|');
    let depth = fields.next()?.parse().ok()?;
    let mut words = fields.next()?.split(' ');
    let name = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.to_owned();
    let kind = if words.next().is_some_and(|word| word.starts_with("(/")) {
        ""
    } else {
        "cargo"
    };
    let licence = fields.next()?.trim_end_matches(" (*)");
    Some((
        depth,
        Part {
            name,
            version,
            licence: expression(licence),
            kind,
        },
    ))
}

/// Crates used to write a slash for `OR`.
fn expression(licence: &str) -> String {
    let each: Vec<&str> = licence.split('/').map(str::trim).collect();
    each.join(" OR ")
}

/// The SHA-256 of each crate's archive by `NAME@VERSION`, from the text of a `Cargo.lock`.
pub(crate) fn sums(lock: &str) -> BTreeMap<String, String> {
    let field = |package: &str, name: &str| {
        let quoted = package.lines().find_map(|line| line.strip_prefix(name))?;
        Some(quoted.trim_start_matches(" = ").trim_matches('"').to_owned())
    };
    lock.split("[[package]]")
        .filter_map(|package| {
            let id = format!("{}@{}", field(package, "name")?, field(package, "version")?);
            Some((id, field(package, "checksum")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "\
0|ferrolb v0.1.0 (/a/tree/cli)|Apache-2.0
1|anyhow v1.0.104|MIT OR Apache-2.0
1|ferrolb-crds v0.1.0 (/a/tree/crds)|Apache-2.0
2|anyhow v1.0.104|MIT OR Apache-2.0 (*)
2|old v0.3.0|MIT/Apache-2.0
";
    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"anyhow\"\nversion = \"1.0.104\"\nsource = \"x\"\nchecksum = \"ab12\"\n\n[[package]]\nname = \"ferrolb\"\nversion = \"0.1.0\"\n";

    fn bill() -> Value {
        let subject = Subject {
            architecture: "arm64",
            sha256: "cd34",
            created: "2026-01-01T00:00:00Z",
        };
        let libc = Part {
            name: "glibc".into(),
            version: "2.36".into(),
            licence: "LGPL-2.1-or-later".into(),
            kind: "generic",
        };
        Crates::parse(TREE)
            .unwrap()
            .bill(&subject, &[libc], &sums(LOCK))
            .unwrap()
    }

    #[test]
    fn each_part_is_listed_once_with_version_licence_purl_and_hash() {
        let bill = bill();
        let names: Vec<_> = bill["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| &part["name"])
            .collect();
        assert_eq!(names, ["anyhow", "ferrolb-crds", "glibc", "old"]);
        let expected = json!({
            "type": "library", "bom-ref": "anyhow@1.0.104", "name": "anyhow", "version": "1.0.104",
            "licenses": [{"expression": "MIT OR Apache-2.0"}], "purl": "pkg:cargo/anyhow@1.0.104",
            "hashes": [{"alg": "SHA-256", "content": "ab12"}],
        });
        assert_eq!(bill["components"][0], expected);
        assert_eq!(
            bill["components"][3]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
    }

    #[test]
    fn a_crate_of_this_tree_is_said_to_be_in_no_registry() {
        assert!(bill()["components"][1].get("purl").is_none());
    }

    #[test]
    fn the_program_is_the_subject_and_uses_what_stands_below_it() {
        let bill = bill();
        assert_eq!(bill["metadata"]["component"]["hashes"][0]["content"], "cd34");
        let dependencies = bill["dependencies"].as_array().unwrap();
        let of = |name: &str| {
            let found = dependencies.iter().find(|one| one["ref"] == name);
            found.unwrap()["dependsOn"].clone()
        };
        assert_eq!(
            of("ferrolb@0.1.0"),
            json!(["anyhow@1.0.104", "ferrolb-crds@0.1.0", "glibc@2.36"])
        );
        assert_eq!(of("ferrolb-crds@0.1.0"), json!(["anyhow@1.0.104", "old@0.3.0"]));
    }

    #[test]
    fn a_line_that_is_no_crate_is_an_error_that_shows_it() {
        let refused = Crates::parse("0|ferrolb").unwrap_err();
        assert!(refused.to_string().contains("0|ferrolb"), "{refused}");
    }
}
