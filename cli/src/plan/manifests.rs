//! Files → objects. An error names the file, the document and the field.

mod decode;
mod tidy;

use std::fs;
use std::path::{Path, PathBuf};

use ferrolb_crds::domain::Problem;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::objects::Objects;
use decode::{Place, Unreadable};

const SUFFIXES: [&str; 3] = ["yaml", "yml", "json"];

/// What the manifests hold of the kinds that matter; other kinds are passed over.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    pub(super) objects: Objects,
    pub(super) problems: Vec<Problem>,
}

impl Manifests {
    /// Reads files, and all manifests of directories, in the order of their names. Pools and
    /// advertisements count only in the installation's namespace.
    pub(super) fn read(paths: &[PathBuf], namespace: &str) -> Result<Self, Unreadable> {
        let mut all = Self::default();
        for path in paths {
            for file in files(path)? {
                let text = fs::read_to_string(&file).map_err(|source| Unreadable::File {
                    path: file.clone(),
                    source,
                })?;
                all.read_documents(&file, &text)?;
            }
        }
        all.tidy(namespace);
        Ok(all)
    }

    fn read_documents(&mut self, path: &Path, text: &str) -> Result<(), Unreadable> {
        for (at, document) in serde_yaml::Deserializer::from_str(text).enumerate() {
            let place = Place {
                path,
                document: at + 1,
            };
            let value = Value::deserialize(document).map_err(|cause| Unreadable::Syntax {
                path: path.to_owned(),
                document: place.document,
                cause,
            })?;
            self.read_object(value, &place)?;
        }
        Ok(())
    }

    fn read_object(&mut self, object: Value, place: &Place<'_>) -> Result<(), Unreadable> {
        // An empty document, or one of comments only.
        if object.is_null() {
            return Ok(());
        }
        let text = |field: &str| {
            object
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (group_version, kind) = (text("apiVersion"), text("kind"));
        if group_version.is_empty() || kind.is_empty() {
            let field = if group_version.is_empty() {
                "apiVersion"
            } else {
                "kind"
            };
            return Err(place.refuse("object", field, "must be a text that is not empty"));
        }
        let all = &mut self.objects;
        match (group_version.as_str(), kind.as_str()) {
            ("metallb.io/v1beta1", "IPAddressPool") => all.pools.push(place.strictly(object)?),
            ("metallb.io/v1beta1", "L2Advertisement") => {
                all.adverts.push(place.strictly(with_spec(object))?);
            }
            ("v1", "Service") => all.services.push(place.leniently(object)?),
            ("v1", "Node") => all.nodes.push(place.leniently(object)?),
            ("v1", "Namespace") => all.namespaces.push(place.leniently(object)?),
            ("discovery.k8s.io/v1", "EndpointSlice") => all.slices.push(place.leniently(object)?),
            ("v1", list) if list.ends_with("List") => {
                let items = object
                    .get("items")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                return items
                    .into_iter()
                    .try_for_each(|item| self.read_object(item, place));
            }
            _ => {}
        }
        Ok(())
    }
}

/// An advertisement may do without `spec`; the API server fills in an empty one.
fn with_spec(mut advert: Value) -> Value {
    if let Some(fields) = advert.as_object_mut() {
        fields.entry("spec").or_insert_with(|| json!({}));
    }
    advert
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let refuse = |source| Unreadable::File {
        path: path.to_owned(),
        source,
    };
    if !fs::metadata(path).map_err(refuse)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let is_manifest = |file: &PathBuf| {
        let suffix = file.extension().and_then(|suffix| suffix.to_str());
        file.is_file() && suffix.is_some_and(|suffix| SUFFIXES.contains(&suffix))
    };
    let entries = fs::read_dir(path)
        .map_err(refuse)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(refuse)?;
    let mut files: Vec<PathBuf> = entries
        .into_iter()
        .map(|entry| entry.path())
        .filter(is_manifest)
        .collect();
    files.sort();
    if files.is_empty() {
        Err(Unreadable::Empty(path.to_owned()))
    } else {
        Ok(files)
    }
}
