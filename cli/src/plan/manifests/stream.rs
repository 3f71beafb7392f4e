//! A file's text → its documents, cut where kubectl cuts (`YAMLOrJSONDecoder` of k8s.io/apimachinery).

use serde::de::IgnoredAny;

use super::node::Remark;

/// One document.
#[derive(Debug, PartialEq)]
pub(super) struct Document {
    /// The line of the file on which it begins, from 1.
    pub(super) line: usize,
    pub(super) text: String,
}

/// How much kubectl looks at to see whether a file is JSON, in bytes.
const LOOKED_AT: usize = 4096;

/// The documents of a text that begins with a brace: JSON values in a row. A first or second one that is none makes all that follows
/// YAML; a later one is an error.
pub(super) fn documents(text: &str) -> Vec<Result<Document, Remark>> {
    let head = text.trim_start();
    if !head.starts_with('{') || text.len() - head.len() >= LOOKED_AT {
        return yaml(text, 1);
    }
    let mut documents = Vec::new();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let mut read = 0;
    while let Some(value) = values.next() {
        let begin = text.len() - text[read..].trim_start().len();
        let line = line_of(text, begin);
        match value {
            Ok(IgnoredAny) => {
                let text = text[begin..values.byte_offset()].to_owned();
                documents.push(Ok(Document { line, text }));
            }
            Err(error) if documents.len() > 1 => {
                let what =
                    format!("{error}; a file that begins with several JSON objects must hold nothing else");
                documents.push(Err(Remark { line, what }));
            }
            Err(_) => {
                let rest = text[read..].trim_start_matches(|one: char| one.is_whitespace() && one != '\n');
                let rest = rest.strip_prefix('\n').unwrap_or(rest);
                documents.extend(yaml(rest, line_of(text, text.len() - rest.len())));
            }
        }
        read = values.byte_offset();
    }
    documents
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text[..offset].bytes().filter(|byte| *byte == b'\n').count()
}

/// YAML documents, cut at lines that begin with three dashes, wherever these stand.
fn yaml(text: &str, first_line: usize) -> Vec<Result<Document, Remark>> {
    let mut documents = Vec::new();
    let mut document = Document {
        line: first_line,
        text: String::new(),
    };
    for (text, line) in text.lines().zip(first_line..) {
        let Some(behind) = text.strip_prefix("---").map(str::trim) else {
            document.text.push_str(text);
            document.text.push('\n');
            continue;
        };
        let next = Document {
            line: line + 1,
            text: String::new(),
        };
        documents.push(Ok(std::mem::replace(&mut document, next)));
        if !behind.is_empty() && !behind.starts_with('#') {
            let what = format!("\"{behind}\" stands on the line of the separator ---; kubectl refuses that");
            documents.push(Err(Remark { line, what }));
        }
    }
    documents.push(Ok(document));
    documents.retain(|one| !matches!(one, Ok(document) if document.text.is_empty()));
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<(usize, Option<String>)> {
        let cut = |one| match one {
            Ok(Document { line, text }) => (line, Some(text)),
            Err(Remark { line, .. }) => (line, None),
        };
        documents(text).into_iter().map(cut).collect()
    }

    fn at(line: usize, text: &str) -> (usize, Option<String>) {
        (line, Some(text.to_owned()))
    }

    #[test]
    fn lines_of_three_dashes_cut_and_may_hold_a_comment() {
        assert_eq!(
            cut("---\na: 1\n--- # b\r\nb: 2\r\n"),
            [at(2, "a: 1\n"), at(4, "b: 2\n")]
        );
        assert_eq!(cut("a: |\n---\nb: 2"), [at(1, "a: |\n"), at(3, "b: 2\n")]);
        assert_eq!(
            cut("a: 1\n--- {b: 2}\nc: 3\n"),
            [at(1, "a: 1\n"), (2, None), at(3, "c: 3\n")]
        );
        assert_eq!(cut("---\n---\n"), []);
    }

    #[test]
    fn json_values_may_stand_in_a_row() {
        assert_eq!(
            cut("{\"a\":1}{\"b\":2}\n\n{}\n"),
            [at(1, "{\"a\":1}"), at(1, "{\"b\":2}"), at(3, "{}")]
        );
    }

    #[test]
    fn what_is_no_json_is_yaml_unless_two_values_were_read() {
        assert_eq!(cut("{a: 1}\n---\nb: 2"), [at(1, "{a: 1}\n"), at(3, "b: 2\n")]);
        assert_eq!(cut("{\"a\":1}\n---\nb: 2"), [at(1, "{\"a\":1}"), at(3, "b: 2\n")]);
        assert_eq!(cut("{}\n{}\n---\nb: 2"), [at(1, "{}"), at(2, "{}"), (3, None)]);
    }
}
