//! What goes into the archive, and what does not and why. Pure.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::anonymize::{Anonymizer, Mapping, Originals, TooMany};

/// The file that says what is in the archive.
pub(super) const INDEX: &str = "index.json";

/// The files by their paths.
#[derive(Debug, Default)]
pub(super) struct Bundle {
    files: BTreeMap<String, File>,
    missing: Vec<Missing>,
}

#[derive(Debug)]
struct File {
    what: &'static str,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Json(Value),
    Text(String),
}

/// What could not be fetched.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Missing {
    pub(super) what: String,
    pub(super) why: String,
}

#[derive(Serialize)]
struct Index<'a> {
    /// The version of the program that made it.
    version: &'static str,
    taken_at: &'a str,
    /// Whether names, addresses and MACs are replaced.
    anonymized: bool,
    files: Vec<Entry<'a>>,
    missing: &'a [Missing],
}

#[derive(Serialize)]
struct Entry<'a> {
    path: &'a str,
    bytes: usize,
    what: &'static str,
}

impl Bundle {
    pub(super) fn add_json(&mut self, path: &str, what: &'static str, value: Value) {
        let content = Content::Json(value);
        self.files.insert(path.to_owned(), File { what, content });
    }

    /// What is JSON in it is kept as JSON.
    pub(super) fn add_text(&mut self, path: &str, what: &'static str, text: String) {
        let content = Content::Text(text);
        self.files.insert(path.to_owned(), File { what, content });
    }

    pub(super) fn lacks(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.missing.push(Missing {
            what: what.into(),
            why: why.into(),
        });
    }

    pub(super) fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// The same with names, addresses and MACs replaced, also in paths and in what is said of the missing; and what became
    /// what.
    ///
    /// # Errors
    /// There are more addresses than others that could take their place.
    pub(super) fn anonymized(
        &self,
        originals: &Originals,
        key: &[u8; 32],
    ) -> Result<(Self, Mapping), TooMany> {
        let texts: Vec<String> = self
            .files
            .iter()
            .flat_map(|(path, file)| [path.clone(), file.content.text()])
            .chain(
                self.missing
                    .iter()
                    .map(|one| format!("{}: {}", one.what, one.why)),
            )
            .collect();
        let mut originals = originals.clone();
        texts.iter().for_each(|text| originals.add_mentions(text));
        let others = Anonymizer::of(&originals, texts.iter().map(String::as_str), key)?;
        let file = |(path, file): (&String, &File)| {
            let content = match &file.content {
                Content::Json(value) => Content::Json(others.json(value)),
                Content::Text(text) => Content::Text(others.text(text)),
            };
            let what = file.what;
            (others.text(path), File { what, content })
        };
        let missing = |one: &Missing| Missing {
            what: others.text(&one.what),
            why: others.text(&one.why),
        };
        let bundle = Self {
            files: self.files.iter().map(file).collect(),
            missing: self.missing.iter().map(missing).collect(),
        };
        Ok((bundle, others.mapping()))
    }

    /// Path and content of each file, the index first.
    pub(super) fn contents(&self, taken_at: &str, anonymized: bool) -> Vec<(String, String)> {
        let files: Vec<(&String, &File, String)> = self
            .files
            .iter()
            .map(|(path, file)| (path, file, file.content.text()))
            .collect();
        let entry =
            |(path, file, text): &(&'_ String, &File, String)| (path.to_string(), text.len(), file.what);
        let entries: Vec<(String, usize, &'static str)> = files.iter().map(entry).collect();
        let index = Index {
            version: env!("CARGO_PKG_VERSION"),
            taken_at,
            anonymized,
            files: entries
                .iter()
                .map(|(path, bytes, what)| Entry {
                    path,
                    bytes: *bytes,
                    what,
                })
                .collect(),
            missing: &self.missing,
        };
        let index = serde_json::to_string_pretty(&index).unwrap_or_default() + "\n";
        let mut contents = vec![(INDEX.to_owned(), index)];
        contents.extend(files.into_iter().map(|(path, _, text)| (path.clone(), text)));
        contents
    }
}

impl Content {
    fn text(&self) -> String {
        match self {
            Self::Json(value) => serde_json::to_string_pretty(value).unwrap_or_default() + "\n",
            Self::Text(text) => text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bundle() -> (Bundle, Originals) {
        let node = json!({"kind": "Node", "metadata": {"name": "rack7"}});
        let mut bundle = Bundle::default();
        bundle.add_json("objects/nodes.json", "Nodes", json!([node]));
        bundle.add_text(
            "logs/rack7.log",
            "log",
            "rack7 has 192.0.2.7 at 02:00:00:00:00:07\n".to_owned(),
        );
        bundle.lacks("facts of rack7", "no answer from 192.0.2.8");
        let mut originals = Originals::default();
        originals.add_object(&node);
        (bundle, originals)
    }

    #[test]
    fn the_index_names_each_file_with_its_size_and_what_is_missing() {
        let contents = bundle().0.contents("2026-01-01T00:00:00Z", false);
        let index: Value = serde_json::from_str(&contents[0].1).unwrap();
        assert_eq!(contents[0].0, INDEX);
        for (entry, (path, content)) in index["files"].as_array().unwrap().iter().zip(&contents[1..]) {
            assert_eq!(entry["path"], json!(path));
            assert_eq!(entry["bytes"], json!(content.len()));
        }
        assert_eq!(index["files"].as_array().unwrap().len(), 2);
        assert_eq!(
            index["missing"],
            json!([{"what": "facts of rack7", "why": "no answer from 192.0.2.8"}])
        );
    }

    #[test]
    fn paths_and_what_is_said_of_the_missing_are_anonymized_too() {
        let (bundle, originals) = bundle();
        let (anonymized, mapping) = bundle.anonymized(&originals, &[7; 32]).unwrap();
        let all: String = anonymized
            .contents("2026-01-01T00:00:00Z", true)
            .into_iter()
            .map(|(path, content)| format!("{path}\n{content}\n"))
            .collect();
        for original in ["rack7", "192.0.2.7", "192.0.2.8", "02:00:00:00:00:07"] {
            assert!(!all.contains(original), "{original} in {all}");
        }
        let mapping = serde_json::to_value(mapping).unwrap();
        let node = mapping["names"]["rack7"].as_str().unwrap();
        assert!(all.contains(&format!("logs/{node}.log")), "{all}");
    }
}
