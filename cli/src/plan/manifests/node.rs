//! A document as a tree of values that know their lines.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// Line of the file, from 1; of a field, the line of its key.
    pub(super) line: usize,
    pub(super) content: Content,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// Null, a boolean, a number or a text.
    Scalar(Value),
    Sequence(Vec<Node>),
    Mapping(BTreeMap<String, Node>),
}

/// Something to say of a line of a file.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Remark {
    pub(super) line: usize,
    pub(super) what: String,
}

impl Node {
    pub(super) fn new(line: usize, content: Content) -> Self {
        Self { line, content }
    }

    pub(super) fn is_null(&self) -> bool {
        self.content == Content::Scalar(Value::Null)
    }

    /// The field of this name that is not null.
    pub(super) fn get(&self, field: &str) -> Option<&Self> {
        match &self.content {
            Content::Mapping(fields) => fields.get(field).filter(|one| !one.is_null()),
            _ => None,
        }
    }

    /// The text in this field.
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        match &self.get(field)?.content {
            Content::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The values in this field, if it is a list.
    pub(super) fn list(&self, field: &str) -> Option<&[Self]> {
        match &self.get(field)?.content {
            Content::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The same without lines.
    pub(super) fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::Sequence(items) => items.iter().map(Self::to_json).collect(),
            Content::Mapping(fields) => {
                let field = |(name, node): (&String, &Self)| (name.clone(), node.to_json());
                Value::Object(fields.iter().map(field).collect::<Map<_, _>>())
            }
        }
    }

    /// As it is called in messages: a value in full if it is short, else what it is.
    pub(super) fn described(&self) -> String {
        match &self.content {
            Content::Scalar(value) => value.to_string(),
            Content::Sequence(_) => "a list".to_owned(),
            Content::Mapping(_) => "an object".to_owned(),
        }
    }
}
