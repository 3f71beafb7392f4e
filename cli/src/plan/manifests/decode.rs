//! One document → one object, or what is wrong with which field.

use std::path::{Path, PathBuf};

use kube::Resource;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

/// Fields by which the type was chosen; the types themselves do not read them.
const READ_BEFORE: [&str; 2] = ["apiVersion", "kind"];

/// A manifest that cannot be read.
#[derive(Debug, Error)]
pub(in crate::plan) enum Unreadable {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{}: holds no .yaml, .yml or .json file", .0.display())]
    Empty(PathBuf),
    #[error("{}: document {document}: {cause}", path.display())]
    Syntax {
        path: PathBuf,
        document: usize,
        cause: serde_yaml::Error,
    },
    #[error("{}: document {document}: {object}: {field}: {cause}", path.display())]
    Field {
        path: PathBuf,
        document: usize,
        object: String,
        field: String,
        cause: String,
    },
}

/// Where an object stands, for messages.
pub(super) struct Place<'a> {
    pub(super) path: &'a Path,
    pub(super) document: usize,
}

impl Place<'_> {
    /// A resource of ours: a field that we do not know is an error, as `kubectl apply` has it.
    pub(super) fn strictly<K>(&self, object: Value) -> Result<K, Unreadable>
    where
        K: DeserializeOwned + Resource<DynamicType = ()>,
    {
        let name = name(&object);
        let mut unknown = None;
        let parsed = self.decode(&name, |track| {
            let deserializer = serde_path_to_error::Deserializer::new(object, track);
            serde_ignored::deserialize(deserializer, |field| {
                let field = field.to_string();
                if !READ_BEFORE.contains(&field.as_str()) {
                    unknown.get_or_insert(field);
                }
            })
        });
        match unknown {
            Some(field) if parsed.is_ok() => Err(self.refuse(&name, &field, "unknown field")),
            _ => parsed,
        }
    }

    /// A resource of Kubernetes: newer versions may have fields that we do not know.
    pub(super) fn leniently<K>(&self, object: Value) -> Result<K, Unreadable>
    where
        K: DeserializeOwned + Resource<DynamicType = ()>,
    {
        self.decode(&name(&object), |track| {
            K::deserialize(serde_path_to_error::Deserializer::new(object, track))
        })
    }

    fn decode<K: Resource<DynamicType = ()>>(
        &self,
        name: &str,
        decode: impl FnOnce(&mut serde_path_to_error::Track) -> Result<K, serde_json::Error>,
    ) -> Result<K, Unreadable> {
        let mut track = serde_path_to_error::Track::new();
        let object = decode(&mut track)
            .map_err(|cause| self.refuse(name, &track.path().to_string(), &cause.to_string()))?;
        match object.meta().name.as_deref() {
            None | Some("") => Err(self.refuse(name, "metadata.name", "must not be empty")),
            Some(_) => Ok(object),
        }
    }

    pub(super) fn refuse(&self, object: &str, field: &str, cause: &str) -> Unreadable {
        Unreadable::Field {
            path: self.path.to_owned(),
            document: self.document,
            object: object.to_owned(),
            field: field.to_owned(),
            cause: cause.to_owned(),
        }
    }
}

/// Kind and name as far as they can be read.
fn name(object: &Value) -> String {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    name.map_or_else(|| kind.to_owned(), |name| format!("{kind} {name}"))
}
