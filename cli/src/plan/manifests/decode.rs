//! One object of a document → an object of its type, or what is wrong with which of its fields.

use std::fmt;
use std::path::{Path, PathBuf};

use kube::Resource;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::node::Node;
use super::schema::{Schema, Wrong};

/// A part of a manifest that cannot be read.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    pub(super) path: PathBuf,
    /// Document, from 1, and line of the file; none if the file itself cannot be read.
    pub(super) at: Option<(usize, usize)>,
    /// Kind and name as far as they can be read.
    pub(super) object: Option<String>,
    pub(super) cause: String,
}

impl Fault {
    /// The whole file.
    pub(super) fn of_file(path: &Path, cause: impl fmt::Display) -> Self {
        Self {
            path: path.to_owned(),
            at: None,
            object: None,
            cause: cause.to_string(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        if let Some((document, line)) = self.at {
            write!(f, "document {document}: line {line}: ")?;
        }
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        f.write_str(&self.cause)
    }
}

/// Where an object stands, for messages.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) path: &'a Path,
    pub(super) document: usize,
}

impl Place<'_> {
    /// The object, unless its schema refuses it.
    pub(super) fn decode<K>(self, schema: &Schema, object: &Node) -> Result<(K, Value), Vec<Fault>>
    where
        K: DeserializeOwned + Resource<DynamicType = ()>,
    {
        let (value, mut wrong) = schema.read(object);
        let name = value.pointer("/metadata/name").and_then(Value::as_str);
        let is_known = |one: &Wrong| one.field == "metadata.name" || one.field == "metadata";
        if name.is_none_or(str::is_empty) && !wrong.iter().any(is_known) {
            wrong.push(Wrong {
                line: object.get("metadata").unwrap_or(object).line,
                field: "metadata.name".to_owned(),
                cause: "must not be empty".to_owned(),
            });
        }
        if wrong.is_empty() {
            match serde_path_to_error::deserialize(value.clone()) {
                Ok(decoded) => return Ok((decoded, value)),
                Err(error) => wrong.push(Wrong {
                    line: object.line,
                    field: error.path().to_string(),
                    cause: error.into_inner().to_string(),
                }),
            }
        }
        wrong.sort_by_key(|one| one.line);
        let fault = |one: Wrong| self.fault(one.line, Some(object), format!("{}: {}", one.field, one.cause));
        Err(wrong.into_iter().map(fault).collect())
    }

    pub(super) fn fault(self, line: usize, object: Option<&Node>, cause: impl fmt::Display) -> Fault {
        Fault {
            path: self.path.to_owned(),
            at: Some((self.document, line)),
            object: object.map(name),
            cause: cause.to_string(),
        }
    }
}

/// Kind and name as far as they can be read.
fn name(object: &Node) -> String {
    let kind = object.text("kind").unwrap_or("object");
    let name = object.get("metadata").and_then(|metadata| metadata.text("name"));
    name.map_or_else(|| kind.to_owned(), |name| format!("{kind} {name}"))
}
