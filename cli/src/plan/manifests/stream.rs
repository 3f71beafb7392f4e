//! A file's text → its documents, cut where kubectl cuts (`YAMLOrJSONDecoder` of k8s.io/apimachinery).

use serde::de::IgnoredAny;

/// One document.
#[derive(Debug, PartialEq)]
pub(super) struct Document {
    /// The line of the file on which it begins, from 1.
    pub(super) line: usize,
    pub(super) text: Result<String, String>,
}

/// How much kubectl looks at to see whether a file is JSON, in bytes.
const LOOKED_AT: usize = 4096;

/// The documents of a text that begins with a brace: JSON values in a row. A first or second one that is none makes all that follows
/// YAML; a later one is an error.
pub(super) fn documents(text: &str) -> Vec<Document> {
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
            Ok(IgnoredAny) => documents.push(Document {
                line,
                text: Ok(text[begin..values.byte_offset()].to_owned()),
            }),
            Err(error) if documents.len() > 1 => documents.push(Document {
                line,
                text: Err(format!(
                    "{error}; a file that begins with several JSON objects must hold nothing else"
                )),
            }),
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
fn yaml(text: &str, first_line: usize) -> Vec<Document> {
    let mut documents = Vec::new();
    let (mut begin, mut gathered) = (first_line, String::new());
    for (at, line) in text.lines().enumerate() {
        let line_number = first_line + at;
        if let Some(behind) = line.strip_prefix("---") {
            if !gathered.is_empty() {
                documents.push(Document {
                    line: begin,
                    text: Ok(std::mem::take(&mut gathered)),
                });
            }
            let behind = behind.trim();
            if !behind.is_empty() && !behind.starts_with('#') {
                documents.push(Document {
                    line: line_number,
                    text: Err(format!(
                        "\"{behind}\" stands on the line of the separator ---; kubectl refuses that"
                    )),
                });
            }
            begin = line_number + 1;
            continue;
        }
        gathered.push_str(line);
        gathered.push('\n');
    }
    documents.push(Document {
        line: begin,
        text: Ok(gathered),
    });
    documents.retain(|one| one.text.as_deref() != Ok(""));
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<(usize, Option<String>)> {
        let documents = documents(text).into_iter();
        documents.map(|one| (one.line, one.text.ok())).collect()
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
