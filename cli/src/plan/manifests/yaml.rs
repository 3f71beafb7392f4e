//! One YAML document → a tree, as kubectl reads it (sigs.k8s.io/yaml with go.yaml.in/yaml/v2): merge keys, the booleans and
//! numbers of YAML 1.1, and the last of equal keys. The grammar is that of the crate granit-parser.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag, options};
use serde_json::Value;

use super::node::{Content, Node, Remark};
use super::scalar;

/// The key that takes the fields of other mappings.
const MERGE: &str = "<<";
/// More nodes than this come from aliases only if somebody wants to fill the memory.
const MOST_ALIASED_NODES: usize = 400_000;

/// What a document holds.
#[derive(Debug)]
pub(super) struct Parsed {
    /// None if it holds nothing but comments.
    pub(super) root: Option<Node>,
    /// What kubectl passes over without a word, and may be meant otherwise.
    pub(super) oddities: Vec<Remark>,
}

/// Reads the first document of a text that begins on this line of its file. An error says why there is no tree.
pub(super) fn parse(text: &str, first_line: usize) -> Result<Parsed, Remark> {
    // Windows editors and `cat` leave a byte order mark where a document begins.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options = options! { emit_comments: false };
    let mut reader = Reader {
        events: Parser::new_from_str_with_options(text, options),
        first_line,
        anchors: HashMap::new(),
        aliased: 0,
        oddities: Vec::new(),
    };
    let root = reader.document()?;
    Ok(Parsed {
        root,
        oddities: reader.oddities,
    })
}

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    first_line: usize,
    /// By anchor: its value, and how many nodes that has.
    anchors: HashMap<usize, (Node, usize)>,
    /// Nodes that aliases have added.
    aliased: usize,
    oddities: Vec<Remark>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Option<Node>, Remark> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd, _) => return Ok(None),
                (event, span) => {
                    let root = self.node(event, span)?;
                    self.rest();
                    return Ok(Some(root));
                }
            }
        }
    }

    /// kubectl reads the first document up to a separator, whatever comes behind it.
    fn rest(&mut self) {
        let mut begins = None;
        for event in &mut self.events {
            begins = match event {
                Ok((Event::DocumentEnd | Event::StreamEnd | Event::DocumentStart(..), _)) => continue,
                Ok((_, span)) => Some(span.start.line()),
                Err(error) => Some(error.marker().line()),
            };
            break;
        }
        if let Some(line) = begins {
            let what = "what follows here is not read: no line of --- separates it".to_owned();
            self.odd(self.first_line + line - 1, what);
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Remark> {
        match self.events.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(self.malformed(error.marker().line(), error.info())),
            None => Err(self.malformed(1, "ends too early".to_owned())),
        }
    }

    fn malformed(&self, line: usize, what: String) -> Remark {
        let line = self.first_line + line.max(1) - 1;
        Remark { line, what }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, Remark> {
        let at = span.start.line();
        let line = self.first_line + at - 1;
        let anchor = event.anchor_id();
        let begin = self.aliased;
        let (node, own) = match event {
            Event::Scalar(text, style, _, tag) => {
                let value = value(text, style, tag.as_deref()).map_err(|cause| self.malformed(at, cause))?;
                (Node::new(line, Content::Scalar(value)), 1)
            }
            Event::SequenceStart(..) => self.sequence(line)?,
            Event::MappingStart(..) => self.mapping(line)?,
            Event::Alias(id) => (self.alias(id, at)?, 1),
            _ => return Err(self.malformed(at, "holds no value here".to_owned())),
        };
        if let Some(id) = anchor {
            let size = own + self.aliased - begin;
            self.anchors.insert(id, (node.clone(), size));
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, at: usize) -> Result<Node, Remark> {
        let Some((node, size)) = self.anchors.get(&id) else {
            return Err(self.malformed(at, "the value of an anchor contains itself".to_owned()));
        };
        if self.aliased + size > MOST_ALIASED_NODES {
            return Err(self.malformed(at, "contains excessive aliasing".to_owned()));
        }
        self.aliased += size;
        Ok(node.clone())
    }

    /// The sequence that has just begun, and how many nodes of its own it has.
    fn sequence(&mut self, line: usize) -> Result<(Node, usize), Remark> {
        let (mut items, mut own) = (Vec::new(), 1);
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok((Node::new(line, Content::Sequence(items)), own)),
                (event, span) => items.push(self.node(event, span)?),
            }
            own += 1;
        }
    }

    fn mapping(&mut self, line: usize) -> Result<(Node, usize), Remark> {
        let mut fields = BTreeMap::new();
        let mut merged = BTreeSet::new();
        let mut own = 1;
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok((Node::new(line, Content::Mapping(fields)), own));
            }
            let merges = is_merge(&event);
            let at = span.start.line();
            let key = self.node(event, span)?;
            let (event, span) = self.next()?;
            let mut value = self.node(event, span)?;
            if merges {
                self.merge(value, at, &mut fields, &mut merged)?;
            } else {
                let name = name(&key).map_err(|cause| self.malformed(at, cause))?;
                value.line = key.line;
                if let Some(old) = fields.get(&name)
                    && !merged.contains(&name)
                {
                    let what = format!("\"{name}\" stands in line {} too; the last one counts", old.line);
                    self.odd(key.line, what);
                }
                merged.remove(&name);
                fields.insert(name, value);
            }
            own += 2;
        }
    }

    /// The fields of the mappings named by a merge key take the place of those that stand before it, and those after it theirs. Of a
    /// list of mappings the first one wins.
    fn merge(
        &mut self,
        value: Node,
        at: usize,
        fields: &mut BTreeMap<String, Node>,
        merged: &mut BTreeSet<String>,
    ) -> Result<(), Remark> {
        let sources = match value.content {
            Content::Sequence(items) => items.into_iter().rev().collect(),
            _ => vec![value],
        };
        for source in sources {
            let Content::Mapping(taken) = source.content else {
                let what = "a merge (<<) needs a mapping, or a list of mappings".to_owned();
                return Err(self.malformed(at, what));
            };
            for (name, node) in taken {
                let line = self.first_line + at - 1;
                if let Some(old) = fields.get(&name)
                    && !merged.contains(&name)
                {
                    let old = old.line;
                    let what =
                        format!("the merge (<<) replaces \"{name}\" of line {old}, which stands before it");
                    self.odd(line, what);
                }
                merged.insert(name.clone());
                fields.insert(name, node);
            }
        }
        Ok(())
    }

    fn odd(&mut self, line: usize, what: String) {
        self.oddities.push(Remark { line, what });
    }
}

fn is_merge(event: &Event<'_>) -> bool {
    match event {
        Event::Scalar(text, style, _, tag) if text == MERGE => match tag {
            None => *style == ScalarStyle::Plain,
            Some(tag) => tag.is_yaml_core_schema_tag("merge"),
        },
        _ => false,
    }
}

/// The value of a scalar. A tag that YAML does not know leaves it a text.
fn value(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let refuse = || Err(format!("\"{text}\" does not fit its tag"));
    let Some(kind) = tag.map(|tag| tag.core_suffix()) else {
        return if style == ScalarStyle::Plain {
            scalar::resolve(&text)
        } else {
            Ok(Value::String(text.into_owned()))
        };
    };
    let resolved = scalar::resolve(&text)?;
    match (kind, &resolved) {
        (Some("bool"), Value::Bool(_))
        | (Some("int" | "float"), Value::Number(_))
        | (Some("null"), Value::Null) => Ok(resolved),
        (Some("bool" | "int" | "float" | "null" | "binary"), _) => refuse(),
        _ => Ok(Value::String(text.into_owned())),
    }
}

/// Keys of JSON are texts.
fn name(key: &Node) -> Result<String, String> {
    match &key.content {
        Content::Scalar(Value::String(text)) => Ok(text.clone()),
        Content::Scalar(value @ (Value::Bool(_) | Value::Number(_))) => Ok(value.to_string()),
        _ => Err(format!("{} is no key", key.described())),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> (Value, Vec<usize>) {
        let parsed = parse(text, 1).unwrap();
        let root = parsed.root.as_ref().map_or(Value::Null, Node::to_json);
        (root, parsed.oddities.iter().map(|one| one.line).collect())
    }

    #[rstest]
    #[case::before_the_key("a: &a {x: 1, w: 1}\nb: {<<: *a, x: 2}", json!({"x": 2, "w": 1}), &[])]
    #[case::after_the_key("a: &a {x: 1, w: 1}\nb: {x: 2, <<: *a}", json!({"x": 1, "w": 1}), &[2])]
    #[case::the_first_of_a_list_wins("b: {<<: [{x: 1}, {x: 2, w: 2}]}", json!({"x": 1, "w": 2}), &[])]
    #[case::twice("b: {<<: {x: 1}, <<: {x: 2}}", json!({"x": 2}), &[])]
    #[case::quoted_it_is_a_key("b: {'<<': {x: 1}}", json!({"<<": {"x": 1}}), &[])]
    #[case::of_a_merge("a: &a {x: 1}\nc: &c {<<: *a, w: 2}\nb: {<<: *c}", json!({"x": 1, "w": 2}), &[])]
    fn a_merge_counts_where_it_stands(#[case] text: &str, #[case] expected: Value, #[case] odd: &[usize]) {
        let (root, oddities) = read(text);
        assert_eq!((&root["b"], oddities.as_slice()), (&expected, odd));
    }

    #[test]
    fn of_equal_keys_the_last_one_counts_and_is_named() {
        assert_eq!(read("a: 1\nb: 2\na: 3\n"), (json!({"a": 3, "b": 2}), vec![3]));
    }

    #[test]
    fn what_no_separator_divides_is_named_and_not_read() {
        assert_eq!(read("a: 1\n...\nb: 2\n"), (json!({"a": 1}), vec![3]));
        assert_eq!(read("a: 1\n...\n# nothing\n"), (json!({"a": 1}), vec![]));
    }

    #[rstest]
    #[case::tag_of_a_text("!!str 5", json!("5"))]
    #[case::tag_of_a_number("!!int '5'", json!(5))]
    #[case::own_tag("!secret 5", json!("5"))]
    #[case::quoted("'yes'", json!("yes"))]
    #[case::block("|\n  yes\n", json!("yes\n"))]
    fn quotes_and_tags_say_what_a_scalar_is(#[case] text: &str, #[case] expected: Value) {
        assert_eq!(read(&format!("a: {text}")).0["a"], expected);
    }

    #[test]
    fn keys_are_texts() {
        let expected = json!({"1": "a", "true": "b"});
        assert_eq!(read("1: a\non: b\n").0, expected);
    }

    #[rstest]
    #[case::within_itself("a: &a [*a]", 1)]
    #[case::of_nothing("a: 1\nb: *a", 2)]
    #[case::merge_of_a_scalar("a:\n  <<: b", 2)]
    #[case::null_as_key("a: 1\n~: b", 2)]
    #[case::list_as_key("[a]: b", 1)]
    #[case::infinite("a: .inf", 1)]
    fn an_error_names_its_line(#[case] text: &str, #[case] line: usize) {
        assert_eq!(parse(text, 1).unwrap_err().line, line);
    }

    #[test]
    fn aliases_of_aliases_end_somewhere() {
        let line = |level: usize| {
            let aliases = vec![format!("*a{}", level - 1); 20].join(", ");
            format!("a{level}: &a{level} [{aliases}]\n")
        };
        let text: String = std::iter::once("a0: &a0 x\n".to_owned())
            .chain((1..8).map(line))
            .collect();
        assert!(parse(&text, 1).unwrap_err().what.contains("aliasing"));
    }
}
