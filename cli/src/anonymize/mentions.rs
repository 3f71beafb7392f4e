//! Names that logs, metrics and answers mention, of objects that may be gone: `service=shop/web`, `"node": "n1"`,
//! `IPAddressPool/metallb-system/lan`.

use super::originals::Kind;

/// Kinds of objects as messages name them, each followed by namespace and name, or by a name alone.
const OBJECTS: [(&str, Kind); 14] = [
    ("Service", Kind::Service),
    ("Node", Kind::Node),
    ("Pod", Kind::Pod),
    ("Namespace", Kind::Namespace),
    ("IPAddressPool", Kind::Pool),
    ("L2Advertisement", Kind::Name),
    ("ServiceL2Status", Kind::Name),
    ("ConfigurationState", Kind::Name),
    ("BGPPeer", Kind::Name),
    ("BGPAdvertisement", Kind::Name),
    ("BFDProfile", Kind::Name),
    ("Community", Kind::Name),
    ("EndpointSlice", Kind::Name),
    ("Secret", Kind::Name),
];

/// What a field of a log, a label of a metric or a key of JSON names.
fn kind_of(key: &str) -> Option<Kind> {
    Some(match key {
        "service" | "services" => Kind::Service,
        "node" | "heir" | "from" | "to" | "told_by" => Kind::Node,
        "pool" => Kind::Pool,
        "namespace" => Kind::Namespace,
        "leader" | "identity" => Kind::Name,
        _ => return None,
    })
}

/// Each name with its kind, as often as it is mentioned.
pub(super) fn of(text: &str) -> Vec<(Kind, &str)> {
    let mut found = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'=' => assigned(text, at, &mut found),
            b':' => keyed(text, at, &mut found),
            b'/' | b' ' => of_object(text, at, &mut found),
            _ => {}
        }
    }
    found
}

/// `key=value`, and of several values `key="one, two"`.
fn assigned<'a>(text: &'a str, at: usize, found: &mut Vec<(Kind, &'a str)>) {
    let Some(kind) = kind_of(word_before(text, at)) else {
        return;
    };
    values(text[at + 1..].trim_start_matches('\\'), kind, found);
}

/// `"key": "value"`, and `"key": ["one", "two"]`. Quotes may be escaped.
fn keyed<'a>(text: &'a str, at: usize, found: &mut Vec<(Kind, &'a str)>) {
    let Some(before) = text[..at].strip_suffix('"') else {
        return;
    };
    let before = before.strip_suffix('\\').unwrap_or(before);
    let Some(kind) = kind_of(word_before(before, before.len())) else {
        return;
    };
    let rest = text[at + 1..].trim_start_matches([' ', '\n', '[', '\\']);
    if rest.starts_with('"') {
        values(rest, kind, found);
    }
}

/// One after the other, with nothing but quotes, commas and blanks between them; only one without quotes.
fn values<'a>(mut rest: &'a str, kind: Kind, found: &mut Vec<(Kind, &'a str)>) {
    let is_quoted = rest.starts_with('"');
    loop {
        rest = rest.trim_start_matches(['"', '\\']);
        let value = run(rest);
        if value.is_empty() {
            return;
        }
        add(kind, value, found);
        rest = &rest[value.len()..];
        let after = rest.trim_start_matches(['"', '\\']);
        let Some(next) = after.strip_prefix(',').filter(|_| is_quoted) else {
            return;
        };
        let next = next.trim_start();
        // The next field begins with a key.
        let key = run(next.trim_start_matches(['"', '\\']));
        let behind = next.trim_start_matches(['"', '\\'])[key.len()..].trim_start_matches(['"', '\\']);
        if behind.starts_with(':') || behind.starts_with('=') {
            return;
        }
        rest = next;
    }
}

/// `Kind/namespace/name`, `Kind namespace/name`.
fn of_object<'a>(text: &'a str, at: usize, found: &mut Vec<(Kind, &'a str)>) {
    let word = word_before(text, at);
    let Some((_, kind)) = OBJECTS.iter().find(|(name, _)| *name == word) else {
        return;
    };
    let name = run(&text[at + 1..]);
    // Behind a blank a sentence may go on.
    if text.as_bytes()[at] == b'/' || name.contains('/') {
        add(*kind, name, found);
    }
}

fn add<'a>(kind: Kind, name: &'a str, found: &mut Vec<(Kind, &'a str)>) {
    match name.split_once('/') {
        Some((namespace, name)) => {
            found.push((Kind::Namespace, namespace));
            found.push((kind, name.split('/').next().unwrap_or_default()));
        }
        None => found.push((kind, name)),
    }
}

/// What a name may consist of, from the beginning on.
fn run(text: &str) -> &str {
    let end = text
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '/' | '_')));
    text[..end.unwrap_or(text.len())].trim_end_matches(['.', '/', '-', '_'])
}

fn word_before(text: &str, at: usize) -> &str {
    let before = &text[..at];
    let begin = before.rfind(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    &before[begin.map_or(0, |begin| {
        begin + before[begin..].chars().next().map_or(1, char::len_utf8)
    })..]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::field("announcing service=shop/web node=rack7", &["shop", "web", "rack7"])]
    #[case::quoted(r#"up node="rack7", step="up""#, &["rack7"])]
    #[case::several(r#"services="shop/web, shop/mail" reason=x"#, &["shop", "web", "shop", "mail"])]
    #[case::json(r#"{"services":["shop/web","shop/mail"],"from":"rack7","cause":"New"}"#, &["shop", "web", "shop", "mail", "rack7"])]
    #[case::pretty("\"services\": [\n    \"shop/web\"\n  ]", &["shop", "web"])]
    #[case::metric(r#"x{service="shop/web",protocol="layer2",node="rack7",ip="192.0.2.1"} 1"#, &["shop", "web", "rack7"])]
    #[case::object("fault=\"IPAddressPool/lb/lan: spec.addresses\"", &["lb", "lan"])]
    #[case::object_in_a_sentence("Service shop/web asks for it", &["shop", "web"])]
    #[case::sentence("a Service has no address: it waits. Node is down", &[])]
    #[case::nothing("service=", &[])]
    fn names_are_found_by_what_stands_before_them(#[case] text: &str, #[case] expected: &[&str]) {
        let found: Vec<&str> = of(text).into_iter().map(|(_, name)| name).collect();
        assert_eq!(found, expected);
    }
}
